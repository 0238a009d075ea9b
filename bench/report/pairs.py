"""What the report shows of two backends held against each other, and of each against the yardstick, as plain values."""

import math
from dataclasses import dataclass

from bench.comparison import Comparison
from bench.distance import digits_text
from bench.precision import Precision
from bench.report.cells import Names, machine_of


@dataclass(frozen=True, kw_only=True)
class PairView:
    """One comparison across backends on one machine; `records` are digests of both sides."""

    anchor: str
    left: str
    right: str
    lane: str
    machine: str
    records: tuple[str, str]
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
    """One cell's distance to the yardstick on one machine; `units` is its weights' error in unit roundoffs of its
    dtype."""

    cell: str
    machine: str
    dtype: str
    weights: str
    units: str
    predictions: str
    digits: str
    reason: str


def _ulp(value: int | None) -> str:
    return "not finite on one side" if value is None else str(value)


def view(number: int, pair: Comparison, names: Names) -> PairView:
    left, right = pair.left.record.run.cell.split("/"), pair.right.record.run.cell.split("/")
    measures = pair.measures
    return PairView(
        anchor=f"pair-{number}",
        left=left[1],
        right=right[1],
        lane="/".join([left[0], "*", *left[2:]]),
        machine=machine_of(pair.left.record, names),
        records=(pair.left.digest, pair.right.digest),
        verdict=pair.verdict,
        bound=str(pair.bound) if pair.bound else "none declared",
        weights_ulp=_ulp(measures.weights_ulp) if measures else "",
        predictions_ulp=_ulp(measures.predictions_ulp) if measures else "",
        digits=digits_text(measures.min_digits) if measures else "",
        divergence=pair.parted() or pair.reason or "nowhere",
        growth=(measures.growth or ()) if measures else (),
        remarks=pair.remarks,
    )


#: How people write the dtypes of weights.
DTYPES = {"<f2": "float16", "bfloat16": "bfloat16", "<f4": "float32", "<f8": "float64"}


def precision(one: Precision, names: Names) -> PrecisionView:
    measured = one.reason is None
    return PrecisionView(
        cell=str(one.group.cell),
        machine=machine_of(one.group.first.record, names),
        dtype=DTYPES[one.dtype] if measured else "",
        weights=f"{one.weights:.1e}" if measured else "",
        units=f"{one.weights / one.unit:,.0f}" if measured and math.isfinite(one.weights) else "",
        predictions=f"{one.predictions:.1e}" if measured else "",
        digits=digits_text(one.digits) if measured else "",
        reason=one.reason or "",
    )
