"""How far apart two arrays or two numbers are: ULP, relative distance, agreeing digits."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Unsigned dtype of the same width, and the mask of the exponent, for each float dtype of a record.
FLOATS: dict[str, tuple[str, int]] = {
    "<f2": ("<u2", 0x7C00),
    "bfloat16": ("<u2", 0x7F80),
    "<f4": ("<u4", 0x7F80_0000),
    "<f8": ("<u8", 0x7FF0_0000_0000_0000),
}


@dataclass(frozen=True, kw_only=True)
class Distance:
    """Between two arrays of one dtype and shape.

    `differing` counts elements whose bits differ. `max_ulp` is None where it means nothing: NaN or infinity
    on one side only (`misplaced` elements), or numbers that are not floats. `median_ulp` is over the differing
    elements. `zeros` counts elements that differ in the sign of zero alone: 0 ULP, yet not the same bits.
    """

    name: str
    size: int
    differing: int
    first: tuple[int, ...] | None
    misplaced: int
    zeros: int
    max_ulp: int | None
    median_ulp: float | None


def bits_of(values: NDArray[Any], dtype: str) -> NDArray[Any]:
    """The elements as unsigned integers of their own width (bfloat16 arrives as such)."""
    bits: NDArray[Any] = np.ascontiguousarray(values).view(FLOATS[dtype][0])
    return bits.reshape(np.shape(values))  # a scalar stays one: ascontiguousarray would make it (1,)


def ordered(bits: NDArray[Any]) -> NDArray[Any]:
    """Unsigned integers in the order of the floats they stand for; both zeros are one number.

    Neighbouring floats become neighbouring integers (IEEE 754 is sign and magnitude), so a difference of two of
    them is the distance in units in the last place. Unlike NumPy's `nulp_diff` nothing can wrap: the result is
    unsigned and as wide as the float.
    """
    kind = bits.dtype.type
    sign = kind(1 << (bits.dtype.itemsize * 8 - 1))
    magnitude = bits & kind(sign - kind(1))
    image: NDArray[Any] = np.where(bits & sign, sign - magnitude, sign + magnitude)
    return image


def ulp(left: NDArray[Any], right: NDArray[Any], dtype: str) -> NDArray[Any]:
    """Distance in ULP of each pair of elements, unsigned; meaningful where neither is NaN."""
    first, second = ordered(bits_of(left, dtype)), ordered(bits_of(right, dtype))
    distance: NDArray[Any] = np.maximum(first, second) - np.minimum(first, second)
    return distance


def special(bits: NDArray[Any], dtype: str) -> NDArray[np.int8]:
    """0 for a finite element, 1 and -1 for an infinity of that sign, 2 for NaN."""
    exponent = bits.dtype.type(FLOATS[dtype][1])
    sign = bits.dtype.type(1 << (bits.dtype.itemsize * 8 - 1))
    magnitude = bits & bits.dtype.type(sign - bits.dtype.type(1))
    infinite = np.where(bits & sign, -1, 1)
    return np.where(magnitude > exponent, 2, np.where(magnitude == exponent, infinite, 0)).astype(np.int8)


def between(left: NDArray[Any], right: NDArray[Any], *, name: str, dtype: str) -> Distance:
    """The distance of two arrays of one dtype; ValueError if their shapes or dtypes differ."""
    if left.shape != right.shape:
        raise ValueError(f"{name}: shapes {left.shape} and {right.shape}")
    if left.dtype != right.dtype:
        raise ValueError(f"{name}: dtypes {left.dtype} and {right.dtype}")
    if dtype not in FLOATS:
        unequal = left != right
        return Distance(
            name=name,
            size=left.size,
            differing=int(unequal.sum()),
            first=_first(unequal),
            misplaced=0,
            zeros=0,
            max_ulp=None if unequal.any() else 0,
            median_ulp=None,
        )
    first, second = bits_of(left, dtype), bits_of(right, dtype)
    unequal = first != second
    kinds = special(first, dtype), special(second, dtype)
    misplaced = int((kinds[0] != kinds[1]).sum())
    distance = ulp(left, right, dtype)
    comparable = unequal & (kinds[0] != 2) & (kinds[1] != 2)
    found = distance[comparable]
    return Distance(
        name=name,
        size=left.size,
        differing=int(unequal.sum()),
        first=_first(unequal),
        misplaced=misplaced,
        zeros=int((comparable & (distance == 0)).sum()),
        max_ulp=None if misplaced else int(found.max()) if found.size else 0,
        median_ulp=None if misplaced or not found.size else float(np.median(found)),
    )


def _first(unequal: NDArray[np.bool_]) -> tuple[int, ...] | None:
    """Index of the first True in C order."""
    if not unequal.any():
        return None
    return tuple(int(part) for part in np.unravel_index(int(np.argmax(unequal)), unequal.shape))


def relative(left: float, right: float) -> float:
    """|l - r| / max(|l|, |r|): symmetric, 0 for equal numbers, infinity if exactly one is not finite."""
    if left == right or (math.isnan(left) and math.isnan(right)):
        return 0.0
    if not (math.isfinite(left) and math.isfinite(right)):
        return math.inf
    return abs(left - right) / max(abs(left), abs(right))


def normwise(value: NDArray[Any], reference: NDArray[Any]) -> float:
    """max |x - r| / max |r| over two arrays of one shape, in float64; infinity where an element is not finite on one
    side only or where all of r is 0 and x is not; NaN and infinities in the same places count as equal."""
    one, other = value.astype(np.float64), reference.astype(np.float64)
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    if same.all():
        return 0.0
    if not (np.isfinite(one[~same]).all() and np.isfinite(other[~same]).all()):
        return math.inf
    scale = float(np.abs(other[np.isfinite(other)]).max())
    if scale == 0.0:
        return math.inf
    with np.errstate(over="ignore"):
        gap = float(np.abs(one[~same] - other[~same]).max())
    return max(gap / scale, math.ulp(0.0))  # never 0 for what differs, however little


def digits(value: float, reference: float) -> float:
    """Agreeing significant digits, -log10(|x - c| / |c|); infinity if equal, 0 where nothing agrees.

    The log relative error of B. D. McCullough, "Assessing the Reliability of Statistical Software: Part I",
    The American Statistician 52 (1998) 358-366, not below 0. NaN agrees with nothing.
    """
    if value == reference:
        return math.inf
    if not (math.isfinite(value) and math.isfinite(reference)) or reference == 0.0:
        return 0.0
    return max(0.0, -math.log10(abs(value - reference) / abs(reference)))


def digits_text(digits: float) -> str:
    """Agreeing digits to one decimal, or `all` where nothing differs."""
    return "all" if math.isinf(digits) else f"{digits:.1f}"


def same_print(value: float, printed: float, digits: int = 12) -> bool:
    """Whether both print alike to so many significant digits; 12 are what Python 2's `print` shows of a float."""
    return f"{value:.{digits}g}" == f"{printed:.{digits}g}"
