"""The exact median of more distances than memory holds: in one pass, if a sample has told where it lies.

A sample brackets the median; what lies below and above is counted, and only what lies inside is kept and sorted (Floyd
and Rivest, Expected time bounds for selection, CACM 18(3), 1975). The sample decides how long that takes and never what
comes out: where the bracket misses, everything is read again.
"""

import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from bench.tensors.histogram import Distances, Histogram, between

#: So many bytes of distances are kept at once, by each thread.
HELD = 8 * 1024**2
#: Standard errors of the sample's median on either side of it.
ERRORS = 4
#: A sample of fewer parts tells nothing of its own error.
PARTS = 16


@dataclass(frozen=True, kw_only=True)
class Bracket:
    """Distances from `low` to `high`, both included; 0 is never one of them."""

    low: int
    high: int


#: What is known without a sample.
ANY = Bracket(low=1, high=2**64 - 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Population:
    """Distances of which one median is asked for: `again` gives all of them, `sample` some from many places (one array
    a place). Both are called where they are needed only; zeros may be among either."""

    again: Callable[[], Iterator[Distances]]
    sample: Callable[[], list[Distances]]
    lock: threading.Lock = field(default_factory=threading.Lock)
    drawn: list[Bracket] = field(default_factory=list)

    def bracket(self) -> Bracket:
        """Where the median is likely to lie: drawn once, the same for all threads."""
        with self.lock:
            if not self.drawn:
                self.drawn.append(bracket(self.sample()))
        return self.drawn[0]

    def inside(self, found: Bracket) -> Iterator[Distances]:
        """Once more all distances inside a bracket, each as how far it is above `low`."""
        return (between(block, found.low, found.high + 1) for block in self.again())


def bracket(sample: list[Distances]) -> Bracket:
    """Holds the median of what was sampled, nearly always; as wide as the parts of the sample differ.

    The error is that of a cluster sample: parts of it may be more alike than the whole.
    """
    parts = [part for part in sample if len(part)]
    if len(parts) < PARTS:
        return ANY
    values = np.sort(np.concatenate(parts))
    lengths = np.array([len(part) for part in parts])
    middle = values[len(values) // 2]
    errors = []
    for below in ([int((part < middle).sum()) for part in parts], [int((part <= middle).sum()) for part in parts]):
        share = sum(below) / len(values)
        errors.append(math.sqrt(float(((np.array(below) - share * lengths) ** 2).sum())))
    margin = math.ceil(ERRORS * max(errors)) + 1
    low, high = (max(len(values) // 2 - margin, 0), min(len(values) // 2 + margin, len(values) - 1))
    return Bracket(low=max(1, int(values[low])), high=max(1, int(values[high])))


class Median:
    """Counts distances of one population; zeros apart, since most of them stand for equal elements."""

    def __init__(self, population: Population) -> None:
        self.population = population
        self.bracket: Bracket | None = None  # until there are more distances than may be kept
        self.zeros = self.below = self.above = 0
        self.same = 0  # inside a bracket of one distance
        self.held: list[Distances] = []
        self.holding = 0
        self.flags = [np.empty(0, dtype=np.bool_) for _ in range(2)]
        self.histogram: Histogram | None = None  # inside a bracket that holds too many; above its `low`

    def add(self, gaps: Distances, smallest: int, largest: int, *, equal: int = 0, zeros: int = 0) -> None:
        """Counts distances; of the zeros among them `equal` are to be left out, and `zeros` are not."""
        self.zeros += zeros
        if self.bracket is not None:
            self._place(gaps, smallest, largest, equal + zeros)
        elif len(gaps) > equal + zeros:
            self._hold(gaps[gaps != 0] if equal or zeros else gaps.copy())

    def _place(self, gaps: Distances, smallest: int, largest: int, without: int) -> None:
        """Below, inside or above; `without` zeros are not to be counted."""
        assert self.bracket is not None
        low, high = self.bracket.low, self.bracket.high
        if largest < low:
            self.below += len(gaps) - without
        elif smallest > high:
            self.above += len(gaps)
        elif low <= smallest and largest <= high:
            self._inside(gaps, None, len(gaps))
        else:
            if len(self.flags[0]) < len(gaps):
                self.flags = [np.empty(len(gaps), dtype=np.bool_) for _ in self.flags]
            under, within = (flags[: len(gaps)] for flags in self.flags)
            np.less(gaps, gaps.dtype.type(low), out=under)
            np.less_equal(gaps, gaps.dtype.type(min(high, largest)), out=within)
            fewer, more = int(np.count_nonzero(under)), int(np.count_nonzero(within))
            self.below += fewer - without
            self.above += len(gaps) - more
            self._inside(gaps, np.not_equal(under, within, out=under), more - fewer)

    def _inside(self, gaps: Distances, chosen: Distances | None, count: int) -> None:
        assert self.bracket is not None
        if self.bracket.low == self.bracket.high:
            self.same += count
        elif count:
            self._hold(gaps.copy() if chosen is None else gaps[chosen])

    def _hold(self, gaps: Distances) -> None:
        self.held.append(gaps)
        self.holding += len(gaps)
        if self.holding * gaps.itemsize > HELD:
            if self.bracket is None:
                self._narrow(self.population.bracket())
            else:
                self._fold()

    def _taken(self) -> Distances:
        """Everything that is held, and is no longer."""
        taken = np.concatenate(self.held) if self.held else np.empty(0, dtype=np.uint8)
        self.held, self.holding = [], 0
        return taken

    def _narrow(self, found: Bracket) -> None:
        """From now on only what is inside is kept."""
        taken = self._taken()
        self.bracket = found
        if len(taken):
            self._place(taken, int(taken.min()), int(taken.max()), 0)

    def _fold(self) -> None:
        assert self.bracket is not None
        taken = self._taken()
        if len(taken):
            self.histogram = self.histogram or Histogram()
            self.histogram.add(taken - taken.dtype.type(self.bracket.low))

    def merge(self, other: "Median") -> None:
        """Takes in what another counted of the same population."""
        if self.bracket is None and other.bracket is not None:
            self._narrow(other.bracket)
        elif self.bracket is not None and other.bracket is None:
            other._narrow(self.bracket)  # noqa: SLF001 -- of its own class
        self.zeros += other.zeros
        self.below += other.below
        self.above += other.above
        self.same += other.same
        if other.histogram is not None:
            self.histogram = self.histogram or Histogram()
            self.histogram.merge(other.histogram)
        for part in other.held:  # the first ones may lead to a bracket that the others are not yet held against
            self.add(part, int(part.min()), int(part.max()))

    def median(self) -> Fraction | None:
        """Of all that was counted, as `statistics.median` defines it; None of nothing.

        LookupError where distances had to be read again and were others.
        """
        inside = self.same + self.holding + (self.histogram.total if self.histogram else 0)
        count = self.zeros + self.below + inside + self.above
        if not count:
            return None
        ranks = sorted({(count - 1) // 2, count // 2})
        found = dict.fromkeys((rank for rank in ranks if rank < self.zeros), 0)
        first = self.zeros + self.below
        rest = {rank for rank in ranks if rank not in found}
        if all(first <= rank < first + inside for rank in rest):
            settled = self._settled({rank - first for rank in rest})
            found |= {rank: settled[rank - first] for rank in rest}
        else:
            settled = self._again({rank - self.zeros for rank in rest}, count - self.zeros)
            found |= {rank: settled[rank - self.zeros] for rank in rest}
        return Fraction(sum(found[rank] for rank in ranks), len(ranks))

    def _settled(self, ranks: set[int]) -> dict[int, int]:
        """Distances at ranks inside the bracket."""
        found = self.bracket
        if not ranks:
            return {}
        if found is not None and found.low == found.high:
            return dict.fromkeys(ranks, found.low)
        if found is None or self.histogram is None:
            values = np.partition(np.concatenate(self.held), sorted(ranks))
            return {rank: int(values[rank]) for rank in ranks}
        self._fold()
        settled = self.histogram.at(ranks, lambda: self.population.inside(found))
        return {rank: found.low + offset for rank, offset in settled.items()}

    def _again(self, ranks: set[int], count: int) -> dict[int, int]:
        """Distances at ranks among all of the `count` that are not 0: the bracket has missed."""
        histogram = Histogram()
        for block in self.population.inside(ANY):
            histogram.add(block)
        if histogram.total != count:
            raise LookupError("other distances than were counted")
        settled = histogram.at(ranks, lambda: self.population.inside(ANY))
        return {rank: ANY.low + offset for rank, offset in settled.items()}
