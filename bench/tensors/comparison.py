"""Two files compared tensor by tensor: values that say everything, for whoever prints them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

from bench.bound import Bound
from bench.errors import RefusedInput
from bench.tensors import Elements, Tensor, Tensors
from bench.tensors.elementwise import NUMBERS
from bench.tensors.median import Median, Population
from bench.tensors.tally import Tally
from bench.tensors.walk import CHUNK, Walk, population

Verdict = Literal["IDENTICAL", "ROUNDING", "DIFFERENT", "INCOMPARABLE"]
#: From the best to the worst, which stands for several.
VERDICTS: tuple[Verdict, ...] = ("IDENTICAL", "ROUNDING", "DIFFERENT", "INCOMPARABLE")


@dataclass(frozen=True, kw_only=True)
class Side:
    """What one file has at a path."""

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class First:
    """The first element, in C order, whose bits differ; both values as text, exact for the dtype."""

    index: tuple[int, ...]
    left: str
    right: str


@dataclass(frozen=True, kw_only=True)
class Measures:
    """How much differs, of one tensor or of all that are comparable.

    `largest_ulp`, `median_ulp` (exact; halves occur), `relative` (the largest |a - b| / max(|a|, |b|), computed in the
    tensor's precision, at least float32) and `digits` (-log10 of it, at least 0) are over differing pairs of finite
    floats, None where there is no such pair. `largest_difference` is over integers and booleans. The remaining
    counts are of pairs of floats, as `Tally` defines them; such of NaN or infinity have no distance.
    """

    elements: int
    differing: int
    largest_ulp: int | None
    median_ulp: Fraction | None
    relative: float | None
    digits: float | None
    largest_difference: int | None
    nan_mismatches: int
    nan_payloads: int
    infinity_mismatches: int
    signed_zeros: int


@dataclass(frozen=True, kw_only=True)
class Pair:
    """What became of one path. `reason` says why it is INCOMPARABLE; then nothing was measured."""

    path: str
    verdict: Verdict
    reason: str | None
    left: Side | None
    right: Side | None
    first: First | None
    measures: Measures | None


@dataclass(frozen=True, kw_only=True)
class FileComparison:
    """Two files: a pair for each path that either has, and all of them together."""

    verdict: Verdict
    bound: Bound | None
    pairs: tuple[Pair, ...]
    overall: Measures


def compare(left: Tensors, right: Tensors, *, bound: Bound | None = None, chunk: int = CHUNK) -> FileComparison:
    """Every path of two files, in the order of the first file; `chunk` (bytes) bounds the memory, not the result.

    RefusedInput where a file cannot be read to its end.
    """
    walks = {
        path: Walk(left=one, right=right[path], chunk=chunk)
        for path, one in left.items()
        if _incomparable(one, right.get(path)) is None
    }
    floats = [walk for walk in walks.values() if walk.floats]
    everything = population(floats)
    pairs, total = [], _Total(everything)
    for path in [*left, *(path for path in right if path not in left)]:
        if path not in walks:
            one, other = left.get(path), right.get(path)
            pairs.append(_pair(path, "INCOMPARABLE", one, other, reason=_incomparable(one, other)))
            continue
        own = everything if len(floats) == 1 else population([walks[path]])
        pairs.append(_measured(path, walks[path], _Total(own), total, bound))
    verdict = max((pair.verdict for pair in pairs), key=VERDICTS.index)
    return FileComparison(verdict=verdict, bound=bound, pairs=tuple(pairs), overall=_overall(total, pairs))


class _Total:
    """Tallies of one or many tensors, floats and integers apart, and the population whose median is theirs."""

    def __init__(self, population: Population) -> None:
        self.population = population
        self.elements = 0
        self.differing = 0
        self.floats: Tally | None = None
        self.integers: Tally | None = None

    def add(self, tally: Tally, walk: Walk) -> None:
        self.elements += walk.left.size
        self.differing += tally.differing
        if walk.floats:
            self.floats = self.floats or Tally(medians={self.population: Median(self.population)})
            self.floats.add(tally)
        elif walk.left.elements.family != "bytes":
            self.integers = self.integers or Tally()
            self.integers.add(tally)

    def median(self) -> Fraction | None:
        """Over all differing finite floats; the tensors are read again only where counts leave it open."""
        if self.floats is None:
            return None
        try:
            return self.floats.medians[self.population].median()
        except LookupError:
            raise RefusedInput("a file changed while it was compared") from None

    def measures(self, median: Fraction | None = None) -> Measures:
        """`median` where it is known already."""
        floats = self.floats or Tally()
        relative = floats.relative if floats.measured or (self.floats and not floats.differing) else None
        return Measures(
            elements=self.elements,
            differing=self.differing,
            largest_ulp=None if relative is None else floats.largest,
            median_ulp=self.median() if median is None else median,
            relative=relative,
            digits=None if relative is None else digits(relative),
            largest_difference=self.integers.largest if self.integers else None,
            nan_mismatches=floats.nan_mismatches,
            nan_payloads=floats.nan_payloads,
            infinity_mismatches=floats.infinity_mismatches,
            signed_zeros=floats.signed_zeros,
        )


def _measured(path: str, walk: Walk, single: _Total, total: _Total, bound: Bound | None) -> Pair:
    """One pair of tensors, which is added to what all have."""
    populations = {single.population: None, total.population: None} if walk.floats else {}
    tally, first = walk.tally(*populations)
    for each in (single, total):
        each.add(tally, walk)
    return _pair(
        path,
        _verdict(tally, walk.left.elements, bound),
        walk.left,
        walk.right,
        first=_first(walk, first),
        measures=single.measures(),
    )


def _overall(total: _Total, pairs: Sequence[Pair]) -> Measures:
    """One tensor's median is the median of all where no other has one: it is not looked for twice."""
    medians = [pair.measures.median_ulp for pair in pairs if pair.measures and pair.measures.median_ulp is not None]
    return total.measures(medians[0] if len(medians) == 1 else None)


def digits(relative: float) -> float:
    """Agreeing significant digits of a relative distance, as `distance.digits` defines them; infinity if it is 0."""
    return math.inf if relative == 0 else max(0.0, -math.log10(relative))


def _incomparable(one: Tensor | None, other: Tensor | None) -> str | None:
    """Why two tensors cannot be measured against each other."""
    if one is None or other is None:
        return f"only in {'B' if one is None else 'A'}"
    reasons = []
    if one.elements != other.elements:
        reasons.append(f"dtypes {one.elements.name} and {other.elements.name}")
    if one.shape != other.shape:
        reasons.append(f"shapes {one.shape} and {other.shape}")
    return ", ".join(reasons) or None


def _verdict(tally: Tally, elements: Elements, bound: Bound | None) -> Verdict:
    """ROUNDING only within a declared bound, of floats alone; NaN and infinities must be at the same places."""
    if not tally.differing:
        return "IDENTICAL"
    if bound is None or elements.family != "float" or tally.nan_mismatches or tally.infinity_mismatches:
        return "DIFFERENT"
    within = {
        "identical": False,
        "ulp": tally.largest <= bound.limit,
        "digits": digits(tally.relative) >= bound.limit,
    }
    return "ROUNDING" if within[bound.kind] else "DIFFERENT"


def _pair(
    path: str,
    verdict: Verdict,
    one: Tensor | None,
    other: Tensor | None,
    *,
    reason: str | None = None,
    first: First | None = None,
    measures: Measures | None = None,
) -> Pair:
    left, right = (Side(dtype=side.elements.name, shape=side.shape) if side else None for side in (one, other))
    return Pair(path=path, verdict=verdict, reason=reason, left=left, right=right, first=first, measures=measures)


def _first(walk: Walk, position: int | None) -> First | None:
    if position is None:
        return None
    index = tuple(int(part) for part in np.unravel_index(position, walk.left.shape))
    left, right = (_text(side, position) for side in (walk.left, walk.right))
    return First(index=index, left=left, right=right)


def _text(tensor: Tensor, position: int) -> str:
    """One element as the shortest decimal that its dtype reads back as the same; NaN with its bits."""
    element = tensor.source.read(position, position + 1)
    if tensor.elements.family == "float":
        number = NUMBERS[tensor.elements.code](element)[0]
        return f"nan (0x{int(element[0]):x})" if np.isnan(number) else str(number)
    if tensor.elements.family == "boolean":
        return {0: "False", 1: "True"}.get(int(element[0]), f"0x{int(element[0]):02x}")
    return str(element[0]) if tensor.elements.family == "integer" else element.tobytes().hex()
