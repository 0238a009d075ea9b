"""What a preset moves: cells with preset `default` held against the same cells with another, at the scope `control`.

A preset can be said to move bits, or none, only where both sides repeat: else runs of one preset differ by themselves.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench import where
from bench.bound import Bound
from bench.comparison import Comparison, compare
from bench.groups import Group
from bench.records import ControlState
from bench.store import Stored

#: The preset that the others are held against: nothing is switched.
BASE = "default"

Effect = Literal["moves bits", "moves no bit", "makes it repeat", "stops it repeating", "does not repeat", "one run",
                 "not comparable"]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Switch:
    """One cell with `default` (left) and with another preset (right). `shared` counts the results (classes) that both
    sides have. The comparison is of their first runs, but never of two that happen to agree where a side has other
    results too."""

    base: Group
    other: Group
    comparison: Comparison
    effect: Effect
    shared: int

    @property
    def lane(self) -> str:
        """The cell with a star for the preset."""
        return str(self.other.cell).rpartition("/")[0] + "/*"

    @property
    def runs(self) -> int:
        return len(self.base.runs) + len(self.other.runs)

    @property
    def states(self) -> tuple[ControlState, ...]:
        """What became of the preset's controls."""
        outcome = self.other.first.record.outcome
        return outcome.controls if outcome else ()

    @property
    def idle(self) -> bool:
        """Whether nothing was switched: none of the preset's controls took effect."""
        return bool(self.states) and all(one.state == "not in force" for one in self.states)


def switches(groups: Sequence[Group], bounds: Sequence[tuple[str, Bound]] = ()) -> tuple[Switch, ...]:
    """Every group beside its twin with preset `default`: same cell otherwise, seeds, stack, machine and campaign."""
    bases = {twins(group): group for group in groups if group.cell.preset == BASE}
    return tuple(
        _switch(base, group, bounds)
        for group in groups
        if group.cell.preset != BASE and (base := bases.get(twins(group))) is not None
    )


def twins(group: Group) -> tuple[object, ...]:
    """What a group shares with its twin of another preset."""
    run = group.first.record.run
    return group.cell.replace(preset=BASE), tuple(sorted(run.seeds.items())), run.stack, group.place()


def _switch(base: Group, other: Group, bounds: Sequence[tuple[str, Bound]]) -> Switch:
    runs = base.first.record.run, other.first.record.run
    bound = next((one for pattern, one in bounds if all(where.covers(pattern, run) for run in runs)), None)
    found = compare(base.first, other.first, "control", bound)
    if found.verdict == "IDENTICAL":
        stray = next(((base.first, run) for run in _strays(other)), None)
        stray = stray or next(((run, other.first) for run in _strays(base)), None)
        found = compare(*stray, "control", bound) if stray else found
    results = [{_result(run) for run in side.runs} for side in (base, other)]
    return Switch(
        base=base,
        other=other,
        comparison=found,
        effect=_effect(base, other, found),
        shared=len(set.intersection(*results)),
    )


def _strays(group: Group) -> list[Stored]:
    """The first run of each class but the first."""
    firsts = {indices[0] for indices in group.classes[1:]}
    return [run for run in group.runs if run.record.run.index in firsts]


def _result(stored: Stored) -> str | None:
    return stored.record.outcome.result_digest if stored.record.outcome else None


def _effect(base: Group, other: Group, found: Comparison) -> Effect:
    if found.verdict in ("INCOMPARABLE", "ERROR"):
        return "not comparable"
    if len(base.runs) < 2 or len(other.runs) < 2:
        return "one run"
    if not (base.compared and other.compared):
        return "not comparable"
    if base.repeatable and other.repeatable:
        return "moves no bit" if found.verdict == "IDENTICAL" else "moves bits"
    if base.repeatable:
        return "stops it repeating"
    return "makes it repeat" if other.repeatable else "does not repeat"


def sentences(found: Sequence[Switch]) -> tuple[tuple[str, int], ...]:
    """(what is to be said of a lane and place, the runs that it rests on), for lanes that repeat; what makes others
    repeat is said elsewhere."""
    lanes: dict[object, list[Switch]] = defaultdict(list)
    for one in found:
        if one.base.repeatable and one.effect in ("moves bits", "moves no bit", "stops it repeating"):
            lanes[one.lane, one.base.place(), one.base.first.record.run.stack].append(one)
    return tuple((_sentence(some), sum(len(one.other.runs) for one in some) + len(some[0].base.runs))
                 for some in lanes.values())  # fmt: skip


def _sentence(some: Sequence[Switch]) -> str:
    """`mlp/tf-cpu/keras/native/*: beside default (3 identical runs), jit (3 runs) moves bits, ...`."""
    parts = []
    for effect, verb in (("moves bits", "move bits"), ("stops it repeating", "stop it repeating"),
                         ("moves no bit", "move no bit")):  # fmt: skip
        named = [f"`{one.other.cell.preset}` ({len(one.other.runs)} runs)" for one in some
                 if one.effect == effect and not one.idle]  # fmt: skip
        if named:
            parts.append(f"{', '.join(named)} {effect if len(named) == 1 else verb}")
    idle = [f"`{one.other.cell.preset}`" for one in some if one.idle]
    parts += [f"{', '.join(idle)} took no effect"] if idle else []
    return f"{some[0].lane}: beside `{BASE}` ({len(some[0].base.runs)} identical runs), {'; '.join(parts)}."
