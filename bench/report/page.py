"""Everything that the report shows, as plain values: built from an analysis, drawn by the other modules here."""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench import explanation, findings, machines
from bench.analysis import Analysis
from bench.classes import Split
from bench.comparison import VERDICTS, Comparison
from bench.groups import Group
from bench.precision import Precision
from bench.published import PublishedComparison
from bench.records import Outcome, Record
from bench.report import statistics, switches
from bench.report.statistics import ContrastView, VarianceView
from bench.report.switches import StateView, SwitchView

#: So many backends of one verdict are named in a cell's row; more are counted.
FEW = 3

#: Gives the bytes of a blob by digest, for the stacks of the environment table.
Blobs = Callable[[str], bytes]
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
    """One row of the verdict matrix and the section behind it."""

    anchor: str
    cell: str
    machine: str
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
    controls: tuple[tuple[str, str, str, str], ...]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class PairView:
    """One comparison across backends."""

    anchor: str
    left: str
    right: str
    lane: str
    verdict: str
    bound: str
    weights_ulp: str
    predictions_ulp: str
    digits: str
    divergence: str
    growth: tuple[int | None, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PrecisionView:
    """One cell's distance to the yardstick; `units` is its weights' error in unit roundoffs of its dtype."""

    cell: str
    dtype: str
    weights: str
    units: str
    predictions: str
    digits: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class SplitView:
    """One subject's classes over all machines: (number, runs, machines, a record's digest), and what explains them."""

    subject: str
    classes: tuple[tuple[int, int, str, str], ...]
    unrepeatable: str
    explanations: tuple[str, ...]
    suspects: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ExpectationView:
    where: str
    scope: str
    at_least: str
    subject: str
    holds: bool
    seen: str
    tier: str
    state: str
    until: str
    reason: str
    records: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class EnvironmentView:
    """One fact of the environment and its value in each of the columns (backends)."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Page:
    campaign: str
    machines: tuple[str, ...]
    counts: tuple[tuple[str, int], ...]
    runs: int
    findings: tuple[str, ...]
    cells: tuple[CellView, ...]
    pairs: tuple[PairView, ...]
    switches: tuple[SwitchView, ...]
    control_states: tuple[StateView, ...]
    yardsticks: tuple[str, ...]
    precision: tuple[PrecisionView, ...]
    contrasts: tuple[ContrastView, ...]
    variances: tuple[VarianceView, ...]
    splits: tuple[SplitView, ...]
    expectations: tuple[ExpectationView, ...]
    environment_columns: tuple[str, ...]
    environment: tuple[EnvironmentView, ...]
    not_ok: tuple[tuple[str, int, str, str], ...]
    refused: tuple[tuple[str, str, str], ...]


def build(analysis: Analysis, blobs: Blobs) -> Page:
    """The page of an analysis. Nothing in it depends on when or where it is built."""
    verdicts = [group.verdict for group in analysis.groups if len(group.runs) > 1]  # one run is compared with nothing
    verdicts += [pair.verdict for pair in analysis.backends]
    names = machines.names(group.place()[:2] for group in analysis.groups)
    columns, rows = _environment(analysis.groups, blobs, names)
    return Page(
        campaign=analysis.campaign,
        machines=tuple(sorted(set(names.values()) or {name for one in analysis.splits for name in one.machines})),
        counts=tuple((verdict, verdicts.count(verdict)) for verdict in VERDICTS),
        runs=sum(len(group.runs) for group in analysis.groups),
        findings=tuple(one.sentence for one in analysis.findings),
        cells=tuple(
            _cell(number, group, analysis, _machine(group, names)) for number, group in enumerate(analysis.groups, 1)
        ),
        pairs=tuple(_pair(number, pair) for number, pair in enumerate(analysis.backends, start=1)),
        switches=tuple(switches.view(one) for one in analysis.switches),
        control_states=switches.states(analysis.groups),
        yardsticks=tuple(sorted({str(one.yardstick.cell) for one in analysis.precision})),
        precision=tuple(_precision(one) for one in analysis.precision),
        contrasts=tuple(statistics.contrast(one) for one in analysis.contrasts),
        variances=tuple(statistics.variance(one) for one in analysis.variances),
        splits=tuple(_split(one) for one in analysis.splits),
        expectations=tuple(
            ExpectationView(
                where=one.expectation.where,
                scope=one.expectation.scope,
                at_least=str(one.expectation.at_least),
                subject=one.subject,
                holds=one.holds,
                seen=one.seen,
                tier=one.expectation.at_least.tier,
                state="known" if one.fails and one.expectation.until else one.state,
                until=one.expectation.until.isoformat() if one.expectation.until else "",
                reason=one.expectation.reason or "",
                records=one.records,
            )
            for one in analysis.judged
        ),
        environment_columns=columns,
        environment=rows,
        not_ok=tuple(
            (record.run.cell, record.run.index, record.status, record.reason or "") for record in analysis.not_ok
        ),
        refused=tuple((one.kind, one.name, one.reason) for one in analysis.refused),
    )


def _outcome(group: Group) -> Outcome:
    outcome = group.first.record.outcome
    assert outcome is not None
    return outcome


def digits_text(digits: float) -> str:
    """Agreeing digits to one decimal, or `all` where nothing differs."""
    return "all" if math.isinf(digits) else f"{digits:.1f}"


def _machine(group: Group, names: Names) -> str:
    machine = group.first.record.run.machine
    return names[machine.label, machine.hardware]


def _cell(number: int, group: Group, analysis: Analysis, machine: str) -> CellView:
    lane = next((one for one in analysis.published if one.group is group), None)
    worst = next((one for one in group.comparisons if one.divergence is not None), None)
    runs = [_times(one.record) for one in group.runs]
    return CellView(
        anchor=f"cell-{number}",
        cell=str(group.cell),
        machine=machine,
        runs=len(group.runs),
        classes=tuple(" ".join(str(index) for index in indices) for indices in group.classes),
        run_verdict=group.verdict,
        backend_verdicts=_others(group, analysis),
        published_verdict=lane.verdict if lane else None,
        published_digits=digits_text(lane.min_digits) if lane and lane.positions else None,
        confidence=findings.confidence(group),
        divergence=_parted(worst),
        lane=lane.lane if lane else None,
        scores=_scores(group, lane),
        controls=tuple((one.name, json.dumps(one.asked), one.state, one.evidence) for one in _outcome(group).controls),
        seconds=sorted(runs)[len(runs) // 2],
    )


def _times(record: Record) -> float:
    return record.outcome.times.get("total", 0.0) if record.outcome else 0.0


def _parted(comparison: Comparison | None) -> str | None:
    """The first divergence of a comparison with the runs that it is about."""
    if comparison is None:
        return None
    left, right = comparison.left.record.run.index, comparison.right.record.run.index
    return f"run {left} and run {right} part at {comparison.parted()}"


def _others(group: Group, analysis: Analysis) -> tuple[str, ...]:
    """`theano-cpu: ROUNDING`: each other backend of the lane and its verdict; many of one: `8 backends: ROUNDING`."""
    by_verdict: dict[str, list[str]] = {}
    for pair in analysis.backends:
        if group.first in (pair.left, pair.right):
            other = pair.right if pair.left is group.first else pair.left
            by_verdict.setdefault(pair.verdict, []).append(other.record.run.cell.split("/")[1])
    return tuple(
        f"{name}: {verdict}"
        for verdict, names in by_verdict.items()
        for name in (names if len(names) <= FEW else [f"{len(names)} backends"])
    )


def _scores(group: Group, lane: PublishedComparison | None) -> tuple[ScoreRow, ...]:
    """Scores of the first run, beside the published ones where there are some, with the range of all runs."""
    columns = list(
        zip(
            *(
                [repeat.score_value for repeat in one.record.outcome.repeats]
                for one in group.runs
                if one.record.outcome and len(one.record.outcome.repeats) == len(_outcome(group).repeats)
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


def _ulp(value: int | None) -> str:
    return "not finite on one side" if value is None else str(value)


def _pair(number: int, pair: Comparison) -> PairView:
    left, right = pair.left.record.run.cell.split("/"), pair.right.record.run.cell.split("/")
    measures = pair.measures
    return PairView(
        anchor=f"pair-{number}",
        left=left[1],
        right=right[1],
        lane="/".join([left[0], "*", *left[2:]]),
        verdict=pair.verdict,
        bound=str(pair.bound) if pair.bound else "none declared",
        weights_ulp=_ulp(measures.weights_ulp) if measures else "",
        predictions_ulp=_ulp(measures.predictions_ulp) if measures else "",
        digits=digits_text(measures.min_digits) if measures else "",
        divergence=pair.parted() or pair.reason or "nowhere",
        growth=(measures.growth or ()) if measures else (),
        remarks=pair.remarks,
    )


def _split(split: Split) -> SplitView:
    reasons = [explanation.sentence(one) for one in split.explanations]
    reasons += [f"which machines repeat: {explanation.sentence(one)}" for one in split.repeatability]
    return SplitView(
        subject=split.subject,
        classes=tuple(
            (number, one.runs, ", ".join(one.machines), one.record) for number, one in enumerate(split.classes, start=1)
        ),
        unrepeatable=", ".join(split.unrepeatable),
        explanations=tuple(reasons),
        suspects=tuple(f"{', '.join(one.machines)} against {', '.join(one.others)}" for one in split.suspects),
    )


#: How people write the dtypes of weights.
DTYPES = {"<f2": "float16", "bfloat16": "bfloat16", "<f4": "float32", "<f8": "float64"}


def _precision(one: Precision) -> PrecisionView:
    measured = one.reason is None
    return PrecisionView(
        cell=str(one.group.cell),
        dtype=DTYPES[one.dtype] if measured else "",
        weights=f"{one.weights:.1e}" if measured else "",
        units=f"{one.weights / one.unit:,.0f}" if measured and math.isfinite(one.weights) else "",
        predictions=f"{one.predictions:.1e}" if measured else "",
        digits=digits_text(one.digits) if measured else "",
        reason=one.reason or "",
    )


#: Distributions that the environment table shows; the stack digest stands for all of them.
SHOWN = re.compile(r"numpy|scipy|pandas|scikit-learn|nvidia-(cuda-runtime|cudnn|nccl|cublas)(-cu\d+)?")


def _environment(
    groups: Sequence[Group], blobs: Blobs, machine_names: Names
) -> tuple[tuple[str, ...], tuple[EnvironmentView, ...]]:
    """The environment of each backend: one column a stack and machine, one row a fact."""
    columns: dict[str, dict[str, str]] = {}
    for group in groups:
        record = group.first.record
        name = f"{group.cell.backend} on {_machine(group, machine_names)}, stack {str(record.run.stack)[:8]}"
        columns.setdefault(name, _facts(record, blobs))
    names = list(dict.fromkeys(name for facts in columns.values() for name in facts))
    rows = tuple(
        EnvironmentView(name=name, values=tuple(facts.get(name, "") for facts in columns.values())) for name in names
    )
    return tuple(columns), rows


def _facts(record: Record, blobs: Blobs) -> dict[str, str]:
    outcome, seen = record.outcome, record.fingerprint
    assert outcome is not None
    assert seen is not None
    base = record.executor.get("base") or {}
    facts = {**outcome.framework, **_packages(blobs(seen.stack_blob))}
    facts |= {
        "executor": str(record.executor.get("name")),
        "base image": str(base.get("name") or "none"),
        "base origin": str(base.get("origin") or "none"),
    }
    facts |= {"devices": ", ".join(outcome.devices)}
    facts |= {key: str(seen.hardware.get(key)) for key in ("cpu_model", "cpus", "cpu_caches")}
    facts |= {key: str(seen.surroundings.get(key)) for key in ("kernel", "libc", "microcode")}
    gpus = seen.surroundings.get("nvidia_gpus") or []
    for key in ("name", "compute_cap", "driver_version", "ecc.mode.current") if gpus else ():
        facts[f"GPU {key}"] = ", ".join(str(one.get(key)) for one in gpus)
    facts |= {"stack digest": seen.stack}
    return facts


def _packages(stack: bytes) -> dict[str, str]:
    """The interpreter and the distributions worth showing; nothing of a blob that is not as a guest writes it. It is
    there for people to read: what is compared is the stack digest."""
    try:
        read: Any = json.loads(stack)
        lines = [str(line).split() for line in read["distributions"]]
        facts = {"python": str(read["interpreter"]["version"])}
        return facts | {line[0]: line[1] for line in lines if SHOWN.fullmatch(line[0].lower())}
    except (ValueError, KeyError, IndexError, TypeError):
        return {}
