"""matrix.yaml, read and checked in full before anything is done with it."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from bench import resources
from bench.bound import Bound
from bench.cell import INITS, PART, SEEDINGS, Cell
from bench.controls import CONTROLS
from bench.errors import UsageError, sentence
from bench.matrix.file import BackendEntry, File, Limits, read


@dataclass(frozen=True, kw_only=True)
class Backend:
    """A pinned software stack: its folder of docker/ has its name. It can do `seedings`, `inits` and `presets`."""

    name: str
    title: str
    framework: str
    python: str
    accelerator: str
    seedings: tuple[str, ...]
    inits: tuple[str, ...]
    presets: tuple[str, ...]
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
        cells = (
            Cell(workload=workload, backend=backend.name, seeding=seeding, init=init, preset=preset)
            for workload, backend in itertools.product(self.file.workloads, self.backends.values())
            for seeding, init, preset in itertools.product(backend.seedings, backend.inits, backend.presets)
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


def load(path: Path) -> Matrix:
    """The matrix of a file; UsageError names every problem with its path, value and legal values."""
    file = read(path)
    problems = [*_names(file), *_backends(file), *_presets(file), *_bounds(file)]
    if not problems:
        matrix = _assemble(file)
        problems = _patterns(matrix)
        if not problems:
            return matrix
    raise UsageError(f"{path}:\n" + "\n".join(f"  {one}" for one in problems))


def _assemble(file: File) -> Matrix:
    return Matrix(
        file=file,
        backends={name: _backend(name, entry, file) for name, entry in file.backends.items()},
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


def _backend(name: str, entry: BackendEntry, file: File) -> Backend:
    fields = entry.model_dump(exclude={"seedings", "inits", "presets"})
    return Backend(
        name=name,
        seedings=tuple(one for one in SEEDINGS if entry.seedings is None or one in entry.seedings),
        inits=tuple(one for one in INITS if entry.inits is None or one in entry.inits),
        presets=tuple(one for one in file.presets if entry.presets is None or one in entry.presets),
        **fields,
    )


def _names(file: File) -> list[str]:
    """Names that become parts of cell ids."""
    groups: dict[str, Iterable[str]] = {"backends": file.backends, "workloads": file.workloads, "presets": file.presets}
    return [
        f"$.{group}: the name {name!r}; legal: a-z 0-9 . - and no other"
        for group, names in groups.items()
        for name in names
        if not PART.fullmatch(name)
    ]


def _backends(file: File) -> list[str]:
    """What a backend names and this file or the guest does not have."""
    found = []
    for name, backend in file.backends.items():
        if backend.framework not in resources.frameworks():
            found.append(
                sentence(
                    path=f"$.backends.{name}.framework",
                    what="unknown framework",
                    seen=backend.framework,
                    legal=resources.frameworks(),
                )
            )
        for index, preset in enumerate(backend.presets or []):
            if preset not in file.presets:
                path = f"$.backends.{name}.presets[{index}]"
                found.append(sentence(path=path, what="unknown preset", seen=preset, legal=file.presets))
    return found


def _presets(file: File) -> list[str]:
    found = [
        sentence(path=f"$.fail_closed[{index}]", what="unknown preset", seen=name, legal=file.presets)
        for index, name in enumerate(file.fail_closed)
        if name not in file.presets
    ]
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
    if file.yardstick is not None:
        named.append(("$.yardstick", file.yardstick))
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
