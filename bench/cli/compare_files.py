"""`bench compare FILE_A FILE_B`: what two files of tensors differ in, as text or JSON."""

import dataclasses
import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

from bench.bound import Bound
from bench.cli.options import printable
from bench.tensors.comparison import FileComparison, Measures, Pair, compare
from bench.tensors.files import opened

#: Raised whenever a key changes its meaning.
SCHEMA = 1
EXIT_CODES = {"IDENTICAL": 0, "ROUNDING": 0, "DIFFERENT": 1, "INCOMPARABLE": 1}


def command(left: Path, right: Path, *, bound: Bound | None, as_json: bool) -> int:
    """Compares, prints, and says how it ended."""
    with opened(left) as one, opened(right) as other:
        result = compare(one, other, bound=bound)
    print(as_text_json(left, right, result) if as_json else "\n".join(lines(left, right, result)))
    return EXIT_CODES[result.verdict]


def as_text_json(left: Path, right: Path, result: FileComparison) -> str:
    """All values, sorted keys; NaN and infinities are spelled, a median is a whole number or ends in .5."""
    value = {
        "schema": SCHEMA,
        "left": str(left),
        "right": str(right),
        "verdict": result.verdict,
        "at_least": str(result.bound) if result.bound else None,
        "tensors": [dataclasses.asdict(pair) for pair in result.pairs],
        "overall": dataclasses.asdict(result.overall),
    }
    return json.dumps(_plain(value), indent=1, sort_keys=True, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else float(value)
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def lines(left: Path, right: Path, result: FileComparison) -> list[str]:
    """A comparison as text: the verdict, a line for each tensor and what differs in it, then all together."""
    bound = f"  (at least {result.bound})" if result.bound else ""
    found = [f"{result.verdict}{bound}", f"  A: {left}", f"  B: {right}"]
    for pair in result.pairs:
        found.append(f"  {pair.verdict:<12}  {printable(pair.path)}{_kind(pair)}")
        found += [f"    {text}" for text in _details(pair)]
    if len(result.pairs) > 1:
        counts = {pair.verdict: 0 for pair in result.pairs}
        for pair in result.pairs:
            counts[pair.verdict] += 1
        listed = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
        found.append(f"  overall: {len(result.pairs)} tensors: {listed}")
        found += [f"    {text}" for text in _measures(result.overall)]
    return found


def _kind(pair: Pair) -> str:
    """dtype and shape of the side that is there."""
    side = pair.left or pair.right
    return f"  {side.dtype} {_list(side.shape)}" if side and not pair.reason else ""


def _details(pair: Pair) -> list[str]:
    if pair.reason:
        return [pair.reason]
    if pair.first is None or pair.measures is None:
        return []
    first = f"first {_list(pair.first.index)}: {pair.first.left} and {pair.first.right}"
    return [first, *_measures(pair.measures)]


def _measures(measures: Measures) -> list[str]:
    """What differs; nothing where nothing does."""
    if not measures.differing:
        return []
    found = [f"{measures.differing} of {measures.elements} elements differ"]
    if measures.largest_ulp is not None and measures.median_ulp is not None:
        found.append(f"largest {measures.largest_ulp} ULP, median {_half(measures.median_ulp)} ULP")
    if measures.relative and measures.digits is not None:
        found.append(f"relative distance at most {measures.relative:.2g}, {measures.digits:.1f} digits agree")
    if measures.largest_difference:
        found.append(f"largest difference {measures.largest_difference}")
    named = {
        "NaN on one side only": measures.nan_mismatches,
        "NaN of another payload": measures.nan_payloads,
        "infinite on one side, or of another sign": measures.infinity_mismatches,
        "zeros of another sign (0 ULP)": measures.signed_zeros,
    }
    return found + [f"{name}: {count}" for name, count in named.items() if count]


def _half(value: Fraction) -> str:
    """A whole number or one that ends in .5, exact."""
    return str(value) if value.denominator == 1 else f"{value.numerator // 2}.5"


def _list(numbers: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, numbers))}]"
