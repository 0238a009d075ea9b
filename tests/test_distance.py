"""Distances: exact against integers, defined for every special value."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
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
    if distance.relative(one, other) == 0.0:  # and only then: max(0, NaN) is no divisor
        assert equal or abs(one - other) / max(abs(one), abs(other)) == 0.0
    assert not equal or distance.relative(one, other) == 0.0


def test_twelve_digits_are_what_python_2_printed() -> None:
    assert distance.same_print(0.1693265270631, 0.169326527063)
    assert not distance.same_print(0.169326527064, 0.169326527063)


def between(one: list[int], other: list[int], dtype: str) -> distance.Distance:
    return distance.between(array(one, dtype), array(other, dtype), name="x", dtype=dtype)


def is_nan(bits: int, dtype: str) -> bool:
    return bits & ((1 << (WIDTH[dtype] - 1)) - 1) > EXPONENT[dtype]


def kind(bits: int, dtype: str) -> str:
    """What an element is, by the definition of IEEE 754."""
    if is_nan(bits, dtype):
        return "nan"
    infinity = EXPONENT[dtype]
    return {infinity: "+inf", infinity | 1 << (WIDTH[dtype] - 1): "-inf"}.get(bits, "finite")


@st.composite
def lists(draw: st.DrawFn) -> tuple[str, list[int], list[int]]:
    """A dtype and two lists of any bits; half of the elements are equal and special values are common."""
    dtype = draw(st.sampled_from(DTYPES))
    sign, infinity = 1 << (WIDTH[dtype] - 1), EXPONENT[dtype]
    specials = [0, sign, 1, sign | 1, infinity, sign | infinity, infinity + 1, sign | (infinity + 1), infinity - 1]
    element = st.one_of(st.sampled_from(specials), st.integers(0, 2 * sign - 1))
    one = draw(st.lists(element, min_size=1, max_size=8))
    other = [draw(st.one_of(st.just(bits), element)) for bits in one]
    return dtype, one, other


@settings(deadline=None)
@given(lists())
def test_every_field_agrees_with_a_model_in_plain_integers(case: tuple[str, list[int], list[int]]) -> None:
    """Any bits at all, NaN and infinities among them: counts, places and distances are those of the definition."""
    dtype, one, other = case
    pairs = list(zip(one, other, strict=True))
    differing = [index for index, (a, b) in enumerate(pairs) if a != b]
    misplaced = [index for index, (a, b) in enumerate(pairs) if kind(a, dtype) != kind(b, dtype)]
    numbers = [pairs[index] for index in differing if not any(is_nan(bits, dtype) for bits in pairs[index])]
    steps = [abs(model(a, dtype) - model(b, dtype)) for a, b in numbers]
    found = between(one, other, dtype)
    assert found.size == len(one)
    assert found.differing == len(differing)
    assert found.first == ((differing[0],) if differing else None)
    assert found.misplaced == len(misplaced)
    assert found.zeros == steps.count(0)
    assert found.max_ulp == (None if misplaced else max(steps, default=0))
    if misplaced or not steps:
        assert found.median_ulp is None
    else:
        assert found.median_ulp == pytest.approx(statistics.median(steps), rel=1e-15)


@given(st.data())
def test_a_distance_is_never_longer_than_a_detour(data: st.DataObject) -> None:
    """The triangle inequality, exactly, for any three finite floats."""
    dtype = data.draw(st.sampled_from(DTYPES))
    sign = 1 << (WIDTH[dtype] - 1)
    magnitude = st.integers(0, EXPONENT[dtype] - 1)
    one, middle, other = (data.draw(magnitude) | data.draw(st.sampled_from([0, sign])) for _ in range(3))
    direct = between([one], [other], dtype).max_ulp
    legs = between([one], [middle], dtype).max_ulp, between([middle], [other], dtype).max_ulp
    assert direct is not None
    assert legs[0] is not None
    assert legs[1] is not None
    assert direct <= legs[0] + legs[1]


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8"])
@given(st.data())
def test_the_next_float_either_way_is_one_ulp(dtype: str, data: st.DataObject) -> None:
    """`nextafter` up and down from any finite number, denormals and both zeros among them."""
    bits = data.draw(st.integers(0, EXPONENT[dtype] - 2)) | data.draw(st.sampled_from([0, 1 << (WIDTH[dtype] - 1)]))
    start = array([bits], dtype)
    for end in (np.inf, -np.inf):
        after = np.nextafter(start, np.asarray(end, dtype=dtype))
        assert distance.between(start, after, name="x", dtype=dtype).max_ulp == 1


def test_the_next_bfloat16_is_one_ulp_everywhere() -> None:
    """All 65,280 finite bfloat16 numbers in their order: each is 1 ULP from the one before it, across zero too."""
    upward = [0x8000 | magnitude for magnitude in range(0x7F7F, 0, -1)] + list(range(0x7F80))
    steps = distance.ulp(array(upward[:-1], "bfloat16"), array(upward[1:], "bfloat16"), "bfloat16")
    assert len(upward) == 65_279  # -0.0 is left out: it is the same number as 0.0
    assert set(steps.tolist()) == {1}


@pytest.mark.parametrize(("dtype", "bits"), [("<f2", 10), ("<f4", 23), ("<f8", 52)])
def test_one_to_two_is_as_many_ulp_as_the_mantissa_has_values(dtype: str, bits: int) -> None:
    found = distance.between(np.array([1.0], dtype), np.array([2.0], dtype), name="x", dtype=dtype)
    assert found.max_ulp == 2**bits


def test_the_two_ends_of_float64_do_not_wrap() -> None:
    """2 x 0x7FEFFFFFFFFFFFFF, which no signed 64-bit integer holds."""
    largest = np.array([np.finfo("<f8").max])
    found = distance.between(-largest, largest, name="x", dtype="<f8")
    assert found.max_ulp == 18_437_736_874_454_810_622


@pytest.mark.parametrize("dtype", DTYPES)
def test_infinities_of_one_sign_agree_and_of_two_signs_are_misplaced(dtype: str) -> None:
    infinity, sign = EXPONENT[dtype], 1 << (WIDTH[dtype] - 1)
    same = between([infinity], [infinity], dtype)
    assert (same.differing, same.misplaced, same.max_ulp) == (0, 0, 0)
    other = between([infinity], [infinity | sign], dtype)
    assert (other.differing, other.misplaced, other.max_ulp) == (1, 1, None)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_scalar_has_a_distance_and_an_empty_place(dtype: str) -> None:
    one, other = (array([bits], dtype).reshape(()) for bits in (5, 9))
    found = distance.between(one, other, name="x", dtype=dtype)
    assert (found.first, found.max_ulp, found.size) == ((), 4, 1)


def test_an_empty_array_is_equal_to_itself() -> None:
    found = between([], [], "<f4")
    assert (found.size, found.differing, found.first, found.max_ulp, found.median_ulp) == (0, 0, None, 0, None)


def test_the_memory_layout_changes_no_distance() -> None:
    """The first difference is in C order for a transposed view too."""
    left = np.arange(1, 7, dtype="<f4").reshape(3, 2).T
    right = left.copy()
    right[1, 0] = np.nextafter(right[1, 0], np.float32(9))
    right[0, 2] = np.nextafter(right[0, 2], np.float32(9))
    found = distance.between(left, right, name="x", dtype="<f4")
    assert (found.first, found.differing, found.max_ulp) == ((0, 2), 2, 1)


@pytest.mark.parametrize(("one", "other"), [("<f4", "<f8"), ("<f2", "<u2")])
def test_other_dtypes_are_no_distance(one: str, other: str) -> None:
    """Not even where the bytes could be read as each other's; bfloat16 comes as <u2."""
    with pytest.raises(ValueError, match="x: dtypes"):
        distance.between(np.zeros((5, 1), one), np.zeros((5, 1), other), name="x", dtype=one)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (1.0, 2.0, 0.5),
        (-1.0, 1.0, 2.0),
        (0.0, 1e-300, 1.0),
        (0.0, -0.0, 0.0),
        (math.inf, math.inf, 0.0),
        (math.inf, -math.inf, math.inf),
        (math.inf, 1.0, math.inf),
        (math.nan, 1.0, math.inf),
        (math.nan, math.inf, math.inf),
        (math.nan, math.nan, 0.0),
    ],
)
def test_relative_by_hand(left: float, right: float, expected: float) -> None:
    assert distance.relative(left, right) == expected
    assert distance.relative(right, left) == expected


def test_digits_of_the_tutorials_example() -> None:
    """0.169326545359 beside the published 0.169326527063: 1.8296e-8 / 0.169326527063 is 1.0805e-7, 6.97 digits."""
    assert round(distance.digits(0.169326545359, 0.169326527063), 2) == 6.97


@pytest.mark.parametrize("printed", [0.169326527063, 1.93553737255e-07, 0.00154879478823])
def test_a_print_covers_half_a_unit_of_its_twelfth_digit(printed: float) -> None:
    """What rounds to the same twelve digits prints alike; one unit of the twelfth digit does not."""
    unit = 10.0 ** (math.floor(math.log10(printed)) - 11)
    assert distance.same_print(printed + 0.4 * unit, printed)
    assert distance.same_print(printed - 0.4 * unit, printed)
    assert not distance.same_print(printed + unit, printed)
    assert not distance.same_print(printed - unit, printed)
    assert not distance.same_print(math.nan, printed)
