"""Exact ranks among more distances than memory holds: a histogram first, then only what it leaves open."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Distances below this are counted one by one.
EXACT = 1 << 16
#: Larger ones in steps of 1/1024 of a power of two.
STEPS = 10
#: So many distances may be held at once to settle the rest.
HELD = 1 << 20

Distances = NDArray[Any]


class Histogram:
    """Counts of distances (unsigned integers of up to 64 bits) in memory that does not grow with their number."""

    def __init__(self) -> None:
        self.total = 0
        self.exact = np.zeros(EXACT, dtype=np.int64)
        self.coarse: NDArray[np.int64] | None = None  # made when there is something to count

    def add(self, distances: Distances) -> None:
        """Counts distances, in an array of one axis and any length."""
        if not len(distances):
            return
        self.total += len(distances)
        if int(distances.max()) < EXACT:
            counts = _counted(distances.astype(np.intp))
            self.exact[: len(counts)] += counts
            return
        counts = _counted(bucket(distances))
        if self.coarse is None:
            self.coarse = np.zeros(bucket_of((1 << 64) - 1) + 1, dtype=np.int64)
        self.coarse[: len(counts)] += counts

    def merge(self, other: "Histogram") -> None:
        """Takes in the counts of another."""
        self.total += other.total
        self.exact += other.exact
        if other.coarse is not None:
            self.coarse = other.coarse + (0 if self.coarse is None else self.coarse)

    def at(self, ranks: set[int], again: Callable[[], Iterator[Distances]]) -> dict[int, int]:
        """The distances at some ranks (0: the smallest) of all that were counted.

        `again` gives all distances once more, in blocks of any order and size; it is called only where the histogram
        leaves one open, once or a few times. LookupError if they are others than those counted.
        """
        if self.coarse is None:
            return {rank: int(np.searchsorted(self.exact.cumsum(), rank, side="right")) for rank in ranks}
        counts = self.coarse.copy()
        np.add.at(counts, bucket(np.arange(EXACT, dtype=np.uint32)), self.exact)
        return _narrow(counts, lower, ranks, again)


def bucket(distances: Distances) -> NDArray[np.int64]:
    """The bucket of each distance: its exponent and the `STEPS` bits below the leading one, as IEEE 754 orders them.

    Exact and monotone: what float64 could round away of a 64-bit distance is cleared before.
    """
    if distances.dtype.itemsize == 8:
        large = distances >= np.uint64(1 << 53)
        distances = np.where(large, distances & np.uint64(0xFFFF_FFFF_FFFF_F800), distances)
    image: NDArray[np.int64] = distances.astype(np.float64).view(np.int64)
    image >>= 52 - STEPS
    image -= (1022 << STEPS) + (1 << STEPS) - 1  # distance 1 is bucket 1
    np.maximum(image, 0, out=image)
    return image


def bucket_of(distance: int) -> int:
    """The bucket of one distance."""
    return int(bucket(np.array([distance], dtype=np.uint64))[0])


def lower(number: int) -> int:
    """The smallest distance of a bucket, or above it where the bucket is empty by construction."""
    if number <= 0:
        return number
    exponent, step = divmod(number - 1, 1 << STEPS)
    return -((-((1 << STEPS) + step) << exponent) >> STEPS)  # rounded up


def _narrow(
    counts: NDArray[np.int64], low: Callable[[int], int], ranks: set[int], again: Callable[[], Iterator[Distances]]
) -> dict[int, int]:
    """The distances at some ranks, from counts of buckets that begin at `low(number)`."""
    below = np.concatenate([[0], counts.cumsum()])
    found: dict[int, int] = {}
    places = {rank: int(np.searchsorted(below, rank, side="right")) - 1 for rank in ranks}
    for place in set(places.values()):
        if place >= len(counts):
            raise LookupError("fewer distances than were counted")
        inner = {rank - int(below[place]) for rank in ranks if places[rank] == place}
        settled = _within(low(place), low(place + 1), int(counts[place]), inner, again)
        found |= {rank + int(below[place]): value for rank, value in settled.items()}
    return found


def _within(
    start: int, stop: int, population: int, ranks: set[int], again: Callable[[], Iterator[Distances]]
) -> dict[int, int]:
    """The distances at some ranks among the `population` from `start` to below `stop`."""
    if stop - start == 1:
        return dict.fromkeys(ranks, start)
    chosen = (between(block, start, stop) for block in again())
    if population <= HELD:
        offsets = np.sort(np.concatenate(list(chosen)))
        if len(offsets) != population:
            raise LookupError("other distances than were counted")
        return {rank: start + int(offsets[rank]) for rank in ranks}
    shift = max(0, (stop - start - 1).bit_length() - 16)
    counts = np.zeros(EXACT, dtype=np.int64)
    for offsets in chosen:
        part = _counted((offsets >> offsets.dtype.type(shift)).astype(np.intp))
        counts[: len(part)] += part
    if int(counts.sum()) != population:
        raise LookupError("other distances than were counted")
    return _narrow(counts, lambda number: min(stop, start + (number << shift)), ranks, again)


def between(block: Distances, start: int, stop: int) -> Distances:
    """How far above `start` those distances are that lie from there to below `stop`."""
    largest = int(np.iinfo(block.dtype).max)
    if start > largest:
        return block[:0]
    offsets = block - block.dtype.type(start)  # unsigned: what lies below wraps to above
    found: Distances = offsets[offsets <= block.dtype.type(min(stop - 1, largest) - start)]
    return found


def _counted(values: NDArray[Any]) -> NDArray[np.int64]:
    """np.bincount, at least one bin long."""
    return np.bincount(values, minlength=1).astype(np.int64, copy=False)
