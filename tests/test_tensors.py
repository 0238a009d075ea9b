"""Elementwise comparison: exact against `bench.distance` and Python's integers, and chunks never show."""

import math
import statistics
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench import distance
from bench.bound import Bound
from bench.tensors import BFLOAT16, Elements, Held, Tensor, elements_of, walk
from bench.tensors import comparison as comparisons
from bench.tensors import median as medians
from bench.tensors.comparison import FileComparison, Pair, compare
from bench.tensors.elementwise import BLOCK
from bench.tensors.mapped import Contiguous, opened

FLOATS: dict[str, Elements] = {
    "float16": elements_of(np.dtype("<f2")),
    "bfloat16": BFLOAT16,
    "float32": elements_of(np.dtype("<f4")),
    "float64": elements_of(np.dtype("<f8")),
}


def tensor(values: NDArray[Any], elements: Elements | None = None) -> Tensor:
    """A tensor that is held in memory; a float's array, or its bits if `elements` are given."""
    elements = elements or elements_of(values.dtype)
    flat = np.ascontiguousarray(values).reshape(-1)
    return Tensor(elements=elements, shape=values.shape, source=Held(values=flat.view(elements.storage)))


def between(left: Tensor, right: Tensor, bound: str | None = None, chunk: int = 1) -> Pair:
    """The only pair of two files with one tensor each; a chunk of one byte is a chunk of one block."""
    parsed = Bound.parse(bound) if bound else None
    return compare({"x": left}, {"x": right}, bound=parsed, chunk=chunk).pairs[0]


def special(name: str) -> dict[str, int]:
    """Bits of one dtype that every comparison must get right."""
    exponent = distance.FLOATS[FLOATS[name].code][1]
    sign = 1 << (FLOATS[name].storage.itemsize * 8 - 1)
    return {"zero": 0, "minus zero": sign, "tiny": 1, "minus tiny": sign | 1, "largest": exponent - 1,
            "minus largest": sign | (exponent - 1), "inf": exponent, "-inf": sign | exponent, "nan": exponent + 1,
            "other nan": exponent + 2, "-nan": sign | (exponent + 1)}  # fmt: skip


@st.composite
def bit_pairs(draw: st.DrawFn) -> tuple[str, list[int], list[int]]:
    """A dtype and the bits of two tensors: near each other, unrelated, special; finite or not."""
    name = draw(st.sampled_from(sorted(FLOATS)))
    width = FLOATS[name].storage.itemsize * 8
    anything = st.integers(0, 2**width - 1) | st.sampled_from(sorted(special(name).values()))
    pair = st.tuples(anything, anything)
    near = st.tuples(anything, st.integers(-3, 3)).map(lambda two: (two[0], (two[0] + two[1]) % 2**width))
    pairs = draw(st.lists(pair | near, min_size=1, max_size=12))
    return name, [one for one, _ in pairs], [other for _, other in pairs]


def bits(values: list[int], name: str) -> Tensor:
    return tensor(np.array(values, dtype=FLOATS[name].storage), FLOATS[name])


@given(bit_pairs())
def test_agrees_with_the_distance_of_records(drawn: tuple[str, list[int], list[int]]) -> None:
    """Every number that both give is the same number."""
    name, left, right = drawn
    found = between(bits(left, name), bits(right, name))
    code = FLOATS[name].code
    dtype = "<u2" if name == "bfloat16" else code
    one, other = (np.array(side, dtype=FLOATS[name].storage).view(dtype) for side in (left, right))
    known = distance.between(one, other, name="x", dtype=code)
    assert found.measures is not None
    assert found.measures.differing == known.differing
    assert (found.first.index if found.first else None) == known.first
    assert found.measures.nan_mismatches + found.measures.infinity_mismatches == known.misplaced
    assert found.measures.signed_zeros == known.zeros
    assert found.verdict == ("DIFFERENT" if known.differing else "IDENTICAL")
    if not known.misplaced and found.measures.largest_ulp is not None:
        assert found.measures.largest_ulp == known.max_ulp
        median = found.measures.median_ulp
        assert (None if median is None else float(median)) == known.median_ulp


def model(value: int, name: str) -> int:
    """A float's place among the floats of its dtype, in unbounded integers."""
    sign = 1 << (FLOATS[name].storage.itemsize * 8 - 1)
    return -(value & (sign - 1)) if value & sign else value


