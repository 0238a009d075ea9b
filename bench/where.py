"""Whom an expectation speaks of: a pattern over cell ids, or `CELL@MACHINE` with one over machines as well."""

from fnmatch import fnmatchcase

from bench import machines
from bench.records import RunKey


def split(pattern: str) -> tuple[str, str]:
    """The pattern of cells and that of machines; `*` where none is given. No cell id has an `@`."""
    cells, _, machine = pattern.partition("@")
    return cells, machine if "@" in pattern else "*"


def speaks(pattern: str, cell: str) -> bool:
    """Whether a pattern speaks of a cell on any machine."""
    return fnmatchcase(cell, split(pattern)[0])


def covers(pattern: str, run: RunKey) -> bool:
    """Whether a pattern speaks of a run. A machine is meant by its label, or by the name that reports give it where a
    label stands for several: `lab-3`, `lab-3 (1f2e3d4c)`."""
    cells, wanted = split(pattern)
    label, hardware = run.machine.label, run.machine.hardware or ""
    known = (label, f"{label} ({hardware[: machines.SHORT]})")
    return fnmatchcase(run.cell, cells) and any(fnmatchcase(name, wanted) for name in known)
