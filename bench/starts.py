"""From which initial weights runs start, by the digests that each recorded."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from bench.cell import Cell
from bench.groups import Group
from bench.store import Stored

#: Digests of the initial weights of all fits of a run.
Start = tuple[str, ...]


def start(one: Stored) -> Start:
    assert one.record.outcome is not None
    return tuple(array.sha256 for fit in one.record.outcome.repeats for array in fit.initial_weights)


def distinct(runs: Iterable[Stored]) -> int:
    """The number of different starts among some runs."""
    return len({start(one) for one in runs})


def sentences(groups: Sequence[Group]) -> list[tuple[str, int]]:
    """Whether backends that are given the same weights start from the same bits, with the number of runs that say so;
    nothing where no two backends were given the same."""
    alike: dict[str, set[str]] = defaultdict(set)
    apart: dict[str, str] = {}
    runs = {"alike": 0, "apart": 0}
    for workload, found in _given(groups):
        backends = {name for side in found.values() for name in side}
        if len(backends) > 1:
            runs["alike" if len(found) == 1 else "apart"] += sum(len(side) for side in found.values())
            alike[workload] |= backends
            if len(found) > 1:
                apart[workload] = " and ".join(sorted(", ".join(sorted(set(side))) for side in found.values()))
    counts = [len(backends) for workload, backends in alike.items() if workload not in apart]
    said = []
    if apart:
        sides = "; ".join(f"{workload}: {text}" for workload, text in apart.items())
        said.append((f"From the same supplied weights backends start from other bits: {sides}.", runs["apart"]))
    if counts:
        what = f"{len(counts)} workloads" if len(counts) > 1 else next(one for one in alike if one not in apart)
        span = " to ".join(str(count) for count in sorted({min(counts), max(counts)}))
        said.append(
            (f"From supplied weights all backends start from the same bits: {what}, {span} backends.", runs["alike"])
        )
    return said


def _given(groups: Sequence[Group]) -> Iterable[tuple[str, Mapping[Start, Sequence[str]]]]:
    """For each set of weights that was given to runs of a workload: the backends of those runs by where they started.
    What was given follows from seeds, number of fits and the dtype that was asked for, not the one that came out."""
    found: dict[tuple[object, ...], dict[Start, list[str]]] = defaultdict(lambda: defaultdict(list))
    for one in (one for group in groups if group.cell.init == "supplied" for one in group.runs):
        cell, outcome = Cell.parse(one.record.run.cell), one.record.outcome
        assert outcome is not None
        dtype = next((control.asked for control in outcome.controls if control.name == "dtype"), None)
        given = (cell.workload, tuple(sorted(one.record.run.seeds.items())), len(outcome.repeats), dtype)
        found[given][start(one)].append(cell.backend)
    return [(str(given[0]), starts) for given, starts in found.items()]
