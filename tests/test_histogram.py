"""The exact median in bounded memory."""

import statistics
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.tensors import histogram as histograms
from bench.tensors.histogram import Histogram


@pytest.mark.parametrize("held", [1, 1 << 20])
@settings(max_examples=60)
@given(st.lists(st.integers(0, 2**64 - 3) | st.integers(2**40, 2**40 + 9), min_size=1, max_size=60), st.integers(1, 7))
def test_a_median_is_exact_however_little_may_be_held(held: int, values: list[int], block: int) -> None:
    """Down to one distance at a time, where the histogram is refined until it is exact."""
    blocks = [np.array(values[start : start + block], dtype=np.uint64) for start in range(0, len(values), block)]
    found = Histogram()
    for one in blocks:
        found.add(one, int(one.max()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(histograms, "HELD", held)
        assert found.median(lambda: iter(blocks)) == statistics.median(map(Fraction, values))


def test_buckets_are_monotone_and_begin_where_they_say() -> None:
    edges = sorted({max(0, (1 << power) + step) for power in range(64) for step in (-2, -1, 0, 1, 2)} | {2**64 - 1})
    numbers = [histograms.bucket_of(edge) for edge in edges]
    assert numbers == sorted(numbers)
    for edge, number in zip(edges, numbers, strict=True):
        assert histograms.lower(number) <= edge < histograms.lower(number + 1)


def test_files_that_change_meanwhile_are_noticed() -> None:
    """Other distances in the second pass than in the first have no median."""
    found = Histogram()
    found.add(np.array([10**6, 10**6 + 1], dtype=np.uint64), 10**6 + 1)
    with pytest.raises(LookupError):
        found.median(lambda: iter([np.array([5], dtype=np.uint64)]))
