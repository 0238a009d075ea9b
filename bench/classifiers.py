"""How far the predictions of two classifiers are apart where it matters to their users: the class, and the order."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Change:
    """Between predictions of shape (samples, classes), classes at least 2.

    `churn` is the share of samples whose predicted class, the one with the largest value (the first of several), is
    another (M. Milani Fard, Q. Cormier, K. Canini, M. Gupta, "Launch and Iterate: Reducing Prediction Churn", NIPS
    2016). `rank_change` is the mean over samples of the share of pairs of classes whose order is another, a pair that
    is tied on one side only counting half: Kendall's distance, 0 to 1 (M. G. Kendall, Biometrika 30 (1938) 81-93). A
    sample with a NaN on either side has no class and no order: it counts as changed in full, unless both sides have
    the very same values.
    """

    samples: int
    churn: float
    rank_change: float


def change(left: NDArray[Any], right: NDArray[Any]) -> Change | None:
    """The change of predictions (samples, classes); None if they are not a classifier's by their shape."""
    if left.shape != right.shape or left.ndim != 2 or left.shape[1] < 2 or not len(left):
        return None
    one, other = left.astype(np.float64), right.astype(np.float64)
    same = ((one == other) | (np.isnan(one) & np.isnan(other))).all(axis=1)
    lost = (np.isnan(one).any(axis=1) | np.isnan(other).any(axis=1)) & ~same
    moved = (one.argmax(axis=1) != other.argmax(axis=1)) & ~same
    ranks = np.where(same, 0.0, np.where(lost, 1.0, _discordant(one, other)))
    return Change(samples=len(left), churn=float((moved | lost).mean()), rank_change=float(ranks.mean()))


def _discordant(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each sample the share of pairs of classes in another order; a pair that is tied on one side only is half."""
    classes = one.shape[1]
    found = np.zeros(len(one))
    for step in range(1, classes):  # pairs (c, c + step), so that memory stays at samples x classes
        first, second = _order(one[:, step:], one[:, :-step]), _order(other[:, step:], other[:, :-step])
        found += (np.abs(first - second) / 2).sum(axis=1)
    found /= classes * (classes - 1) / 2
    return found


def _order(upper: NDArray[np.float64], lower: NDArray[np.float64]) -> NDArray[np.float64]:
    """1, 0 or -1; not the sign of a difference, which is NaN for equal infinities."""
    return np.greater(upper, lower).astype(np.float64) - np.less(upper, lower).astype(np.float64)
