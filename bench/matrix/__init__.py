"""matrix.yaml, read and checked in full before anything is done with it."""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.cell import INITS, PART, SEEDINGS, Cell
from bench.controls import CONTROLS
from bench.errors import UsageError, sentence

SCOPES = ("run", "machine", "backend", "control", "night", "published")
Scope = Literal["run", "machine", "backend", "control", "night", "published"]
Trace = Literal["scores", "epochs"]
#: NumPy takes seeds of 32 bits, and the backend gets seed + 1.
Seed = Annotated[int, Field(ge=0, lt=2**32 - 1)]
Framework = Literal["theano", "tensorflow", "jax", "torch", "numpy"]


@dataclass(frozen=True, kw_only=True)
class Bound:
    """How close is close enough: `identical`, `N ulp` of weights and predictions, `N digits` of scores."""

    LEGAL: ClassVar[tuple[str, ...]] = ("identical", "N ulp", "N digits")

    kind: Literal["identical", "ulp", "digits"]
    limit: float = 0.0

    def __str__(self) -> str:
        return self.kind if self.kind == "identical" else f"{self.limit:g} {self.kind}"

    @staticmethod
    def parse(text: str) -> "Bound":
        """ValueError if the text is none of `LEGAL`."""
        if text == "identical":
            return Bound(kind="identical")
        match = re.fullmatch(r"(\d+(?:\.\d+)?) (ulp|digits)", text)
        if not match or (match.group(2) == "ulp" and "." in match.group(1)):
            raise ValueError(text)
        return Bound(kind="ulp" if match.group(2) == "ulp" else "digits", limit=float(match.group(1)))


class Entry(BaseModel):
    """A part of the file: strict types, unknown keys refused, frozen."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Limits(Entry):
    """Limits of one container: memory in MiB, number of processes, seconds of wall time."""

    memory_mb: int = Field(ge=64)
    processes: int = Field(ge=8)
    seconds: float = Field(gt=0)


class BackendEntry(Entry):
    title: str
    framework: Framework
    python: str = Field(pattern=r"^\d+\.\d+$")
    accelerator: Literal["cpu", "gpu"] = "cpu"
    compile_cache: bool = False
    disk_mb: int = Field(default=0, ge=0)


class WorkloadEntry(Entry):
    repeats: int = Field(ge=1)
    epochs: int = Field(ge=1)


class CellsEntry(Entry):
    cells: str
    runs: int = Field(ge=1)


class ExpectationEntry(Entry):
    where: str
    scope: Scope
    at_least: str
    required: bool = False
    reason: str | None = None


class ReferenceEntry(Entry):
    lane: str
    where: str


class File(Entry):
    """The file as written."""

    schema_: Literal[1] = Field(alias="schema")
    backends: dict[str, BackendEntry] = Field(min_length=1)
    workloads: dict[str, WorkloadEntry] = Field(min_length=1)
    presets: dict[str, dict[str, Any]] = Field(min_length=1)
    exclude: list[str] = []
    seeds: list[Seed] = Field(min_length=1)
    runs: int = Field(ge=1)
    trace: Trace
    limits: Limits
    default: list[str | CellsEntry]
    references: list[ReferenceEntry] = []
    expect: list[ExpectationEntry] = []


@dataclass(frozen=True, kw_only=True)
class Backend:
    """A pinned software stack: its folder of docker/ has its name."""

    name: str
    title: str
    framework: str
    python: str
    accelerator: str
    compile_cache: bool
    disk_mb: int


@dataclass(frozen=True, kw_only=True)
class Expectation:
    where: str
    scope: str
    at_least: Bound
    required: bool
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A lane of the published numbers and the cells that it belongs to."""

    lane: str
    where: str


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """The checked matrix."""

    file: File
    backends: dict[str, Backend]
    expect: tuple[Expectation, ...]
    references: tuple[Reference, ...]

    @property
    def limits(self) -> Limits:
        return self.file.limits

    def space(self) -> tuple[Cell, ...]:
        """Every cell that can exist, in the order of the file."""
        product = itertools.product(self.file.workloads, self.file.backends, SEEDINGS, INITS, self.file.presets)
        cells = (
            Cell(workload=workload, backend=backend, seeding=seeding, init=init, preset=preset)
            for workload, backend, seeding, init, preset in product
            if init == "native" or seeding == "numpy"
        )
        return tuple(cell for cell in cells if not any(cell.matches(pattern) for pattern in self.file.exclude))

    def default_cells(self) -> tuple[tuple[Cell, int], ...]:
        """The default cells with their numbers of runs, in the order of the file, each once."""
        found: dict[Cell, int] = {}
        for entry in self.file.default:
            pattern, runs = (entry, self.file.runs) if isinstance(entry, str) else (entry.cells, entry.runs)
            for cell in self.space():
                if cell.matches(pattern):
                    found.setdefault(cell, runs)
        return tuple(found.items())

    def select(self, only: Sequence[str] = (), *, every: bool = False) -> tuple[tuple[Cell, int], ...]:
        """Cells that match one of the patterns: of the default cells, or of the whole space. UsageError if a pattern
        matches nothing."""
        whole = tuple((cell, self.file.runs) for cell in self.space())
        pool = whole if every else self.default_cells()
        for pattern in only:
            if not any(cell.matches(pattern) for cell, _ in pool):
                elsewhere = sum(cell.matches(pattern) for cell, _ in whole)
                hint = (
                    f"none of the default cells, but {elsewhere} of the whole space: add --all"
                    if elsewhere
                    else "no cell at all; `bench plan --all` lists them"
                )
                legal = [str(cell) for cell, _ in whole] if not elsewhere else []
                text = sentence(path="--only", what=f"matches {hint}:", seen=pattern)
                close = [cell for cell in legal if fnmatchcase(cell, f"*{pattern.strip('*')}*")][:3]
                raise UsageError(text + (f"; near: {', '.join(close)}" if close else ""))
        return tuple((cell, runs) for cell, runs in pool if not only or any(cell.matches(one) for one in only))


