"""The distance to the yardstick, from records whose errors are chosen here; and the sentences, turned both ways."""

import copy
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from bench import distance, findings, precision
from bench.divergence import Side
from bench.groups import Group, group
from bench.precision import Precision
from bench.records import Array
from bench.store import Stored
from tests.planted import Fit, Planted, fits

YARDSTICK = "mlp/numpy-reference/numpy/supplied/extended"
PATTERN = "*/numpy-reference/numpy/supplied/extended"


def cell(backend: str, preset: str = "float64") -> str:
    return f"mlp/{backend}/numpy/supplied/{preset}"


def widened(made: list[Fit], dtype: str) -> list[Fit]:
    """The same numbers in another dtype."""
    found = copy.deepcopy(made)
    for one in found:
        one.initial = [array.astype(dtype) for array in one.initial]
        one.trajectory = [[array.astype(dtype) for array in step] for step in one.trajectory]
        one.predictions = one.predictions.astype(dtype)
    return found


def off(made: list[Fit], error: float) -> list[Fit]:
    """The fits with the second fit's largest final weight off by a relative error."""
    found = copy.deepcopy(made)
    kernel = found[1].trajectory[-1][0]
    place = np.unravel_index(int(np.abs(kernel).argmax()), kernel.shape)
    kernel[place] *= 1 + error
    return found


def groups(*runs: tuple[str, list[Fit]], **changes: Any) -> tuple[Group, ...]:
    found = []
    for number, (name, made) in enumerate(runs):
        record, content = Planted(cell=name, fits=made, stack=f"{number:064x}", **changes).record()
        found.append(Stored(digest=f"{number:064x}", record=record, content=content))
    return group(found)


def measured(*runs: tuple[str, list[Fit]]) -> dict[str, Precision]:
    return {one.group.cell.backend: one for one in precision.measure(groups(*runs), PATTERN)}


EXACT = widened(fits(), "<f8")


def test_an_error_is_seen_at_its_size() -> None:
    """A relative error of one weight comes out as it was put in; what is equal has none."""
    found = measured((YARDSTICK, EXACT), (cell("a-cpu"), off(EXACT, 3e-7)), (cell("b-cpu"), EXACT))
    assert found["a-cpu"].weights == pytest.approx(3e-7, rel=1e-6)
    assert (found["a-cpu"].predictions, found["a-cpu"].digits) == (0.0, math.inf)
    assert (found["b-cpu"].weights, found["b-cpu"].reason) == (0.0, None)
    assert found["a-cpu"].unit == 2.0**-53
    assert set(found) == {"a-cpu", "b-cpu"}  # the yardstick is not measured by itself


def test_float32_is_measured_by_the_same_ruler() -> None:
    single = fits()
    found = measured((YARDSTICK, widened(single, "<f8")), (cell("a-cpu", "ordered"), single))
    assert (found["a-cpu"].dtype, found["a-cpu"].weights, found["a-cpu"].unit) == ("<f4", 0.0, 2.0**-24)


def test_bfloat16_is_read_as_the_numbers_that_it_stands_for() -> None:
    """Its records hold bits; 1.0 is 0x3f80, -2.0 is 0xc000."""
    content = np.array([0x3F80, 0xC000], "<u2").tobytes()
    array = Array(name="x", dtype="bfloat16", shape=(2,), offset=0, sha256="0" * 64)
    assert precision._values(Side(repeats=(), content=content), array).tolist() == [1.0, -2.0]


def test_other_starts_or_other_tasks_are_not_measured() -> None:
    other = copy.deepcopy(EXACT)
    other[0].initial[0][0, 0] += 1
    found = measured((YARDSTICK, EXACT), (cell("a-cpu"), other))
    assert found["a-cpu"].reason == "the initial weights are other numbers"
    yardstick = groups((YARDSTICK, EXACT))
    slower = groups((cell("a-cpu"), EXACT), hyperparameters={"optimizer": "adam", "epsilon": "0x1p-3"})
    (found_slower,) = precision.measure((*yardstick, *slower), PATTERN)
    assert "hyperparameters.epsilon" in str(found_slower.reason)
    assert math.isinf(found_slower.weights)


def test_without_a_yardstick_nothing_is_measured() -> None:
    runs = groups((cell("a-cpu"), EXACT), ("mlp/theano-cpu/numpy/native/default", EXACT))
    assert precision.measure(runs, PATTERN) == ()
    assert precision.measure((*runs, *groups((YARDSTICK, EXACT))), None) == ()
    other_seeds = groups((YARDSTICK, EXACT), seeds={"numpy": 9, "backend": 10, "keras": 9})
    assert precision.measure((*runs, *other_seeds), PATTERN) == ()


def said(*runs: tuple[str, list[Fit]]) -> str:
    found = findings.findings((), (), tuple(measured((YARDSTICK, EXACT), *runs).values()))
    (sentence,) = (one.sentence for one in found)
    return sentence


def test_agreement_that_overstates_precision_is_said() -> None:
    """Two share an error that a third has not: they agree with each other and not with the truth."""
    text = said((cell("a-cpu"), off(EXACT, 5e-7)), (cell("b-cpu"), off(EXACT, 5.001e-7)), (cell("c-cpu"), EXACT))
    assert "is c-cpu, its weights within 0.0e+00" in text
    assert "farthest is b-cpu with 5.0e-07, float64 in name only" in text
    assert "a-cpu and b-cpu are 1.0e-10 apart, closer than either is to the yardstick (5.0e-07)" in text


def test_agreement_that_does_not_is_said_too() -> None:
    text = said((cell("a-cpu"), off(EXACT, 5e-14)), (cell("b-cpu"), off(EXACT, -5e-14)))
    assert "No two of them agree better than they are precise" in text
    assert "in name only" not in text


def test_float32_with_the_same_error_is_not_called_float64() -> None:
    single = widened(EXACT, "<f4")
    exact = widened(single, "<f8")
    found = precision.measure(
        groups((YARDSTICK, exact), (cell("a-cpu", "ordered"), off(single, 5e-7)), (cell("b-cpu", "ordered"), single)),
        PATTERN,
    )
    (sentence,) = (one.sentence for one in findings.findings((), (), found))
    assert "farthest is a-cpu" in sentence
    assert "in name only" not in sentence


finite = st.floats(-1e300, 1e300)


@given(arrays.arrays(np.float64, 5, elements=finite))
def test_normwise_is_zero_only_for_equal_numbers(values: NDArray[Any]) -> None:
    assert distance.normwise(values, values) == 0.0
    changed = values.copy()
    changed[2] = np.nextafter(changed[2], math.inf)
    assert distance.normwise(changed, values) > 0.0


def test_normwise_where_numbers_are_missing() -> None:
    reference = np.array([4.0, 2.0, 0.0])
    assert distance.normwise(np.array([4.0, 2.0, 1.0]), reference) == 0.25
    assert distance.normwise(np.array([math.nan, 2.0, 0.0]), reference) == math.inf
    assert distance.normwise(np.array([math.inf, 1.0]), np.array([math.inf, 2.0])) == 0.5
    assert distance.normwise(np.array([math.nan, 1.0]), np.array([math.nan, 1.0])) == 0.0
    assert distance.normwise(np.array([1.0]), np.array([0.0])) == math.inf
