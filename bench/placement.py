"""Where printed numbers lie beside the scores of runs: digits, ranges, and whether they may be one more draw."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench import distance
from bench.errors import UsageError

#: A vector among this share of runs that lie farthest out, itself included, is a rare one.
LEVEL = 0.05

#: Fewer runs than this cannot tell a rare vector: even the farthest of all is not among so small a share.
ENOUGH = round(1 / LEVEL) - 1

#: What Python 2's `print` shows of a float.
PRINTED_DIGITS = 12


@dataclass(frozen=True, kw_only=True)
class Printed:
    """A number as somebody printed it: to so many significant digits."""

    value: float
    digits: int = PRINTED_DIGITS

    @staticmethod
    def parse(text: str) -> "Printed":
        """`0.1693` has 4 digits, `0.0310` 3, `1e-7` 1; UsageError for what is not a finite decimal number."""
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or "_" in text:
            raise UsageError(f"{text!r}: not a number; legal: decimal numbers such as 0.169326527063 or 8.1e-08")
        mantissa = text.strip().lower().partition("e")[0].lstrip("+-").replace(".", "")
        return Printed(value=value, digits=max(1, len(mantissa.lstrip("0"))))

    def round(self, value: float) -> float:
        """A score as it would have been printed in the same place; the number itself stays as it is."""
        return value if value == self.value else float(f"{value:.{self.digits}g}")

    def same(self, value: float) -> bool:
        """Whether a score prints like this number, or is this very number (the shortest decimal that names a float is
        not always the float rounded to as many digits)."""
        return value == self.value or distance.same_print(value, self.value, self.digits)


@dataclass(frozen=True, kw_only=True)
class Position:
    """One printed score, ours of the first run, and the range over all runs.

    `z` is the printed score's distance from the mean of the runs in their standard deviations, on the log scale where
    all are positive; None where the runs do not vary or are fewer than two.
    """

    published: float
    ours: float
    digits: float
    same_print: bool
    lowest: float
    highest: float
    z: float | None

    @property
    def inside(self) -> bool:
        """Whether the published score lies in the range of the runs."""
        return self.lowest <= self.published <= self.highest


@dataclass(frozen=True, kw_only=True)
class Placement:
    """A printed vector beside the runs of one cell. `farther` counts the runs that lie at least as far out as it."""

    positions: tuple[Position, ...]
    runs: int
    varied: bool
    farther: int

    @property
    def inside(self) -> int:
        """How many printed scores lie in the range of the runs."""
        return sum(position.inside for position in self.positions)

    @property
    def p(self) -> float:
        """Rank of the vector among the runs, itself included, from 1 / (runs + 1) to 1: if it was drawn like the runs,
        p <= a has a probability of a at most (an exact permutation test; as a conformal p-value in V. Vovk,
        A. Gammerman and G. Shafer, Algorithmic Learning in a Random World, 2005, section 2.2)."""
        return (self.farther + 1) / (self.runs + 1)

    @property
    def chance(self) -> float:
        """The chance that one more run lies in the range of the others at every position, if positions vary
        independently: ((n - 1) / (n + 1))^k. It says how little a vector outside the range of few runs means."""
        return ((self.runs - 1) / (self.runs + 1)) ** len(self.positions)

    @property
    def typical(self) -> bool | None:
        """Whether the vector lies no farther out than runs usually do; None where the runs are too few to tell."""
        return self.p > LEVEL if self.varied and self.runs >= ENOUGH else None

    @property
    def drawn(self) -> bool:
        """Whether the vector may be one more draw: the range of the runs holds it at every position, or it does not
        (which happens to one more run too, see `chance`), and yet the vector is a typical one."""
        return self.varied and (self.inside == len(self.positions) or self.typical is True)


def place(printed: Sequence[Printed], scores: Sequence[Sequence[float]], *, pooled: bool = False) -> Placement:
    """Places k printed numbers beside n >= 1 runs of at least k scores each, position by position.

    Runs are rounded as the numbers were printed, so that what a few digits cannot show does not tell them apart.
    `pooled`: the positions have nothing of their own (an unseeded process), so that each number is held against the
    scores of all positions. How far out a vector lies is the sum of its squared z over the positions.
    """
    rows = [run[: len(printed)] for run in scores]
    finite = [number for number, row in enumerate(rows) if all(math.isfinite(value) for value in row)]
    usable = finite or list(range(len(rows)))
    shown = np.array([[one.round(value) for one, value in zip(printed, rows[k], strict=True)] for k in usable])
    columns = [
        np.array([one.round(value) for k in usable for value in scores[k]]) if pooled else shown[:, number]
        for number, one in enumerate(printed)
    ]
    claimed = np.array([one.value for one in printed])
    return Placement(
        positions=tuple(
            Position(
                published=one.value,
                ours=rows[0][number],
                digits=distance.digits(rows[0][number], one.value),
                same_print=one.same(rows[0][number]),
                lowest=float(column.min()),
                highest=float(column.max()),
                z=_z(one.value, column),
            )
            for number, (one, column) in enumerate(zip(printed, columns, strict=True))
        ),
        runs=len(finite),
        varied=bool(finite) and bool((shown != shown[0]).any()),
        farther=_farther(claimed, shown, pooled=pooled) if finite else 0,
    )


def _z(value: float, column: NDArray[np.float64]) -> float | None:
    scaled = _scale(np.append(column, value))
    spread = float(scaled[:-1].std(ddof=1)) if len(column) > 1 else 0.0
    return float((scaled[-1] - scaled[:-1].mean()) / spread) if spread > 0.0 and math.isfinite(spread) else None


def _scale(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithms where all values are positive: errors spread by factors, and a few large ones would hide the rest."""
    return np.log(values) if (values > 0.0).all() else values


def _farther(claimed: NDArray[np.float64], shown: NDArray[np.float64], *, pooled: bool) -> int:
    """How many runs are at least as far out as the vector. Mean and deviation are those of runs and vector together:
    only a measure that treats all of them alike gives each the same chance of every rank."""
    every = np.vstack([shown, claimed])
    scaled = _scale(every.ravel()).reshape(every.shape) if pooled else np.stack([_scale(one) for one in every.T]).T
    axis = None if pooled else 0
    spread = np.asarray(scaled.std(axis=axis))
    far = np.square((scaled - scaled.mean(axis=axis)) / np.where(spread > 0.0, spread, 1.0)).sum(axis=1)
    # Ties count as farther, and sums of floats that should tie may differ in their last bits.
    return int((far[:-1] >= far[-1] * (1.0 - 1e-9)).sum())
