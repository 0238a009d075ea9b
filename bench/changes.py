"""A changed stack as one line: nothing was promised for the new one, so that it is neither kept nor broken."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench import fleet, history
from bench.groups import Group
from bench.history import KeyChange
from bench.judgement import Judged, Names, joined
from bench.matrix import Expectation
from bench.nights import Nights, Replaced
from bench.where import covers

#: What the stack digest covers; of a fingerprint's other keys nothing is said here.
OF_STACK = ("package", "debian", "interpreter", "guest")
#: So many packages are named; more are counted.
NAMED = 4

#: The keys that differ between two records' fingerprints; none where they are not known.
Differing = Callable[[str, str], tuple[KeyChange, ...]]


@dataclass(kw_only=True)
class _Change:
    """Cells of one backend that went from one stack to another, or have both on two machines."""

    expectation: Expectation
    backend: str
    stacks: tuple[str, str]
    records: tuple[str, str]
    origin: str
    cells: set[str] = field(default_factory=set)
    machines: dict[str, None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Finds changed stacks, a line for each backend and pair of stacks, however many cells and machines it has."""

    differing: Differing = lambda _left, _right: ()

    def of(
        self, expectations: Sequence[Expectation], groups: Sequence[Group], nights: Nights | None, names: Names
    ) -> tuple[Judged, ...]:
        found: dict[tuple[str, str, tuple[str, str]], _Change] = {}
        for one in expectations:
            if one.scope == "night" and nights is not None:
                _nights(one, groups, nights, names, found)
            elif one.scope == "machine":
                _machines(one, groups, names, found)
        return tuple(self._judged(one) for _, one in sorted(found.items()))

    def _judged(self, one: _Change) -> Judged:
        keys = [key for key in self.differing(*one.records) if key.key.split(".")[0] in OF_STACK]
        lines = history.brief(tuple(keys))
        what = "; ".join(lines[:NAMED]) + (f"; and {len(lines) - NAMED} keys more" if len(lines) > NAMED else "")
        cells = f"{len(one.cells)} {'cell' if len(one.cells) == 1 else 'cells'}"
        before, after = (stack[:12] for stack in one.stacks)
        if one.expectation.scope == "night":
            text = f"the stack of {cells} changed, {before} in {one.origin}, {after} now"
        else:
            text = f"{cells} have stack {before} and stack {after} on these machines, and are not compared"
        return Judged(
            expectation=one.expectation,
            subject=f"{one.backend} on {joined(list(one.machines))}",
            state="changed",
            seen=f"{text}: {what or 'what is in them is not known here'}",
            records=one.records,
        )


def _nights(
    expectation: Expectation,
    groups: Sequence[Group],
    nights: Nights,
    names: Names,
    found: dict[tuple[str, str, tuple[str, str]], _Change],
) -> None:
    for group in groups:
        run = group.first.record.run
        old: Replaced | None = nights.replaced(group) if covers(expectation.where, run) else None
        if old is not None:
            stacks = old.stack, str(run.stack)
            change = found.setdefault(
                ("night", group.cell.backend, stacks),
                _Change(
                    expectation=expectation,
                    backend=group.cell.backend,
                    stacks=stacks,
                    records=(old.record, group.first.digest),
                    origin=old.origin,
                ),
            )
            change.cells.add(run.cell)
            change.machines[names.machine(run)] = None


def _machines(
    expectation: Expectation,
    groups: Sequence[Group],
    names: Names,
    found: dict[tuple[str, str, tuple[str, str]], _Change],
) -> None:
    for one in fleet.fleets(groups, expectation.where):
        first = one.stacks[0][0]
        for some in one.stacks[1:]:
            if {group.place() for group in some} == {group.place() for group in one.stacks[0]}:
                continue  # every machine has both
            runs = first.first.record.run, some[0].first.record.run
            stacks = str(runs[0].stack), str(runs[1].stack)
            change = found.setdefault(
                ("machine", first.cell.backend, stacks),
                _Change(
                    expectation=expectation,
                    backend=first.cell.backend,
                    stacks=stacks,
                    records=(first.first.digest, some[0].first.digest),
                    origin="",
                ),
            )
            change.cells.add(runs[0].cell)
            for group in (*one.stacks[0], *some):
                change.machines[names.machine(group.first.record.run)] = None
