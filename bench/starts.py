"""From which initial weights runs start, by the digests that each recorded."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bench.groups import Group
from bench.store import Stored

#: Digests of the initial weights of all fits of a run.
Start = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Given:
    """One set of supplied weights and the runs that were given it, by where they started. It follows from the seed of
    NumPy, the number of fits and the dtype that was asked for, whatever dtype came out."""

    workload: str
    seed: int | None
    dtype: str | None
    sides: tuple[tuple[Stored, ...], ...]

    @property
    def runs(self) -> tuple[Stored, ...]:
        return tuple(one for side in self.sides for one in side)

    @property
    def backends(self) -> int:
        return len({_backend(one) for one in self.runs})


def start(one: Stored) -> Start:
    assert one.record.outcome is not None
    return tuple(array.sha256 for fit in one.record.outcome.repeats for array in fit.initial_weights)


def distinct(runs: Iterable[Stored]) -> int:
    """The number of different starts among some runs."""
    return len({start(one) for one in runs})


def sentences(groups: Sequence[Group]) -> list[tuple[str, int]]:
    """Whether backends that were given the same weights start from the same bits, with the number of runs that say so;
    nothing where no two backends were given the same."""
    shared = [one for one in given(groups) if one.backends > 1]
    apart = [one for one in shared if len(one.sides) > 1]
    alike = [one for one in shared if len(one.sides) == 1]
    return [*([_apart(apart)] if apart else []), *([_alike(alike)] if alike else [])]


def given(groups: Sequence[Group]) -> list[Given]:
    """Every set of weights that was given to runs of these groups."""
    found: dict[tuple[str, int | None, int, str | None], dict[Start, list[Stored]]] = defaultdict(dict)
    for group in groups:
        for one in group.runs if group.cell.init == "supplied" else ():
            outcome = one.record.outcome
            assert outcome is not None
            dtype = next((json.dumps(state.asked) for state in outcome.controls if state.name == "dtype"), None)
            key = (group.cell.workload, one.record.run.seeds.get("numpy"), len(outcome.repeats), dtype)
            found[key].setdefault(start(one), []).append(one)
    return [
        Given(workload=workload, seed=seed, dtype=dtype, sides=tuple(tuple(side) for side in sides.values()))
        for (workload, seed, _, dtype), sides in sorted(found.items(), key=lambda item: str(item[0]))
    ]


def _apart(sets: Sequence[Given]) -> tuple[str, int]:
    said = []
    for one in sets:
        what = f"{one.workload}, seed {one.seed}" + (f", dtype {one.dtype}" if one.dtype else "")
        said.append(f"{what}: {_sides(one)}")
    text = f"Backends that were given the same weights start from other bits: {'; '.join(said)}."
    return text, sum(len(one.runs) for one in sets)


def _sides(one: Given) -> str:
    """The runs by where they started, in the fewest words that stand on one side only."""
    described: Sequence[Callable[[Stored], str]] = (_backend, _placed, _numbered)
    for name in described:
        sides = [sorted({name(run) for run in side}) for side in one.sides]
        if sum(len(side) for side in sides) == len({words for side in sides for words in side}):
            break
    return " | ".join(sorted(", ".join(side) for side in sides))


def _backend(run: Stored) -> str:
    return run.record.run.cell.split("/")[1]


def _placed(run: Stored) -> str:
    return f"{_backend(run)} on {run.record.run.machine.label}"


def _numbered(run: Stored) -> str:
    return f"{run.record.run.cell} on {run.record.run.machine.label} run {run.record.run.index}"


def _alike(sets: Sequence[Given]) -> tuple[str, int]:
    most: dict[str, int] = {}
    for one in sets:
        most[one.workload] = max(most.get(one.workload, 0), one.backends)
    span = " to ".join(str(count) for count in sorted({min(most.values()), max(most.values())}))
    what = f"{len(most)} workloads" if len(most) > 1 else next(iter(most))
    text = f"Backends that were given the same weights start from the same bits: {what}, {span} backends."
    return text, sum(len(one.runs) for one in sets)