def finite(value: int, name: str) -> bool:
    sign = 1 << (FLOATS[name].storage.itemsize * 8 - 1)
    return value & (sign - 1) < distance.FLOATS[FLOATS[name].code][1]


@given(bit_pairs())
def test_largest_and_median_are_exact(drawn: tuple[str, list[int], list[int]]) -> None:
    """Against the definition in Python's integers: over the differing pairs of finite numbers."""
    name, left, right = drawn
    gaps = [abs(model(one, name) - model(other, name)) for one, other in zip(left, right, strict=True)
            if one != other and finite(one, name) and finite(other, name)]  # fmt: skip
    found = between(bits(left, name), bits(right, name)).measures
    assert found is not None
    if gaps:
        assert found.largest_ulp == max(gaps)
        assert found.median_ulp == statistics.median(map(Fraction, gaps))
    else:
        assert found.median_ulp is None
        assert found.largest_ulp == (None if found.differing else 0)


@given(bit_pairs())
def test_symmetric(drawn: tuple[str, list[int], list[int]]) -> None:
    name, left, right = drawn
    one, other = between(bits(left, name), bits(right, name)), between(bits(right, name), bits(left, name))
    assert (one.verdict, one.measures) == (other.verdict, other.measures)


@given(bit_pairs())
def test_a_tensor_is_identical_to_itself_whatever_it_holds(drawn: tuple[str, list[int], list[int]]) -> None:
    name, left, _ = drawn
    found = between(bits(left, name), bits(left, name))
    assert (found.verdict, found.first) == ("IDENTICAL", None)
    assert found.measures is not None
    assert (found.measures.differing, found.measures.largest_ulp, found.measures.digits) == (0, 0, math.inf)


@given(st.lists(st.tuples(st.floats(width=32, allow_nan=False), st.floats(width=32, allow_nan=False)), min_size=1))
def test_relative_distance_is_the_largest_of_the_finite_pairs(pairs: list[tuple[float, float]]) -> None:
    one, other = (np.array(side, dtype=np.float32) for side in zip(*pairs, strict=True))
    known = [distance.relative(float(a), float(b)) for a, b in zip(one, other, strict=True)
             if np.isfinite(a) and np.isfinite(b) and (a.tobytes() != b.tobytes())]  # fmt: skip
    found = between(tensor(one), tensor(other)).measures
    assert found is not None
    if known:
        assert found.relative == pytest.approx(max(known), rel=3e-7)
        assert found.digits == comparisons.digits(found.relative or 0.0)


def test_digits_are_those_of_distances() -> None:
    """Where the reference is the larger number, which is what the symmetric distance divides by."""
    for value, reference in ((0.9999, 1.0), (2.0, 3.0), (-5.0, -6.0), (0.0, 1.0), (-1.0, 1.0)):
        found = between(tensor(np.array([value])), tensor(np.array([reference]))).measures
        assert found is not None
        assert found.digits == pytest.approx(distance.digits(value, reference))


def test_relative_distance_of_the_largest_float64_does_not_overflow() -> None:
    largest = np.finfo(np.float64).max
    found = between(tensor(np.array([largest, 1.0, 0.0])), tensor(np.array([-largest / 2, 1.0, 0.0]))).measures
    assert found is not None
    assert found.relative == 1.5


