"""What became of one expectation on one thing that it speaks of."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from bench import machines
from bench.bound import Bound
from bench.cell import Cell
from bench.comparison import Comparison, within
from bench.digests import lines_digest
from bench.distance import digits_text
from bench.matrix import Expectation
from bench.records import RunKey

#: `removable`: holds, and is a known exception that is no longer needed. `few`: too few runs to tell distributions
#: apart, ever. `failed` and `unavailable`: there are no runs to judge. `changed`: the stack, or what is trained, is
#: another, and nothing was promised for it.
State = Literal["holds", "removable", "breach", "few", "failed", "unavailable", "changed"]
HOLDS: tuple[State, ...] = ("holds", "removable")
BREACHES: tuple[State, ...] = ("breach", "few")
NOT_JUDGED: tuple[State, ...] = ("failed", "unavailable", "changed")


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One expectation on one comparison: what became of it, and a sentence that says what was seen. `records` are
    digests of the records to look at, two if they are to be compared. No date of today enters here."""

    expectation: Expectation
    subject: str
    state: State
    seen: str
    records: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return self.state in HOLDS

    @property
    def fails(self) -> bool:
        """Whether the expectation is broken, excused or not."""
        return self.state in BREACHES

    def excused(self, today: dt.date) -> bool:
        """Whether it is broken and a known exception that has not run out."""
        return self.fails and self.expectation.until is not None and today <= self.expectation.until

    def breach(self, today: dt.date) -> bool:
        """Whether it is broken and nothing excuses it. The one place where the date matters."""
        return self.fails and not self.excused(today)


def verdict(holds: bool) -> State:
    return "holds" if holds else "breach"


#: What the matrix asks for, and what follows from it: where nothing else differs, the training was changed on purpose.
ASKED = frozenset({"epochs", "repeats", "losses"})


def asked(pair: Comparison) -> bool:
    """Whether two runs cannot be compared for what the matrix asks of one of them, and for nothing else."""
    return pair.verdict == "INCOMPARABLE" and {one.key for one in pair.differences} <= ASKED


def reaches(pair: Comparison, bound: Bound) -> bool:
    """Whether a comparison reaches a bound. An error or an incomparable pair never does."""
    if pair.verdict == "IDENTICAL":
        return True
    return pair.verdict in ("ROUNDING", "DIFFERENT") and pair.measures is not None and within(pair.measures, bound)


def describe(pair: Comparison) -> str:
    """A comparison in a few words."""
    if pair.measures is None or pair.verdict in ("IDENTICAL", "ERROR", "INCOMPARABLE"):
        return pair.verdict + (f" ({pair.reason})" if pair.reason else "")
    weights = "not a number on one side" if pair.measures.weights_ulp is None else f"{pair.measures.weights_ulp} ULP"
    parted = f", parted at {pair.parted()}" if pair.divergence else ""
    digits = digits_text(pair.measures.min_digits)
    return f"{pair.verdict}: weights {weights}, scores {digits} digits{parted}"


class Names:
    """Subjects of judgements: the cell, and machine, seeds and stack where a campaign has several of them."""

    def __init__(self, runs: Iterable[RunKey]) -> None:
        self._seeds, self._stacks = defaultdict(set), defaultdict(set)
        self._runs = list(runs)
        places = set()
        for run in self._runs:
            place = run.machine.label, run.machine.hardware
            places.add(place)
            self._seeds[run.cell].add(_seeds(run))
            self._stacks[run.cell, place].add(run.stack)
        self._machines = machines.names(places)

    def machine(self, run: RunKey) -> str:
        place = run.machine.label, run.machine.hardware
        return self._machines.get(place, run.machine.label)

    def of(self, run: RunKey, other: str | None = None) -> str:
        """`CELL`, `CELL on MACHINE`, or `CELL ~ OTHER on MACHINE`, where the other is of the same machine."""
        return (run.cell if other is None else f"{run.cell} ~ {other}") + self._details(run)

    def across(self, runs: Iterable[RunKey]) -> str:
        """The subject of one cell's runs on several machines."""
        found = list(runs)
        names = list(dict.fromkeys(self.machine(run) for run in found))
        on = joined(names)
        if len(names) > NAMED:  # known exceptions are found by subject, so that two fleets must not have one
            on += f" ({names[0]} to {names[-1]}, {lines_digest(names)[:8]})"
        stacks = {run.stack for run in self._runs if run.cell == found[0].cell}
        stack = f", stack {str(found[0].stack)[:12]}" if len(stacks) > 1 else ""
        return f"{found[0].cell} on {on}{self._seed(found[0])}{stack}"

    def _details(self, run: RunKey) -> str:
        on = f" on {self.machine(run)}" if len(set(self._machines.values())) > 1 else ""
        several = len(self._stacks[run.cell, (run.machine.label, run.machine.hardware)]) > 1
        return on + self._seed(run) + (f", stack {str(run.stack)[:12]}" if several else "")

    def _seed(self, run: RunKey) -> str:
        unseeded = Cell.parse(run.cell).seeding == "unseeded"
        return "" if unseeded or len(self._seeds[run.cell]) < 2 else f", seed {run.seeds.get('numpy')}"


def _seeds(run: RunKey) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(run.seeds.items()))


#: More names than these are counted.
NAMED = 4


def joined(names: list[str]) -> str:
    """Machines by name, or how many they are."""
    return ", ".join(names) if len(names) <= NAMED else f"{len(names)} machines"
