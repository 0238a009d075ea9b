"""Elements of an array from hex floats and JSON numbers, exactly or not at all."""

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.distance import FLOATS
from bench.errors import RefusedInput
from bench.records import json_kind

#: What C's %a, Java, Python's float.hex() and Julia print, and the three values that have no digits.
HEX = re.compile(r"[+-]?0x([0-9a-f]+)(?:\.([0-9a-f]*))?(?:p([+-]?[0-9]{1,5}))?|[+-]?(?:inf|nan)", re.IGNORECASE)
#: A hex float is no longer than this; float64 needs 24 characters.
LONGEST = 100


def encode(values: Sequence[object], dtype: str) -> bytes:
    """Little-endian bytes of a flat list of JSON values, in its order.

    Floats are numbers or hex float strings; `dtype` is as records spell it. A hex float must be exact in it; a number
    is rounded to the nearest (it stands for a decimal print), but never overflows and is never halfway between two.
    Integers and booleans are JSON's. RefusedInput names the first element that is not so.
    """
    if dtype in FLOATS:
        return _floats(values, dtype)
    if dtype == "|b1":
        _each(values, lambda one: isinstance(one, bool), "true or false")
        return np.array(values, dtype=dtype).tobytes()
    limits = np.iinfo(dtype)
    low, high = int(limits.min), int(limits.max)
    _each(values, lambda one: type(one) is int and low <= one <= high, f"a whole number from {low} to {high}")
    return np.array(values, dtype=dtype).tobytes()


def _each(values: Sequence[object], legal: Any, words: str) -> None:
    for place, one in enumerate(values):
        if not legal(one):
            raise RefusedInput(f"$.values.{place}: {_shown(one)}; legal: {words}")


def _shown(value: object) -> str:
    return ascii(value)[:60] if type(value) in (str, int, float) else json_kind(value)


def _floats(values: Sequence[object], dtype: str) -> bytes:
    wide = np.array([_wide_value(one, place) for place, one in enumerate(values)], dtype="<f8")
    exact = np.array([isinstance(one, str) for one in values], dtype=bool)
    if dtype == "<f8":
        return wide.tobytes()
    bits, faults = nearest(wide, dtype)
    for fault, places in (("not exact in this dtype", exact & _inexact(wide, bits, dtype)), *faults.items()):
        if places.any():
            place = int(np.argmax(places))
            raise RefusedInput(f"$.values.{place}: {_shown(values[place])}: {fault}")
    return bits.tobytes()


def _wide_value(value: object, place: int) -> float:
    """One element as float64, to which a hex float and a whole number must be exactly equal."""
    if isinstance(value, str) and len(value) <= LONGEST and (match := HEX.fullmatch(value)):
        try:
            found = float.fromhex(value)
        except OverflowError:
            found = math.inf
        if match[1] is None or _equals(found, match):
            return found
        raise RefusedInput(f"$.values.{place}: {_shown(value)}: not exact in a float64")
    if isinstance(value, float):
        return value
    if type(value) is int:
        if abs(value) <= 2**1023 and int(float(value)) == value:
            return float(value)
        raise RefusedInput(f"$.values.{place}: {_shown(value)}: not exact in a float64; write a hex float")
    raise RefusedInput(f"$.values.{place}: {_shown(value)}; legal: a number, a hex float as a string, inf, -inf, nan")


def _equals(found: float, match: re.Match[str]) -> bool:
    """Whether a float is exactly what the digits say: float.fromhex rounds what has more than 53 bits."""
    digits = int(match[1] + (match[2] or ""), 16)
    if not digits or not found or math.isinf(found):
        return not digits and not found
    numerator, denominator = abs(found).as_integer_ratio()
    scale = int(match[3] or 0) - 4 * len(match[2] or "")
    return numerator << max(0, -scale) == (digits * denominator) << max(0, scale)


def _narrow(wide: NDArray[Any], dtype: str) -> NDArray[Any]:
    """Bits of the floats of a narrower dtype that lie nearest, or next to it (bfloat16 is rounded twice)."""
    if dtype == "bfloat16":
        single = wide.astype("<f4").view("<u4")
        return ((single + np.uint32(0x7FFF) + ((single >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)).astype(
            "<u2"
        )
    bits: NDArray[Any] = wide.astype(dtype).view(FLOATS[dtype][0])
    return bits


def _widen(bits: NDArray[Any], dtype: str) -> NDArray[Any]:
    """The float64 that narrow floats are, exactly."""
    narrow = (bits.astype("<u4") << np.uint32(16)).view("<f4") if dtype == "bfloat16" else bits.view(dtype)
    wide: NDArray[Any] = narrow.astype("<f8")
    return wide


def _inexact(wide: NDArray[Any], bits: NDArray[Any], dtype: str) -> NDArray[np.bool_]:
    inexact: NDArray[np.bool_] = (_widen(bits, dtype) != wide) & ~np.isnan(wide)
    return inexact


def nearest(wide: NDArray[Any], dtype: str) -> tuple[NDArray[Any], dict[str, NDArray[np.bool_]]]:
    """Bits of the nearest floats of a narrower dtype, and where there is no answer, by reason.

    A float64 that came from a decimal may lie exactly halfway between two narrow floats while the decimal does not:
    rounding twice would then go wrong, so halfway is a fault. (S. Boldo and G. Melquiond, IEEE Transactions on
    Computers 57 (2008) 462-471, on double rounding.) Differences of neighbours are exact in float64.
    """
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        bits = _narrow(wide, dtype)
        back = _widen(bits, dtype)
        inexact = _inexact(wide, bits, dtype)
        overflow = inexact & np.isinf(back)
        one = bits.dtype.type(1)
        beside = np.where(np.abs(wide) > np.abs(back), bits + one, bits - one)
        gap, other = np.abs(wide - back), np.abs(_widen(beside, dtype) - wide)
        inside = inexact & ~overflow
        found = np.where(inside & (other < gap), beside, bits).astype(bits.dtype)
    return found, {"too large for this dtype": overflow, "halfway between two": inside & (other == gap)}
