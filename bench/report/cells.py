"""What the report shows of one cell: scores, classes, where runs part, what its preset costs, as plain values."""

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench import findings
from bench.analysis import Analysis
from bench.comparison import Comparison
from bench.distance import digits_text
from bench.groups import Group
from bench.published import PublishedComparison
from bench.records import Outcome, Record
from bench.switches import BASE, twins

#: So many backends of one verdict are named in a cell's row; more are counted.
FEW = 3

#: (label, hardware digest) -> how the report calls a machine.
Names = Mapping[tuple[str, str | None], str]


@dataclass(frozen=True, kw_only=True)
class ScoreRow:
    """One of the scores: the published one where the tutorial has it, ours of the first run, the range of all."""

    position: int
    published: float | None
    ours: float
    digits: str
    lowest: float
    highest: float


@dataclass(frozen=True, kw_only=True)
class CellView:
    """One cell with its seeds on one machine; `strip` holds every run's scores, `growth` is of the run that parted
    first, `cost` says how long a run takes beside the same cell with preset `default`."""

    anchor: str
    cell: str
    seeds: str
    machine: str
    stack: str
    runs: int
    classes: tuple[str, ...]
    run_verdict: str
    backend_verdicts: tuple[str, ...]
    published_verdict: str | None
    published_digits: str | None
    confidence: str
    divergence: str | None
    lane: str | None
    scores: tuple[ScoreRow, ...]
    strip: tuple[tuple[int, tuple[float, ...]], ...]
    growth: tuple[int | None, ...]
    controls: tuple[tuple[str, str, str, str], ...]
    seconds: float
    cost: str


def views(analysis: Analysis, names: Names) -> tuple[CellView, ...]:
    """One a group, in order of cell."""
    bases = {twins(group): group for group in analysis.groups if group.cell.preset == BASE}
    lanes = {id(one.group): one for one in analysis.published}
    others = _backends(analysis.backends)
    return tuple(
        _view(number, group, lanes.get(id(group)), others.get(group.first.digest, ()), bases.get(twins(group)), names)
        for number, group in enumerate(analysis.groups, start=1)
    )


def _view(
    number: int,
    group: Group,
    lane: PublishedComparison | None,
    others: tuple[str, ...],
    base: Group | None,
    names: Names,
) -> CellView:
    worst = next((one for one in group.comparisons if one.divergence is not None), None)
    return CellView(
        anchor=f"cell-{number}",
        cell=str(group.cell),
        seeds=seeds(group),
        machine=name_of(group, names),
        stack=str(group.first.record.run.stack)[:12],
        runs=len(group.runs),
        classes=tuple(" ".join(str(index) for index in indices) for indices in group.classes),
        run_verdict=group.verdict,
        backend_verdicts=others,
        published_verdict=lane.verdict if lane else None,
        published_digits=digits_text(lane.min_digits) if lane and lane.positions else None,
        confidence=findings.confidence(group),
        divergence=_parted(worst),
        lane=lane.lane if lane else None,
        scores=_scores(group, lane),
        strip=tuple(
            (one.record.run.index, one.record.outcome.scores)
            for one in group.runs
            if one.record.outcome and all(math.isfinite(score) for score in one.record.outcome.scores)
        ),
        growth=(worst.measures.growth or ()) if worst and worst.measures else (),
        controls=tuple((one.name, json.dumps(one.asked), one.state, one.evidence) for one in outcome(group).controls),
        seconds=_seconds(group),
        cost=_cost(group, base),
    )


def outcome(group: Group) -> Outcome:
    """That of the group's first run."""
    found = group.first.record.outcome
    assert found is not None
    return found


def name_of(group: Group, names: Names) -> str:
    """How the report calls the machine of a group."""
    return machine_of(group.first.record, names)


def machine_of(record: Record, names: Names) -> str:
    """How the report calls the machine of a run."""
    machine = record.run.machine
    return names[machine.label, machine.hardware]


def seeds(group: Group) -> str:
    """The seeds of a group's runs, in words."""
    return ", ".join(f"{name} {value}" for name, value in sorted(group.first.record.run.seeds.items()))


def _seconds(group: Group) -> float:
    return statistics.median(_time(one.record) for one in group.runs)


def _time(record: Record) -> float:
    return record.outcome.times.get("total", 0.0) if record.outcome else 0.0


def _cost(group: Group, base: Group | None) -> str:
    """`1.40 times default, medians of 3 and 3 runs`; nothing where there is nothing to hold it against."""
    if base is None or base is group or not _seconds(base):
        return ""
    runs = f"{len(base.runs)} and {len(group.runs)} runs"
    return f"{_seconds(group) / _seconds(base):.2f} times {BASE}, medians of {runs}"


def _parted(comparison: Comparison | None) -> str | None:
    """The first divergence of a comparison with the runs that it is about."""
    if comparison is None:
        return None
    left, right = comparison.left.record.run.index, comparison.right.record.run.index
    return f"run {left} and run {right} part at {comparison.parted()}"


def _backends(pairs: Sequence[Comparison]) -> dict[str, tuple[str, ...]]:
    """By record: `theano-cpu: ROUNDING`, each other backend and its verdict; many of one: `8 backends: ROUNDING`."""
    found: dict[str, dict[str, list[str]]] = {}
    for pair in pairs:
        for one, other in ((pair.left, pair.right), (pair.right, pair.left)):
            by_verdict = found.setdefault(one.digest, {})
            by_verdict.setdefault(pair.verdict, []).append(other.record.run.cell.split("/")[1])
    return {
        digest: tuple(
            f"{name}: {verdict}"
            for verdict, names in by_verdict.items()
            for name in (names if len(names) <= FEW else [f"{len(names)} backends"])
        )
        for digest, by_verdict in found.items()
    }


def _scores(group: Group, lane: PublishedComparison | None) -> tuple[ScoreRow, ...]:
    """Scores of the first run, beside the published ones where there are some, with the range of all runs."""
    columns = list(
        zip(
            *(
                one.record.outcome.scores
                for one in group.runs
                if one.record.outcome and len(one.record.outcome.repeats) == len(outcome(group).repeats)
            ),
            strict=True,
        )
    )
    positions = lane.positions if lane else ()
    rows = []
    for number, column in enumerate(columns):
        known = positions[number] if number < len(positions) else None
        rows.append(
            ScoreRow(
                position=number + 1,
                published=known.published if known else None,
                ours=column[0],
                digits=("all 12 printed" if known.same_print else digits_text(known.digits)) if known else "",
                lowest=min(column),
                highest=max(column),
            )
        )
    return tuple(rows)
