"""Churn and rank change: by hand, by SciPy's Kendall, and at the edges."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import kendalltau

from bench.classifiers import Change, change
from bench.comparison import compare
from tests.planted import Planted, fits
from tests.test_comparison import stored

PREDICTIONS = st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=1, max_size=6)


def changed(left: Any, right: Any) -> Change:
    found = change(np.asarray(left, dtype="<f4"), np.asarray(right, dtype="<f4"))
    assert found is not None
    return found


def test_by_hand() -> None:
    """Four samples: the same, another class, another order below the top, and both."""
    left = [[3, 2, 1], [3, 2, 1], [3, 2, 1], [3, 2, 1]]
    right = [[3, 2, 1], [2, 3, 1], [3, 1, 2], [1, 2, 3]]
    found = changed(left, right)
    assert (found.samples, found.churn) == (4, 0.5)
    assert found.rank_change == pytest.approx((0 + 1 / 3 + 1 / 3 + 1) / 4, abs=1e-15)


@given(st.permutations(range(5)), st.permutations(range(5)))
def test_rank_change_is_kendalls_distance(one: list[int], other: list[int]) -> None:
    """Without ties it is (1 - tau) / 2, SciPy's tau."""
    tau = kendalltau(one, other).statistic
    assert changed([one], [other]).rank_change == pytest.approx((1 - tau) / 2, abs=1e-12)


@given(PREDICTIONS, st.data())
def test_properties(left: list[list[int]], data: st.DataObject) -> None:
    """Nothing for itself, symmetric, between 0 and 1, and churn goes with a changed order."""
    right = data.draw(st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=len(left),
                               max_size=len(left)))  # fmt: skip
    assert changed(left, left) == Change(samples=len(left), churn=0.0, rank_change=0.0)
    there, back = changed(left, right), changed(right, left)
    assert there == back
    assert 0.0 <= there.rank_change <= 1.0
    assert 0.0 <= there.churn <= 1.0
    assert there.churn == 0.0 or there.rank_change > 0.0


def test_ties_on_one_side_are_half() -> None:
    assert changed([[1, 1]], [[1, 2]]).rank_change == 0.5
    assert changed([[1, 1]], [[2, 2]]).rank_change == 0.0


def test_nan_is_never_close() -> None:
    """A NaN on one side has no class; the same values with the same NaN are the same."""
    assert changed([[1, 2], [1, 2]], [[1, math.nan], [1, 2]]) == Change(samples=2, churn=0.5, rank_change=0.5)
    assert changed([[1, math.nan]], [[1, math.nan]]).churn == 0.0
    assert changed([[1, math.nan]], [[2, math.nan]]).churn == 1.0


def test_infinities_of_one_sign_are_tied() -> None:
    assert changed([[math.inf, math.inf]], [[math.inf, math.inf]]).rank_change == 0.0
    assert changed([[math.inf, math.inf]], [[math.inf, 1]]).rank_change == 0.5


@pytest.mark.parametrize("shape", [(4,), (4, 1), (0, 3), (2, 3, 4)])
def test_other_shapes_are_no_classifiers(shape: tuple[int, ...]) -> None:
    values: NDArray[np.float32] = np.zeros(shape, dtype="<f4")
    assert change(values, values) is None


def test_a_comparison_tells_it() -> None:
    """Of two runs with predictions of three classes; a run with one output says nothing of classes."""
    clean, other = Planted(fits=fits()), Planted(fits=fits(), index=1)
    for one in (clean, other):
        for number, fit in enumerate(one.fits):
            fit.predictions = np.arange(12, dtype="<f4").reshape(4, 3) + number
    other.fits[1].predictions[0] = other.fits[1].predictions[0][::-1]
    found = compare(stored(clean), stored(other), "run")
    assert found.measures is not None
    assert found.measures.classes == Change(samples=4, churn=0.25, rank_change=0.25)
    assert any("25.00% of 4 samples change theirs (churn)" in remark for remark in found.remarks)
    plain = compare(stored(Planted(fits=fits())), stored(Planted(fits=fits(), index=1)), "run")
    assert plain.measures is not None
    assert plain.measures.classes is None


def test_every_pair_of_classes_counts_once() -> None:
    """One swapped pair of neighbours among n classes is 1 of n (n - 1) / 2 pairs."""
    for classes in range(2, 7):
        left = list(range(classes))
        for first in range(classes - 1):
            right = list(left)
            right[first], right[first + 1] = right[first + 1], right[first]
            pairs = len(list(itertools.combinations(left, 2)))
            assert changed([left], [right]).rank_change == pytest.approx(1 / pairs, abs=1e-15)
