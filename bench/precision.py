"""How precise a training is: its distance to the yardstick, the same training in a wider float type.

Two backends that agree with each other may both be off by more than they differ, so agreement says little of accuracy.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import comparability, distance
from bench.divergence import Side
from bench.groups import Group
from bench.records import Array, Outcome

#: Unit roundoff of the float dtypes of a record: half the distance from 1 to the next number.
UNITS = {"<f2": 2.0**-11, "bfloat16": 2.0**-8, "<f4": 2.0**-24, "<f8": 2.0**-53}

#: What a measured run and the yardstick need not share. Their weights have two dtypes by design; `_same_start` holds
#: the values against each other.
FREE = frozenset({"backend", "preset", "stack", "machine", "hardware", "campaign", "index"}
                 | {"weights", "predictions", "losses"})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Precision:
    """One group's first run beside the yardstick's.

    `weights` and `predictions` are normwise relative errors, max |x - r| / max |r| over an array (N. J. Higham,
    Accuracy and Stability of Numerical Algorithms, 2nd ed. 2002, section 6), the largest of all arrays and fits.
    `digits` is the least number of agreeing digits of any score. `unit` is the unit roundoff of the weights' dtype,
    the error of storing one exact number. `reason` says why nothing could be measured.
    """

    group: Group
    yardstick: Group
    dtype: str = ""
    weights: float = math.inf
    predictions: float = math.inf
    digits: float = 0.0
    unit: float = math.nan
    reason: str | None = None


def measure(groups: Sequence[Group], yardstick: str | None) -> tuple[Precision, ...]:
    """Every group from supplied weights beside the yardstick of its workload and seeds; a pattern names the cells
    of the yardstick. Groups that have no yardstick are left out."""
    rulers = [group for group in groups if yardstick is not None and group.cell.matches(yardstick)]
    found = []
    for group in groups:
        ruler = next((one for one in rulers if _ruled(group, one)), None)
        if ruler is not None and group not in rulers and group.cell.init == "supplied":
            found.append(_measure(group, ruler))
    return tuple(found)


def apart(one: Precision, other: Precision) -> float:
    """The largest normwise relative distance of any final weights of two measured groups from each other."""
    left, right = _side(one.group), _side(other.group)
    return max(
        _error(left, right, *both)
        for first, second in zip(left.repeats, right.repeats, strict=True)
        for both in zip(first.final_weights, second.final_weights, strict=True)
    )


def _ruled(group: Group, ruler: Group) -> bool:
    one, other = group.first.record.run, ruler.first.record.run
    return group.cell.workload == ruler.cell.workload and one.seeds == other.seeds


def _measure(group: Group, ruler: Group) -> Precision:
    record, exact = group.first.record, ruler.first.record
    different = [one for one in comparability.differences(record, exact, "backend") if one.key not in FREE]
    if different:
        return Precision(group=group, yardstick=ruler, reason=different[0].sentence())
    left, right = _side(group), _side(ruler)
    pairs = list(zip(left.repeats, right.repeats, strict=True))
    if any(_forms(one.initial_weights) != _forms(other.initial_weights) for one, other in pairs):
        return Precision(group=group, yardstick=ruler, reason="the weights have other names or shapes")
    starts = [both for one, other in pairs for both in zip(one.initial_weights, other.initial_weights, strict=True)]
    if any(_error(left, right, *both) for both in starts):
        return Precision(group=group, yardstick=ruler, reason="the initial weights are other numbers")
    dtype = max((one.dtype for one, _ in starts if one.dtype in UNITS), key=UNITS.__getitem__)
    return Precision(
        group=group,
        yardstick=ruler,
        dtype=dtype,
        weights=max(
            _error(left, right, *both)
            for one, other in pairs
            for both in zip(one.final_weights, other.final_weights, strict=True)
        ),
        predictions=max(_error(left, right, one.predictions, other.predictions) for one, other in pairs),
        digits=min(distance.digits(one.score_value, other.score_value) for one, other in pairs),
        unit=UNITS[dtype],
    )


def _side(group: Group) -> Side:
    outcome: Outcome | None = group.first.record.outcome
    assert outcome is not None  # only ok runs are grouped
    return Side(repeats=outcome.repeats, content=group.first.content)


def _forms(arrays: Sequence[Array]) -> list[tuple[str, tuple[int, ...]]]:
    return [(array.name, array.shape) for array in arrays]


def _error(left: Side, right: Side, one: Array, other: Array) -> float:
    return distance.normwise(_values(left, one), _values(right, other))


def _values(side: Side, array: Array) -> NDArray[Any]:
    """The numbers of an array; bfloat16, which is kept as bits, is the upper half of a float32."""
    values = side.read(array)
    if array.dtype != "bfloat16":
        return values
    widened: NDArray[Any] = (values.astype("<u4") << np.uint32(16)).view("<f4")
    return widened
