"""Exact ranks in bounded memory."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.tensors import histogram as histograms
from bench.tensors.histogram import Histogram


@pytest.mark.parametrize("held", [1, 1 << 20])
@settings(max_examples=60)
@given(st.lists(st.integers(0, 2**64 - 3) | st.integers(2**40, 2**40 + 9), min_size=1, max_size=60), st.integers(1, 7))
def test_every_rank_is_exact_however_little_may_be_held(held: int, values: list[int], block: int) -> None:
    """Down to one distance at a time, where the histogram is refined until it is exact."""
    blocks = [np.array(values[start : start + block], dtype=np.uint64) for start in range(0, len(values), block)]
    halves = Histogram(), Histogram()
    for number, one in enumerate(blocks):
        halves[number % 2].add(one)
    halves[0].merge(halves[1])
    assert halves[0].total == len(values)
    ranks = {0, len(values) // 2, len(values) - 1}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(histograms, "HELD", held)
        assert halves[0].at(ranks, lambda: iter(blocks)) == {rank: sorted(values)[rank] for rank in ranks}


def test_buckets_are_monotone_and_begin_where_they_say() -> None:
    edges = sorted({max(0, (1 << power) + step) for power in range(64) for step in (-2, -1, 0, 1, 2)} | {2**64 - 1})
    numbers = [histograms.bucket_of(edge) for edge in edges]
    assert numbers == sorted(numbers)
    for edge, number in zip(edges, numbers, strict=True):
        assert histograms.lower(number) <= edge < histograms.lower(number + 1)


def test_files_that_change_meanwhile_are_noticed() -> None:
    """Other distances in the second pass than in the first have no rank."""
    found = Histogram()
    found.add(np.array([10**6, 10**6 + 1], dtype=np.uint64))
    with pytest.raises(LookupError):
        found.at({0}, lambda: iter([np.array([5], dtype=np.uint64)]))
