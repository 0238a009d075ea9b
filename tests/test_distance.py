"""Distances: exact against integers, defined for every special value."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench import distance

DTYPES = ("<f2", "bfloat16", "<f4", "<f8")
WIDTH = {"<f2": 16, "bfloat16": 16, "<f4": 32, "<f8": 64}
EXPONENT = {"<f2": 0x7C00, "bfloat16": 0x7F80, "<f4": 0x7F800000, "<f8": 0x7FF0000000000000}


def array(bits: list[int], dtype: str) -> NDArray[np.generic]:
    """Elements of these bits; bfloat16 as a record reads it, as its bits."""
    unsigned = np.array(bits, dtype=f"<u{WIDTH[dtype] // 8}")
    return unsigned if dtype == "bfloat16" else unsigned.view(dtype)


def model(bits: int, dtype: str) -> int:
    """The number of floats between 0 and this one, signed: the definition, in Python's unbounded integers."""
    sign = 1 << (WIDTH[dtype] - 1)
    return -(bits & (sign - 1)) if bits & sign else bits


@st.composite
def pairs(draw: st.DrawFn) -> tuple[str, int, int]:
    """A dtype and the bits of two finite elements."""
    dtype = draw(st.sampled_from(DTYPES))
    magnitude = st.integers(0, EXPONENT[dtype] - 1)
    sign = 1 << (WIDTH[dtype] - 1)
    one, other = (draw(magnitude) | (sign if draw(st.booleans()) else 0) for _ in range(2))
    return dtype, one, other


@given(pairs())
def test_ulp_is_the_exact_number_of_steps_and_symmetric(pair: tuple[str, int, int]) -> None:
    dtype, one, other = pair
    expected = abs(model(one, dtype) - model(other, dtype))
    found = distance.between(array([one], dtype), array([other], dtype), name="x", dtype=dtype)
    assert found.max_ulp == expected
    assert found.differing == (one != other)
    mirrored = distance.between(array([other], dtype), array([one], dtype), name="x", dtype=dtype)
    assert mirrored.max_ulp == expected


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8"])
@given(st.floats(allow_nan=False, allow_infinity=False, width=16))
def test_nextafter_is_one_ulp(dtype: str, value: float) -> None:
    kind = np.dtype(dtype).type
    start = kind(value)
    after = np.nextafter(start, kind(np.inf))
    found = distance.between(np.array([start]), np.array([after]), name="x", dtype=dtype)
    assert found.max_ulp == 1 or math.isinf(float(after))


@pytest.mark.parametrize("dtype", DTYPES)
def test_across_zero_and_from_end_to_end_nothing_wraps(dtype: str) -> None:
    """The smallest denormals of both signs are 2 apart; the largest numbers of both signs twice the largest image."""
    sign = 1 << (WIDTH[dtype] - 1)
    tiny = distance.between(array([1], dtype), array([sign | 1], dtype), name="x", dtype=dtype)
    largest = EXPONENT[dtype] - 1
    ends = distance.between(array([largest], dtype), array([sign | largest], dtype), name="x", dtype=dtype)
    assert (tiny.max_ulp, ends.max_ulp) == (2, 2 * largest)


@pytest.mark.parametrize("dtype", DTYPES)
def test_zeros_of_two_signs_are_0_ulp_and_yet_differ(dtype: str) -> None:
    sign = 1 << (WIDTH[dtype] - 1)
    found = distance.between(array([0, 5], dtype), array([sign, 5], dtype), name="x", dtype=dtype)
    assert (found.max_ulp, found.zeros, found.differing, found.first) == (0, 1, 1, (0,))


@pytest.mark.parametrize("dtype", DTYPES)
@given(st.data())
def test_nan_is_close_to_no_number(dtype: str, data: st.DataObject) -> None:
    """NaN against any number is misplaced and has no distance, however near its bits are."""
    nan = EXPONENT[dtype] + 1
    number = data.draw(st.integers(0, EXPONENT[dtype]))
    found = distance.between(array([nan], dtype), array([number], dtype), name="x", dtype=dtype)
    assert (found.misplaced, found.max_ulp, found.median_ulp) == (1, None, None)


@pytest.mark.parametrize("dtype", DTYPES)
def test_nan_at_the_same_place(dtype: str) -> None:
    """The same NaN does not differ; another payload differs in bits and has no distance of its own."""
    nan = EXPONENT[dtype] + 1
    same = distance.between(array([nan, 7], dtype), array([nan, 8], dtype), name="x", dtype=dtype)
    assert (same.differing, same.misplaced, same.max_ulp) == (1, 0, 1)
    other = distance.between(array([nan], dtype), array([nan + 1], dtype), name="x", dtype=dtype)
    assert (other.differing, other.misplaced, other.max_ulp) == (1, 0, 0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_infinity_against_the_largest_number_is_misplaced(dtype: str) -> None:
    """One step in bits, and yet no rounding."""
    infinity = EXPONENT[dtype]
    found = distance.between(array([infinity], dtype), array([infinity - 1], dtype), name="x", dtype=dtype)
    assert (found.misplaced, found.max_ulp) == (1, None)


def test_first_differing_element_is_in_c_order_and_the_median_over_differing_ones() -> None:
    left = np.zeros((2, 3), dtype="<f4") + 1
    right = left.copy()
    right[0, 2] = np.nextafter(np.float32(1), np.float32(2))
    right[1, 0] = right[0, 2] + np.float32(2.0**-22)
    found = distance.between(left, right, name="x", dtype="<f4")
    assert (found.first, found.differing, found.size, found.max_ulp, found.median_ulp) == ((0, 2), 2, 6, 3, 2.0)


def test_integers_are_equal_or_not() -> None:
    left, right = np.array([1, 2], dtype="<i8"), np.array([1, 3], dtype="<i8")
    found = distance.between(left, right, name="x", dtype="<i8")
    assert (found.differing, found.max_ulp, found.first) == (1, None, (1,))
    assert distance.between(left, left, name="x", dtype="<i8").max_ulp == 0


def test_other_shapes_are_no_distance() -> None:
    with pytest.raises(ValueError, match=r"x: shapes \(2,\) and \(1, 2\)"):
        distance.between(np.zeros(2, "<f4"), np.zeros((1, 2), "<f4"), name="x", dtype="<f4")


@pytest.mark.parametrize(
    ("value", "reference", "expected"),
    [
        (1.001, 1.0, 3.0),
        (100.0, 101.0, 2.0043),
        (0.169326545359, 0.169326527063, 6.9664),
        (2.0, 1.0, 0.0),
        (-1.0, 1.0, 0.0),
        (1.0, 1.0, math.inf),
        (0.0, 0.0, math.inf),
        (1e-300, 0.0, 0.0),
        (math.nan, 1.0, 0.0),
        (math.inf, 1.0, 0.0),
    ],
)
def test_digits_by_hand(value: float, reference: float, expected: float) -> None:
    assert distance.digits(value, reference) == pytest.approx(expected, abs=1e-3)


@given(st.floats(), st.floats())
def test_relative_distance_is_symmetric_and_0_only_for_equals(one: float, other: float) -> None:
    assert distance.relative(one, other) == distance.relative(other, one)
    equal = one == other or (math.isnan(one) and math.isnan(other))
    assert (distance.relative(one, other) == 0.0) <= (equal or abs(one - other) / max(abs(one), abs(other)) == 0.0)
    assert not equal or distance.relative(one, other) == 0.0


def test_twelve_digits_are_what_python_2_printed() -> None:
    assert distance.same_print(0.1693265270631, 0.169326527063)
    assert not distance.same_print(0.169326527064, 0.169326527063)
