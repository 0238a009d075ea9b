"""Two runs held against each other: verdict, scores position by position, distances, first divergence."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench import classifiers, comparability, distance, divergence
from bench.bound import Bound
from bench.comparability import KeyDifference
from bench.distance import Distance
from bench.divergence import Divergence, Side
from bench.records import Array, Outcome
from bench.store import Stored

Verdict = Literal["IDENTICAL", "ROUNDING", "DIFFERENT", "INCOMPARABLE", "ERROR"]
SAME_END = "the results are the same bits, but the trainings part on the way"
VERDICTS: tuple[Verdict, ...] = ("IDENTICAL", "ROUNDING", "DIFFERENT", "INCOMPARABLE", "ERROR")


@dataclass(frozen=True, kw_only=True)
class Position:
    """One score of two runs: relative distance |l - r| / max(|l|, |r|) and agreeing digits (of the left one)."""

    left: float
    right: float
    relative: float
    digits: float


@dataclass(frozen=True, kw_only=True)
class Measures:
    """How far two comparable runs are apart. None where a NaN or infinity stands on one side only; `classes` is the
    worst of the fits for a classifier's predictions, and None for others."""

    positions: tuple[Position, ...]
    min_digits: float
    weights_ulp: int | None
    predictions_ulp: int | None
    same_init: bool
    tensors: tuple[Distance, ...]
    growth: tuple[int | None, ...] | None
    classes: classifiers.Change | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The outcome for one pair at one scope. `reason` explains INCOMPARABLE and ERROR; an error never reads as
    equal or as different."""

    scope: str
    left: Stored
    right: Stored
    verdict: Verdict
    bound: Bound | None = None
    differences: tuple[KeyDifference, ...] = ()
    measures: Measures | None = None
    divergence: Divergence | None = None
    weights_divergence: Divergence | None = None
    reason: str | None = None
    remarks: tuple[str, ...] = ()

    def parted(self) -> str | None:
        """Where the two part, and where their weights do if a loss or a layer differs first; None if they do not."""
        if self.divergence is None:
            return None
        text = self.divergence.sentence()
        if self.divergence.stage in ("loss", "forward") and self.weights_divergence is not None:
            text += f"; weights at {self.weights_divergence.sentence()}"
        return text


def compare(left: Stored, right: Stored, scope: str, bound: Bound | None = None) -> Comparison:
    """Compares two ok runs at a scope. `bound` is what the matrix declares; without one there is no ROUNDING."""
    try:
        return _compare(left, right, scope, bound)
    except Exception as error:  # noqa: BLE001 (whatever it is, it must not pass for a verdict about the training)
        return Comparison(
            scope=scope,
            left=left,
            right=right,
            verdict="ERROR",
            bound=bound,
            reason=f"the comparison failed: {type(error).__name__}: {error}",
        )


def _compare(left: Stored, right: Stored, scope: str, bound: Bound | None) -> Comparison:
    differences = comparability.differences(left.record, right.record, scope)
    if differences:
        reason = "; ".join(difference.sentence() for difference in differences[:3])
        return Comparison(
            scope=scope,
            left=left,
            right=right,
            verdict="INCOMPARABLE",
            bound=bound,
            differences=differences,
            reason=reason,
        )
    sides = _side(left), _side(right)
    measures = measure(*sides)
    same_result = _outcome(left).result_digest == _outcome(right).result_digest
    if same_result and _same_path(*sides):
        remarks = _optimizers(left, right)
        return Comparison(
            scope=scope, left=left, right=right, verdict="IDENTICAL", bound=bound, measures=measures, remarks=remarks
        )
    verdict: Verdict = "ROUNDING" if bound is not None and within(measures, bound) else "DIFFERENT"
    workload = _outcome(left).workload
    assert workload is not None  # `verify` has refused an ok record without one
    steps = workload.steps_per_epoch
    return Comparison(
        scope=scope,
        left=left,
        right=right,
        verdict=verdict,
        bound=bound,
        measures=measures,
        divergence=divergence.first(*sides, steps_per_epoch=steps),
        weights_divergence=divergence.first(*sides, steps_per_epoch=steps, weights_only=True),
        remarks=(*_remarks(measures), *((SAME_END,) if same_result else ())),
    )


def _same_path(left: Side, right: Side) -> bool:
    """Whether the weights on the way agree wherever both sides kept them."""
    pairs = [
        pair
        for one, other in zip(left.repeats, right.repeats, strict=True)
        for pair in zip(one.ways(), other.ways(), strict=True)
    ]
    return all(one == other for one, other in pairs if one is not None and other is not None)


def _optimizers(left: Stored, right: Stored) -> tuple[str, ...]:
    """A remark where results are the same bits and the optimizers' states are not; of one stack only, since another
    Keras keeps other things there."""
    pairs = zip(_outcome(left).repeats, _outcome(right).repeats, strict=True)
    differing = sum(
        one.optimizer_digest != other.optimizer_digest
        for one, other in pairs
        if one.optimizer_digest is not None and other.optimizer_digest is not None
    )
    if left.record.run.stack != right.record.run.stack or not differing:
        return ()
    return (
        f"the optimizer's state differs after {differing} of {len(_outcome(left).repeats)} fits, the results do not",
    )


def _outcome(stored: Stored) -> Outcome:
    outcome = stored.record.outcome
    assert outcome is not None  # only runs that are ok are compared
    return outcome


def _side(stored: Stored) -> Side:
    return Side(repeats=_outcome(stored).repeats, content=stored.content)


def within(measures: Measures, bound: Bound) -> bool:
    """Whether a distance stays within a declared bound; a different start never does, nor a NaN or an infinity
    on one side only."""
    misplaced = any(one.misplaced for one in measures.tensors)
    if not measures.same_init or misplaced or any(math.isinf(one.relative) for one in measures.positions):
        return False
    if bound.kind == "ulp":
        worst = (measures.weights_ulp, measures.predictions_ulp)
        return all(value is not None and value <= bound.limit for value in worst)
    return bound.kind == "digits" and measures.min_digits >= bound.limit


def measure(left: Side, right: Side) -> Measures:
    """Distances over all repeats: of the final weights, the predictions and the scores."""
    positions = tuple(
        _position(one.score_value, other.score_value) for one, other in zip(left.repeats, right.repeats, strict=True)
    )
    pairs = list(zip(left.repeats, right.repeats, strict=True))
    weights = [
        found for one, other in pairs for found in _distances(left, right, one.final_weights, other.final_weights)
    ]
    predictions = [
        found for one, other in pairs for found in _distances(left, right, (one.predictions,), (other.predictions,))
    ]
    return Measures(
        positions=positions,
        min_digits=min(position.digits for position in positions),
        weights_ulp=_largest(weights),
        predictions_ulp=_largest(predictions),
        same_init=all(
            [array.sha256 for array in one.initial_weights] == [array.sha256 for array in other.initial_weights]
            for one, other in pairs
        ),
        tensors=_worst_by_name([*weights, *predictions]),
        growth=divergence.growth(left, right),
        classes=_classes(left, right),
    )


def _classes(left: Side, right: Side) -> classifiers.Change | None:
    changes = [
        classifiers.change(left.read(one.predictions), right.read(other.predictions))
        for one, other in zip(left.repeats, right.repeats, strict=True)
        if one.predictions.dtype in ("<f2", "<f4", "<f8")
    ]
    found = [change for change in changes if change is not None]
    return max(found, key=lambda change: (change.churn, change.rank_change), default=None)


def _position(left: float, right: float) -> Position:
    gap = distance.relative(left, right)
    digits = math.inf if gap == 0.0 else 0.0 if math.isinf(gap) else max(0.0, -math.log10(gap))
    return Position(left=left, right=right, relative=gap, digits=digits)


def _distances(left: Side, right: Side, ones: Sequence[Array], others: Sequence[Array]) -> list[Distance]:
    return [
        distance.between(left.read(one), right.read(other), name=one.name, dtype=one.dtype)
        for one, other in zip(ones, others, strict=True)
    ]


def _largest(found: Sequence[Distance]) -> int | None:
    values = [one.max_ulp for one in found if one.max_ulp is not None]
    return max(values, default=0) if len(values) == len(found) else None


def _worst_by_name(found: Sequence[Distance]) -> tuple[Distance, ...]:
    """For each tensor the repeat in which it is farthest apart; a misplaced NaN is farther than any distance."""
    worst: dict[str, Distance] = {}
    for one in found:
        kept = worst.get(one.name)
        rank = (one.max_ulp is None, one.max_ulp or 0, one.differing)
        if kept is None or rank > (kept.max_ulp is None, kept.max_ulp or 0, kept.differing):
            worst[one.name] = one
    return tuple(worst.values())


def _remarks(measures: Measures) -> tuple[str, ...]:
    remarks = []
    zeros = sum(one.zeros for one in measures.tensors)
    if zeros and measures.weights_ulp == 0 and measures.predictions_ulp == 0:
        remarks.append("final weights and predictions differ in the sign of zero alone: 0 ULP, yet not the same bits")
    remarks += [
        f"{one.name}: {one.misplaced} of {one.size} elements are NaN or infinite on one side only"
        for one in measures.tensors
        if one.misplaced
    ]
    if measures.classes is not None:
        changed = measures.classes
        remarks.append(
            f"predicted classes: {changed.churn:.2%} of {changed.samples} samples change theirs (churn), "
            f"{changed.rank_change:.2%} of the pairs of classes change their order, in the worst fit"
        )
    return tuple(remarks)