@pytest.mark.parametrize("name", FLOATS)
def test_special_values(name: str) -> None:
    """Signed zeros are 0 ULP and named; NaN and infinities have no distance and are counted apart."""
    of = special(name)

    def found(left: str, right: str) -> Pair:
        return between(bits([7, of[left]], name), bits([7, of[right]], name), bound="100 ulp")

    zeros = found("zero", "minus zero")
    assert zeros.measures is not None
    assert (zeros.verdict, zeros.measures.signed_zeros) == ("ROUNDING", 1)
    assert (zeros.measures.largest_ulp, zeros.measures.differing, zeros.measures.median_ulp) == (0, 1, Fraction(0))
    assert zeros.first is not None
    assert (zeros.first.index, zeros.first.left, zeros.first.right) == ((1,), "0.0", "-0.0")
    tiny = found("minus tiny", "tiny")
    assert tiny.measures is not None
    assert (tiny.verdict, tiny.measures.largest_ulp) == ("ROUNDING", 2)
    payload = found("nan", "other nan")
    assert payload.measures is not None
    assert (payload.verdict, payload.measures.nan_payloads, payload.measures.largest_ulp) == ("ROUNDING", 1, None)
    assert payload.first is not None
    assert payload.first.left != payload.first.right
    for left, right in (("nan", "zero"), ("inf", "nan"), ("largest", "nan")):
        pair = found(left, right)
        assert pair.measures is not None
        assert (pair.verdict, pair.measures.nan_mismatches, pair.measures.largest_ulp) == ("DIFFERENT", 1, None)
    for left, right in (("inf", "largest"), ("inf", "-inf")):
        pair = found(left, right)
        assert pair.measures is not None
        assert (pair.verdict, pair.measures.infinity_mismatches, pair.measures.relative) == ("DIFFERENT", 1, None)
    ends = found("largest", "minus largest")
    assert ends.measures is not None
    assert ends.measures.largest_ulp == 2 * of["largest"]


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8"])
@given(st.floats(width=16, allow_nan=False, allow_infinity=False))
def test_nextafter_is_one_ulp(dtype: str, value: float) -> None:
    start = np.array([value], dtype=dtype)
    after = np.nextafter(start, np.array([np.inf], dtype=dtype))
    if np.isfinite(after[0]):
        found = between(tensor(start), tensor(after), bound="1 ulp")
        assert found.measures is not None
        assert (found.verdict, found.measures.largest_ulp) == ("ROUNDING", 1)


def test_one_flipped_bit_is_found_wherever_it_is() -> None:
    """In every bit of an element, in every block, at the ends of the tensor and of the blocks."""
    rng = np.random.default_rng(4)
    shape = (3, BLOCK // 2, 2)
    values = rng.standard_normal(shape).astype(np.float32)
    places = [0, BLOCK - 1, BLOCK, values.size - 1, *map(int, rng.integers(0, values.size, 28))]
    for bit, place in enumerate(places):
        other = values.copy()
        other.reshape(-1).view(np.uint32)[place] ^= np.uint32(1 << bit)
        found = between(tensor(values), tensor(other))
        assert found.first is not None
        assert found.measures is not None
        index = tuple(int(part) for part in np.unravel_index(place, shape))
        assert (found.first.index, found.measures.differing) == (index, 1)
        if bit < 23:
            assert found.measures.largest_ulp == 2**bit


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 1.0])
def test_chunks_and_threads_change_nothing(name: str, share: float) -> None:
    """Many threads of one block each, and one chunk for all; with NaN, zeros and unrelated elements among them."""
    rng = np.random.default_rng(7)
    size = 5 * BLOCK + 17
    storage = FLOATS[name].storage
    one = rng.integers(0, 2 ** (storage.itemsize * 8), size, dtype=np.uint64).astype(storage)
    one[rng.random(size) < 0.1] = 0
    other = one.copy()
    chosen = rng.random(size) < share
    other[chosen] = rng.permutation(one)[chosen]
    pairs = [between(bits_of(one, name), bits_of(other, name), chunk=chunk) for chunk in (1, 10**5, 10**9)]
    assert pairs[0] == pairs[1] == pairs[2]
    code = FLOATS[name].code
    dtype = "<u2" if name == "bfloat16" else code
    with np.errstate(invalid="ignore"):
        known = distance.between(one.view(dtype), other.view(dtype), name="x", dtype=code)
    measures = pairs[0].measures
    assert measures is not None
    assert (measures.differing, measures.signed_zeros) == (known.differing, known.zeros)