class _Loader(yaml.SafeLoader):
    """YAML that refuses a key given twice; PyYAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise UsageError(
                    f"line {key.start_mark.line + 1}: the key {key.value!r} is given twice; keep one of them"
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def load(path: Path) -> Matrix:
    """The matrix of a file; UsageError names every problem with its path, value and legal values."""
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 (a SafeLoader)
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not readable as YAML: {error}") from None
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None
    if not isinstance(raw, dict):
        what = type(raw).__name__
        legal = ", ".join(_keys([]))
        raise UsageError(f"{path}: {what} at the top; legal: a mapping with the keys {legal}")
    try:
        file = File.model_validate(raw)
    except ValidationError as error:
        problems = [_problem(one) for one in error.errors() if not _is_echo(one)]
        raise UsageError(f"{path}:\n" + "\n".join(f"  {one}" for one in problems)) from None
    problems = [*_names(file), *_presets(file), *_bounds(file)]
    if not problems:
        matrix = _assemble(file)
        problems = _patterns(matrix)
        if not problems:
            return matrix
    raise UsageError(f"{path}:\n" + "\n".join(f"  {one}" for one in problems))


def _assemble(file: File) -> Matrix:
    return Matrix(
        file=file,
        backends={name: Backend(name=name, **entry.model_dump()) for name, entry in file.backends.items()},
        expect=tuple(
            Expectation(
                where=one.where,
                scope=one.scope,
                at_least=Bound.parse(one.at_least),
                required=one.required,
                reason=one.reason,
            )
            for one in file.expect
        ),
        references=tuple(Reference(lane=one.lane, where=one.where) for one in file.references),
    )


def _is_echo(error: Any) -> bool:
    """A union reports each of its alternatives; for `default` the one about strings says nothing more."""
    return error["loc"][0] == "default" and error["loc"][-1] == "str" and isinstance(error["input"], dict)


def _problem(error: Any) -> str:
    """One line for one of pydantic's errors: path, value, legal values, did you mean."""
    location = [part for part in error["loc"] if part not in ("str", "CellsEntry")]
    path = "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    kind, value = error["type"], error["input"]
    if kind == "extra_forbidden":
        return sentence(path=path, what="unknown key", seen=str(location[-1]), legal=_keys(location[:-1]))
    if kind == "missing":
        return f"{path}: missing; it must be given"
    if kind == "literal_error":
        return sentence(
            path=path,
            what="unknown value",
            seen=value,
            legal=[word.strip("' ") for word in re.split(r",| or ", error["ctx"]["expected"])],
        )
    if kind == "string_type" and isinstance(value, int | float) and not isinstance(value, bool):
        return f'{path}: {value!r} is a number here; legal: text, so quote it: "{value}"'
    return f"{path}: {error['msg'][0].lower()}{error['msg'][1:]}; seen {value!r}"


