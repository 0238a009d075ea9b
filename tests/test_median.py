"""The median of a population is exact, wherever a sample says that it lies."""

import statistics
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench import distance
from bench.tensors import BFLOAT16, Held, Tensor, elements_of, walk
from bench.tensors import median as medians
from bench.tensors.comparison import compare
from bench.tensors.elementwise import BLOCK
from bench.tensors.median import ANY, Bracket, Median, Population, bracket

VALUES = st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 5) | st.integers(2**40, 2**40 + 9), min_size=1)
BRACKETS = st.tuples(st.integers(1, 2**64 - 1) | st.integers(1, 6), st.integers(1, 2**64 - 1) | st.integers(1, 6))


def counted(blocks: list[NDArray[Any]], drawn: Bracket, threads: int, equal: int) -> Fraction | None:
    """The median of blocks that some threads share, with `equal` zeros in the first that are not to be counted."""
    population = Population(again=lambda: iter(blocks), sample=list, drawn=[drawn])
    shares = [Median(population) for _ in range(threads)]
    for number, block in enumerate(blocks):
        left_out = 0 if number else equal
        kept = np.concatenate([np.zeros(left_out, dtype=block.dtype), block])
        zeros = int(np.count_nonzero(block == 0))
        shares[number % threads].add(kept, int(kept.min()), int(kept.max()), equal=left_out, zeros=zeros)
    for other in shares[1:]:
        shares[0].merge(other)
    return shares[0].median()


@settings(max_examples=200)
@given(VALUES, BRACKETS, st.integers(1, 9), st.integers(1, 3), st.integers(0, 3), st.sampled_from([0, 40, 1 << 20]))
def test_a_median_is_exact_whatever_the_bracket(values: list[int], ends: tuple[int, int], block: int, threads: int,
                                                equal: int, held: int) -> None:  # fmt: skip
    """Brackets that hold it, miss it on either side, hold one distance or all; whatever may be kept in memory."""
    drawn = Bracket(low=min(ends), high=max(ends))
    blocks = [np.array(values[start : start + block], dtype=np.uint64) for start in range(0, len(values), block)]
    known = statistics.median(map(Fraction, values))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(medians, "HELD", held)
        for one in (drawn, ANY, Bracket(low=max(1, int(known)), high=max(1, int(known)))):
            assert counted(blocks, one, threads, equal) == known


def test_nothing_has_no_median() -> None:
    assert counted([np.zeros(0, dtype=np.uint32)][:0], ANY, 1, 0) is None


def test_distances_that_change_meanwhile_are_noticed() -> None:
    """A bracket that has missed makes all be read again; other distances than were counted have no median."""
    population = Population(again=lambda: iter([np.array([5], np.uint32)]), sample=list, drawn=[Bracket(low=1, high=1)])
    found = Median(population)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(medians, "HELD", 0)
        found.add(np.array([7, 8], dtype=np.uint32), 7, 8)
    with pytest.raises(LookupError):
        found.median()


def test_a_sample_brackets_the_median_as_wide_as_its_parts_differ() -> None:
    rng = np.random.default_rng(3)
    alike = [rng.integers(0, 10**6, 1000, dtype=np.uint32) for _ in range(100)]
    apart = [part // 2 + (10**6 * number // 200) for number, part in enumerate(alike)]
    narrow, wide = bracket(alike), bracket(apart)
    for found, parts in ((narrow, alike), (wide, apart)):
        assert found.low < int(np.median(np.concatenate(parts))) < found.high
    assert narrow.high - narrow.low < 20_000 < wide.high - wide.low
    assert bracket([np.full(9, 3, dtype=np.uint16)] * 20) == Bracket(low=3, high=3)
    assert bracket([np.zeros(9, dtype=np.uint16)] * 20) == Bracket(low=1, high=1)
    assert bracket(alike[:3]) == bracket([]) == ANY


@pytest.mark.parametrize("kind", ["unrelated", "close", "ties", "first half", "one stretch"])
@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", "float64"])
def test_a_sampled_median_is_that_of_all(name: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one tensor and of two, over block borders; also where the sample misleads, having seen one kind only."""
    monkeypatch.setattr(medians, "HELD", 4096)
    monkeypatch.setattr(walk, "STRETCH", 64)
    elements = BFLOAT16 if name == "bfloat16" else elements_of(np.dtype(name))
    rng = np.random.default_rng(5)
    size, top = 3 * BLOCK + 77, distance.FLOATS[elements.code][1] // 2
    one = rng.integers(1, top, size, dtype=elements.storage)
    place = np.arange(size)
    gaps = {
        "unrelated": rng.integers(0, top, size),
        "close": rng.integers(0, 900, size),
        "ties": rng.integers(1, 4, size),
        "first half": place // (size // 2 + 9) * 500 + 1,
        "one stretch": np.where(place < size // 2 + 1, 7, rng.integers(50, 99, size)),
    }[kind].astype(elements.storage)
    if kind == "one stretch":
        monkeypatch.setattr(walk, "sample", lambda _: [np.full(30, 70, dtype=elements.storage)] * 30)
    left, right = (Tensor(elements=elements, shape=(size,), source=Held(values=side)) for side in (one, one + gaps))
    known = np.sort(gaps[gaps > 0].astype(np.uint64))
    for pairs in (({"x": left}, {"x": right}), ({"x": left, "y": left}, {"x": right, "y": right})):
        found = compare(*pairs, chunk=1)
        expected = Fraction(int(known[(len(known) - 1) // 2]) + int(known[len(known) // 2]), 2)
        assert {pair.measures.median_ulp for pair in found.pairs if pair.measures} == {expected}
        assert found.overall.median_ulp == expected
