"""matrix.yaml, read and checked in full before anything is done with it."""

import datetime as dt
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from bench import resources
from bench.bound import Bound
from bench.cell import INITS, PART, SEEDINGS, Cell, selected
from bench.controls import CONTROLS
from bench.errors import UsageError, sentence
from bench.matrix.file import BackendEntry, CellsEntry, File, Limits, read


@dataclass(frozen=True, kw_only=True)
class Backend:
    """A pinned software stack: its folder of docker/ has its name. It can do `seedings`, `inits`, `presets` and
    `workloads`."""

    name: str
    title: str
    framework: str
    python: str
    accelerator: str
    seedings: tuple[str, ...]
    inits: tuple[str, ...]
    presets: tuple[str, ...]
    workloads: tuple[str, ...]
    architectures: tuple[str, ...]
    compile_cache: bool
    disk_mb: int


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What must hold of what `where` covers (bench/where.py). With `until` it is a known exception: a breach is excused
    up to that day, for the `reason`."""

    where: str
    scope: str
    at_least: Bound
    required: bool
    reason: str | None
    until: dt.date | None = None


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A lane of the published numbers and the cells that it belongs to."""

    lane: str
    where: str


#: Where cells are selected from: what runs when nothing is asked for, what `--all-workloads` runs, or every cell.
Pool = Literal["default", "all_workloads", "space"]


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A cell that is to run: how often, and what its runs keep."""

    cell: Cell
    runs: int
    trace: str


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
            if workload in backend.workloads
            for seeding, init, preset in itertools.product(backend.seedings, backend.inits, backend.presets)
            if init == "native" or seeding == "numpy"
        )
        return tuple(cell for cell in cells if not any(cell.matches(pattern) for pattern in self.file.exclude))

    def pool(self, name: Pool = "default") -> tuple[Chosen, ...]:
        """The cells of a pool in the order of the file, each once: the first entry that names a cell counts."""
        whole: list[str | CellsEntry] = ["*"]
        entries = {"default": self.file.default, "all_workloads": self.file.all_workloads, "space": whole}[name]
        found: dict[Cell, Chosen] = {}
        for entry in (CellsEntry(cells=one) if isinstance(one, str) else one for one in entries):
            runs, trace = entry.runs or self.file.runs, entry.trace or self.file.trace
            for cell in self.space():
                if cell.matches(entry.cells):
                    found.setdefault(cell, Chosen(cell=cell, runs=runs, trace=trace))
        return tuple(found.values())

    def select(self, only: Sequence[str] = (), pool: Pool = "default") -> tuple[Chosen, ...]:
        """Cells of a pool that match one of the patterns. UsageError if a pattern matches nothing."""
        chosen = self.pool(pool)
        for pattern in only:
            if not any(one.cell.matches(pattern) for one in chosen):
                raise UsageError(self._no_match(pattern))
        return tuple(one for one in chosen if selected(str(one.cell), only))

    def _no_match(self, pattern: str) -> str:
        """Why a pattern selects nothing, and what is near it."""
        whole = self.space()
        elsewhere = sum(cell.matches(pattern) for cell in whole)
        if elsewhere:
            hint = f"none of the selected cells, but {elsewhere} of the whole space: add --all"
            return sentence(path="--only", what=f"matches {hint}:", seen=pattern)
        text = sentence(path="--only", what="matches no cell at all; `bench plan --all` lists them:", seen=pattern)
        close = [str(cell) for cell in whole if cell.matches(f"*{pattern.strip('*')}*")][:3]
        return text + (f"; near: {', '.join(close)}" if close else "")


def load(path: Path) -> Matrix:
    """The matrix of a file; UsageError names every problem with its path, value and legal values."""
    file = read(path)
    problems = [*_names(file), *_workloads(file), *_backends(file), *_presets(file)]
    problems += [*_bounds(file), *_exceptions(file)]
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
                until=one.until,
            )
            for one in file.expect
        ),
        references=tuple(Reference(lane=one.lane, where=one.where) for one in file.references),
    )


def _backend(name: str, entry: BackendEntry, file: File) -> Backend:
    fields = entry.model_dump(exclude={"seedings", "inits", "presets", "workloads", "architectures"})
    return Backend(
        name=name,
        seedings=tuple(one for one in SEEDINGS if entry.seedings is None or one in entry.seedings),
        inits=tuple(one for one in INITS if entry.inits is None or one in entry.inits),
        presets=tuple(one for one in file.presets if entry.presets is None or one in entry.presets),
        workloads=tuple(one for one in file.workloads if entry.workloads is None or one in entry.workloads),
        architectures=tuple(entry.architectures),
        **fields,
    )


def _names(file: File) -> list[str]:
    """Names that become parts of cell ids, and those of runners, which become labels of machines."""
    groups: dict[str, Iterable[str]] = {"backends": file.backends, "workloads": file.workloads, "presets": file.presets,
                                         "runners": file.runners}  # fmt: skip
    return [
        f"$.{group}: the name {name!r}; legal: a-z 0-9 . - and no other"
        for group, names in groups.items()
        for name in names
        if not PART.fullmatch(name)
    ]


def _workloads(file: File) -> list[str]:
    """Workloads that the guest does not have."""
    known = resources.workloads()
    return [
        sentence(path=f"$.workloads.{name}", what="unknown workload", seen=name, legal=known)
        for name in file.workloads
        if name not in known
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
        found += _unknown(f"$.backends.{name}.presets", "preset", backend.presets, file.presets)
        found += _unknown(f"$.backends.{name}.workloads", "workload", backend.workloads, file.workloads)
    return found


def _unknown(path: str, what: str, named: Sequence[str] | None, legal: Iterable[str]) -> list[str]:
    return [
        sentence(path=f"{path}[{index}]", what=f"unknown {what}", seen=one, legal=legal)
        for index, one in enumerate(named or [])
        if one not in legal
    ]


def _presets(file: File) -> list[str]:
    found = _unknown("$.fail_closed", "preset", file.fail_closed, file.presets)
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


#: What can be held against something else as a distribution: the runs of one cell are one sample.
SAMPLED = ("machine", "backend", "control", "night")


def _exceptions(file: File) -> list[str]:
    """Known exceptions that lack a half, distributions of one sample, and machines that are named and left empty."""
    found = []
    for index, one in enumerate(file.expect):
        path = f"$.expect[{index}]"
        if (one.until is None) != (one.reason is None):
            missing, there = ("until", "reason") if one.until is None else ("reason", "until")
            found.append(f"{path}.{missing}: missing beside {there}; a known exception has both, all others neither")
        if one.at_least == "same-distribution" and one.scope not in SAMPLED:
            what = "scope of same-distribution cannot be"
            found.append(sentence(path=f"{path}.scope", what=what, seen=one.scope, legal=SAMPLED))
        if one.where.endswith("@"):
            found.append(f"{path}.where: {one.where!r} names no machine; legal: CELL, or CELL@MACHINE")
    return found


def _patterns(matrix: Matrix) -> list[str]:
    """Patterns that select nothing: a typing error more often than a wish."""
    file = matrix.file
    named = [
        (f"$.{key}[{index}]", one if isinstance(one, str) else one.cells)
        for key, entries in (("default", file.default), ("all_workloads", file.all_workloads))
        for index, one in enumerate(entries)
    ]
    if file.yardstick is not None:
        named.append(("$.yardstick", file.yardstick))
    named += [(f"$.expect[{index}].where", one.where.partition("@")[0]) for index, one in enumerate(file.expect)]
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