#: Which entry stands at a path of the file, for the legal keys of a message.
SHAPES: dict[tuple[str, ...], type[Entry]] = {
    (): File,
    ("backends", "*"): BackendEntry,
    ("workloads", "*"): WorkloadEntry,
    ("limits",): Limits,
    ("default", "*"): CellsEntry,
    ("expect", "*"): ExpectationEntry,
    ("references", "*"): ReferenceEntry,
}


def _keys(location: Sequence[Any]) -> list[str]:
    shape = tuple("*" if place else str(part) for place, part in enumerate(location))
    entry = SHAPES.get(shape)
    return [field.alias or name for name, field in entry.model_fields.items()] if entry else []


def _names(file: File) -> list[str]:
    """Names that become parts of cell ids."""
    groups: dict[str, Iterable[str]] = {"backends": file.backends, "workloads": file.workloads, "presets": file.presets}
    return [
        f"$.{group}: the name {name!r}; legal: a-z 0-9 . - and no other"
        for group, names in groups.items()
        for name in names
        if not PART.fullmatch(name)
    ]


def _presets(file: File) -> list[str]:
    found = []
    for name, controls in file.presets.items():
        for control, value in controls.items():
            path = f"$.presets.{name}.{control}"
            if control not in CONTROLS:
                found.append(sentence(path=path, what="unknown control", seen=control, legal=CONTROLS))
            elif legal := CONTROLS[control].problem(value):
                found.append(f"{path}: {value!r}; legal: {legal}")
    return found


def _bounds(file: File) -> list[str]:
    found = []
    for index, one in enumerate(file.expect):
        try:
            Bound.parse(one.at_least)
        except ValueError:
            found.append(
                sentence(path=f"$.expect[{index}].at_least", what="unknown bound", seen=one.at_least, legal=Bound.LEGAL)
            )
    return found


def _patterns(matrix: Matrix) -> list[str]:
    """Patterns that select nothing: a typing error more often than a wish."""
    file = matrix.file
    named = [
        (f"$.default[{index}]", one if isinstance(one, str) else one.cells) for index, one in enumerate(file.default)
    ]
    named += [(f"$.expect[{index}].where", one.where) for index, one in enumerate(file.expect)]
    named += [(f"$.references[{index}].where", one.where) for index, one in enumerate(file.references)]
    space = matrix.space()
    return [
        _nothing(path, pattern, matrix) for path, pattern in named if not any(cell.matches(pattern) for cell in space)
    ]


def _nothing(path: str, pattern: str, matrix: Matrix) -> str:
    """Why a pattern matches no cell: the first of its parts that is not a name of the matrix, else the whole."""
    file = matrix.file
    axes: tuple[tuple[str, Iterable[str]], ...] = (
        ("workload", file.workloads),
        ("backend", file.backends),
        ("seeding", SEEDINGS),
        ("init", INITS),
        ("preset", file.presets),
    )
    parts = pattern.split("/")
    if len(parts) == len(axes):
        for part, (axis, legal) in zip(parts, axes, strict=True):
            if not any(fnmatchcase(name, part) for name in legal):
                return sentence(path=path, what=f"unknown {axis}", seen=part, legal=legal)
    return f"{path}: the pattern {pattern!r} matches no cell; `bench plan --all` lists the cells"
