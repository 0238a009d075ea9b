"""Which cells and machines produce numbers that somebody printed: the same print, so many digits, or one more draw."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bench import comparability, distance, machines
from bench.cell import Cell, selected
from bench.errors import UsageError
from bench.placement import Placement, Printed, place
from bench.records import Record
from bench.store import Stored

Answer = Literal["PRINTED", "DRAW", "NOT PRODUCED"]

#: What tells two runs apart that are meant to be the same, on whatever night.
RERUN = frozenset({"index", "campaign"})


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """All runs of one cell, seeds, stack and machine, of every campaign, beside the claimed numbers.

    `printing` of the `runs` print them all. `digits` are those of the nearest run at its worst position
    (-log10(|x - c| / |c|); infinity if equal).
    """

    cell: Cell
    machine: str
    stack: str
    seeds: Mapping[str, int]
    runs: int
    printing: int
    digits: float
    placement: Placement

    @property
    def answer(self) -> Answer:
        if self.printing:
            return "PRINTED"
        return "DRAW" if self.placement.drawn else "NOT PRODUCED"

    @property
    def produces(self) -> bool:
        return self.answer != "NOT PRODUCED"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The claimed numbers and every candidate, the best first; `shorter` runs have fewer scores than were claimed."""

    numbers: tuple[Printed, ...]
    candidates: tuple[Candidate, ...]
    shorter: int

    @property
    def produced(self) -> bool:
        return any(one.produces for one in self.candidates)

    @property
    def closest(self) -> Candidate | None:
        """Whose nearest run agrees to the most digits at its worst position."""
        return max(self.candidates, key=lambda one: (one.printing > 0, one.digits), default=None)


def parse(texts: Iterable[str]) -> tuple[Printed, ...]:
    """The numbers of command line words or lines of a file, apart by blanks or commas; `#` starts a comment.
    UsageError for what is no number, or if there is none."""
    words = [word for text in texts for line in text.splitlines() for word in line.partition("#")[0].split()]
    found = tuple(Printed.parse(part) for word in words for part in word.strip("[](),;").split(",") if part)
    if not found:
        raise UsageError("no numbers; give them as arguments, such as 0.169326527063 2.75750621228e-05, or with --file")
    return found


def check(stored: Iterable[Stored], numbers: Sequence[Printed], only: Sequence[str] = ()) -> Claim:
    """Holds k claimed numbers against the first k scores of every ok run; `only` are patterns of cells."""
    gathered: dict[tuple[tuple[str, str], ...], dict[tuple[str, int], Record]] = {}
    shorter = 0
    for one in sorted(stored, key=lambda one: (one.record.started, one.digest)):
        record = one.record
        if not record.ok or not selected(record.run.cell, only):
            continue
        assert record.outcome is not None  # it is ok
        if len(record.outcome.repeats) < len(numbers):
            shorter += 1
            continue
        key = tuple((name, value) for name, value in comparability.keys(record).items() if name not in RERUN)
        gathered.setdefault(key, {}).setdefault((record.run.campaign, record.run.index), record)
    chosen = [[runs[key] for key in sorted(runs)] for runs in gathered.values()]
    names = machines.names((runs[0].run.machine.label, runs[0].run.machine.hardware) for runs in chosen)
    found = [_candidate(runs, numbers, names) for runs in chosen]
    return Claim(numbers=tuple(numbers), candidates=tuple(sorted(found, key=_rank)), shorter=shorter)


def _candidate(
    runs: Sequence[Record], numbers: Sequence[Printed], names: Mapping[tuple[str, str | None], str]
) -> Candidate:
    first = runs[0].run
    cell = Cell.parse(first.cell)
    scores = [record.outcome.scores for record in runs if record.outcome]
    return Candidate(
        cell=cell,
        machine=names[first.machine.label, first.machine.hardware],
        stack=str(first.stack),
        seeds=first.seeds if cell.seeding != "unseeded" else {},
        runs=len(runs),
        printing=sum(all(one.same(value) for one, value in zip(numbers, row, strict=False)) for row in scores),
        digits=max(_digits(numbers, row) for row in scores),
        placement=place(numbers, scores, pooled=cell.seeding == "unseeded"),
    )


def _digits(numbers: Sequence[Printed], scores: Sequence[float]) -> float:
    """Agreeing digits of one run at its worst position."""
    return min(
        math.inf if one.same(value) else distance.digits(value, one.value)
        for one, value in zip(numbers, scores, strict=False)
    )


def _rank(one: Candidate) -> tuple[object, ...]:
    """The same print first, then draws by how far in the middle they lie, then by digits; names decide ties."""
    order = ("PRINTED", "DRAW", "NOT PRODUCED").index(one.answer)
    middle = -one.placement.p if one.answer == "DRAW" else 0.0
    return order, -one.printing / one.runs, middle, -one.digits, str(one.cell), one.machine, one.stack, str(one.seeds)