def bits_of(values: NDArray[Any], name: str) -> Tensor:
    return tensor(values, FLOATS[name])


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("kind", ["zero", "minus zero", "minus tiny", "minus largest", "inf", "-inf", "nan", "-nan"])
def test_one_stranger_in_a_dense_block_is_counted_as_alone(name: str, kind: str) -> None:
    """Where all other pairs are plain neighbours of one sign, beyond those that are probed."""
    one = np.arange(100, 400, dtype=FLOATS[name].storage)
    other = one + one.dtype.type(1)
    for left, right in ((one, other), (other, one)):
        left, right = left.copy(), right.copy()
        left[250], right[250] = special(name)[kind], 9
        alone = between(bits_of(left[250:251], name), bits_of(right[250:251], name)).measures
        found = between(bits_of(left, name), bits_of(right, name)).measures
        assert alone is not None
        assert found is not None
        assert found.differing == 300
        assert found.median_ulp == 1
        assert found.largest_ulp == max(alone.largest_ulp or 0, 1)
        assert (found.nan_mismatches, found.infinity_mismatches) == (alone.nan_mismatches, alone.infinity_mismatches)


@pytest.mark.parametrize("held", [1024, 1 << 30])
@pytest.mark.parametrize("name", ["float32", "float64"])
def test_the_median_of_several_chunks_is_exact(name: str, held: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of numbers of both signs that have nothing to do with each other: kept as a whole, or in a sampled bracket."""
    monkeypatch.setattr(medians, "HELD", held)
    monkeypatch.setattr(walk, "STRETCH", 64)
    rng = np.random.default_rng(11)
    dtype = np.dtype(FLOATS[name].code)
    one, other = (rng.standard_normal(2 * BLOCK + 5).astype(dtype) for _ in range(2))
    known = np.sort(distance.ulp(one, other, dtype.str))
    found = between(tensor(one), tensor(other)).measures
    assert found is not None
    assert (found.largest_ulp, found.median_ulp) == (int(known[-1]), Fraction(int(known[len(known) // 2])))


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_after_the_largest_relative_distance_all_else_is_still_counted(name: str) -> None:
    """A number and its negative are as far apart as can be; what comes in later blocks has its ULP all the same."""
    rng = np.random.default_rng(13)
    dtype = np.dtype(FLOATS[name].code)
    one, other = (rng.standard_normal(3 * BLOCK).astype(dtype) for _ in range(2))
    other[:BLOCK] = -one[:BLOCK]
    one[-1], other[-1] = np.finfo(dtype).max, np.finfo(dtype).min
    found = between(tensor(one), tensor(other), chunk=10**9).measures
    differ = one.view(FLOATS[name].storage) != other.view(FLOATS[name].storage)
    known = np.sort(distance.ulp(one, other, dtype.str)[differ])
    assert found is not None
    assert (found.relative, found.digits, found.largest_ulp) == (2.0, 0.0, int(known[-1]))
    assert found.median_ulp == Fraction(int(known[(len(known) - 1) // 2]) + int(known[len(known) // 2]), 2)


@given(st.sampled_from(["i1", "u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8"]), st.data())
def test_integers_have_an_exact_largest_difference(dtype: str, data: st.DataObject) -> None:
    """Even from end to end of the range, where a signed difference would wrap."""
    limits = np.iinfo(dtype)
    drawn = st.integers(int(limits.min), int(limits.max)) | st.sampled_from([int(limits.min), int(limits.max)])
    pairs = data.draw(st.lists(st.tuples(drawn, drawn), min_size=1, max_size=20))
    one, other = (np.array(side, dtype=dtype) for side in zip(*pairs, strict=True))
    found = between(tensor(one), tensor(other), bound="9 ulp")
    assert found.measures is not None
    assert found.measures.differing == sum(a != b for a, b in pairs)
    assert found.measures.largest_difference == max(abs(a - b) for a, b in pairs)
    assert found.verdict == ("DIFFERENT" if found.measures.differing else "IDENTICAL")


def test_booleans_and_bytes() -> None:
    """A boolean's difference is 1; complex numbers and text are counted, and have no distance."""
    found = between(tensor(np.array([True, False])), tensor(np.array([True, True])))
    assert found.measures is not None
    assert (found.measures.differing, found.measures.largest_difference) == (1, 1)
    assert found.first is not None
    assert (found.first.left, found.first.right) == ("False", "True")
    for one, other in ((np.array([1j, 2j]), np.array([1j, 3j])), (np.array(["a", "bc"]), np.array(["a", "bd"]))):
        pair = between(tensor(one), tensor(other), bound="1 digits")
        assert pair.measures is not None
        assert pair.first is not None
        assert (pair.verdict, pair.measures.differing, pair.first.index) == ("DIFFERENT", 1, (1,))
        assert (pair.measures.largest_ulp, pair.measures.largest_difference) == (None, None)


def test_empty_and_scalar_tensors() -> None:
    empty = np.empty((0, 3), dtype=np.float32)
    assert between(tensor(empty), tensor(empty)).verdict == "IDENTICAL"
    found = between(tensor(np.array(1.0)), tensor(np.array(2.0)))
    assert found.first is not None
    assert (found.verdict, found.first.index) == ("DIFFERENT", ())


def test_a_bound_is_kept_to_the_last_ulp_and_digit() -> None:
    one = np.ones(3, dtype=np.float32)
    other = one.copy()
    other.view(np.uint32)[1] += 4
    for bound, verdict in {"4 ulp": "ROUNDING", "3 ulp": "DIFFERENT", "identical": "DIFFERENT", "6 digits": "ROUNDING",
                           "7 digits": "DIFFERENT"}.items():  # fmt: skip
        assert between(tensor(one), tensor(other), bound).verdict == verdict
        assert between(tensor(one), tensor(one), bound).verdict == "IDENTICAL"
    assert between(tensor(one), tensor(other)).verdict == "DIFFERENT"


def test_shape_dtype_and_absence_are_decided_before_any_distance() -> None:
    """Nothing is read of such a tensor, and each has its reason; the rest of the file is compared."""

    class Unreadable:
        grain = 1

        def read(self, start: int, stop: int, room: NDArray[Any] | None = None) -> NDArray[Any]:
            raise AssertionError("was read")

    def unread(dtype: str, *shape: int) -> Tensor:
        return Tensor(elements=elements_of(np.dtype(dtype)), shape=shape, source=Unreadable())

    same = tensor(np.arange(3.0))
    left = {"same": same, "shape": unread("<f4", 2, 3), "dtype": unread("<f4", 6), "gone": unread("<f4", 1)}
    right = {"new": unread("<i4"), "same": same, "shape": unread("<f4", 3, 2), "dtype": unread("<f8", 6)}
    found = compare(left, right)
    assert found.verdict == "INCOMPARABLE"
    assert {pair.path: (pair.verdict, pair.reason) for pair in found.pairs} == {
        "same": ("IDENTICAL", None),
        "shape": ("INCOMPARABLE", "shapes (2, 3) and (3, 2)"),
        "dtype": ("INCOMPARABLE", "dtypes float32 and float64"),
        "gone": ("INCOMPARABLE", "only in A"),
        "new": ("INCOMPARABLE", "only in B"),
    }
    assert (found.overall.elements, found.overall.differing) == (3, 0)


@settings(max_examples=40)
@given(st.lists(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 5000), min_size=1, max_size=9), min_size=1))
def test_the_overall_median_is_over_all_tensors(rows: list[list[int]]) -> None:
    """Of tensors of several dtypes, each element in ULP of its own."""
    names = ["float64", "float32", "float16"]
    left, right, gaps = {}, {}, []
    for place, row in enumerate(rows):
        name = names[place % 3]
        limit = distance.FLOATS[FLOATS[name].code][1]
        values = [value % limit for value in row]
        left[str(place)], right[str(place)] = bits([0] * len(values), name), bits(values, name)
        gaps += [value for value in values if value]
    found: FileComparison = compare(left, right)
    assert found.overall.median_ulp == (statistics.median(map(Fraction, gaps)) if gaps else None)
    assert found.overall.largest_ulp == max(gaps, default=0)


def test_a_map_lies_askew_without_harm(tmp_path: Path) -> None:
    """Elements at any byte of a file, as in a ZIP archive, give what they would elsewhere."""
    values = np.random.default_rng(1).standard_normal(40_000)
    elements = elements_of(values.dtype)
    found = []
    with ExitStack() as stack:
        for offset in (0, 1, 4, 8, 4097):
            path = tmp_path / f"{offset}.raw"
            path.write_bytes(b"\0" * offset + values.tobytes())
            source = Contiguous(file=opened(path, stack), offset=offset, storage=elements.storage)
            found.append(Tensor(elements=elements, shape=values.shape, source=source))
        for one in found:
            assert between(found[0], one).verdict == "IDENTICAL"
            assert between(one, tensor(values + 1)).measures == between(tensor(values), tensor(values + 1)).measures
