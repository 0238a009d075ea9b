"""Two tensors of one dtype and shape, walked through side by side, some megabytes at a time, by a few threads."""

import bisect
import itertools
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.tensors import Tensor
from bench.tensors.elementwise import BLOCK, KERNELS, Kernel
from bench.tensors.median import Median, Population
from bench.tensors.tally import Tally

#: Bytes of each file that a thread has before it at a time: a whole block of float32, which the caches still hold.
CHUNK = 2 * 1024**2
#: So many times more where a file has elements in compressed lots, which are better not opened twice.
LOTS = 16
#: Elements that are looked at more closely where one of them differs.
ROW = 1024
#: Bytes that are compared by one call.
SCAN = 512 * 1024
#: How many stretches of how many elements tell where a median lies.
PLACES, STRETCH = 256, 2048
#: NumPy computes without the interpreter's lock; beyond a few threads memory is the limit.
THREADS = 4


@dataclass(frozen=True, kw_only=True)
class Walk:
    """A pair of tensors of one dtype and shape; `chunk` is in bytes and changes no result."""

    left: Tensor
    right: Tensor
    chunk: int = CHUNK

    @property
    def step(self) -> int:
        """Elements of a chunk: whole blocks, at least one."""
        chunk = self.chunk * (LOTS if max(self.left.source.grain, self.right.source.grain) > 1 else 1)
        return max(1, chunk // (self.storage.itemsize * BLOCK)) * BLOCK

    @property
    def storage(self) -> np.dtype[Any]:
        """The dtype of what is read."""
        return self.left.elements.storage

    @property
    def floats(self) -> bool:
        """Whether the elements have distances in ULP."""
        return self.left.elements.family == "float"

    def tally(self, *populations: Population) -> tuple[Tally, int | None]:
        """What differs, and the position of the first element that does, in C order; the tally has a median for each
        population that the distances of these tensors are part of."""
        starts = itertools.count(0, self.step)  # each thread takes the next chunk; `next` is atomic
        threads = min(processors(), THREADS, -(-self.left.size // self.step))
        if threads <= 1:
            return self._share(starts, populations)
        with ThreadPoolExecutor(threads) as pool:
            shares = [one.result() for one in [pool.submit(self._share, starts, populations) for _ in range(threads)]]
        total = shares[0][0]
        for one, _ in shares[1:]:
            total.add(one)
        return total, min((first for _, first in shares if first is not None), default=None)

    def _share(self, starts: Iterator[int], populations: Sequence[Population]) -> tuple[Tally, int | None]:
        """The chunks that one thread takes."""
        kernel, rooms, first, dense = self._kernel(), self._rooms(), None, False
        tally = Tally(medians={one: Median(one) for one in populations})
        with np.errstate(all="ignore"):  # of NaN and infinities; it counts for this thread alone
            while (start := next(starts)) < self.left.size:
                before = tally.differing
                for position, one, other in self._differing(start, rooms, dense=dense):
                    if kernel.add(one, other, tally) and first is None:
                        first = position + int(np.argmax(kernel.unequal(one, other)))
                dense = 2 * (tally.differing - before) > self.step
        return tally, first

    def distances(self) -> Iterator[NDArray[Any]]:
        """Once more the distances of all differing pairs that have one, block by block; each is overwritten by the
        next."""
        kernel, rooms = self._kernel(), self._rooms()
        for start in range(0, self.left.size, self.step):
            for _, one, other in self._differing(start, rooms):
                yield kernel.distances(one, other)

    def _kernel(self) -> Kernel:
        return KERNELS[self.left.elements.family](self.left.elements)

    def sample(self, start: int, length: int) -> NDArray[Any]:
        """The distances of differing pairs among some elements, at most BLOCK."""
        stop = min(start + length, self.left.size)
        return self._kernel().distances(self.left.source.read(start, stop), self.right.source.read(start, stop))

    def _rooms(self) -> list[NDArray[Any]]:
        """Memory for a chunk of either file."""
        length = min(self.step, self.left.size)
        return [np.empty(length, dtype=self.storage) for _ in (self.left, self.right)]

    def _differing(
        self, start: int, rooms: list[NDArray[Any]], *, dense: bool = False
    ) -> Iterator[tuple[int, NDArray[Any], NDArray[Any]]]:
        """What differs in a chunk, a block at a time, with the position of the first element of each block.

        Rows that lie apart are put together, so that a thousand single elements do not take a thousand calls. Where
        most are likely to differ (`dense`) nothing is looked for: all blocks come, equal ones among them.
        """
        stop = min(start + self.step, self.left.size)
        left, right = (
            side.source.read(start, stop, room) for side, room in zip((self.left, self.right), rooms, strict=True)
        )
        if dense:
            for place in range(0, len(left), BLOCK):
                yield start + place, left[place : place + BLOCK], right[place : place + BLOCK]
            return
        parts: list[slice] = []
        room = BLOCK
        for run in differing_rows(left.view(np.uint8), right.view(np.uint8), ROW * left.itemsize):
            for place in range(run.start // left.itemsize, run.stop // left.itemsize, BLOCK):
                part = slice(place, min(place + BLOCK, run.stop // left.itemsize))
                if part.stop - place > room:
                    yield start + parts[0].start, joined(left, parts), joined(right, parts)
                    parts, room = [], BLOCK
                parts.append(part)
                room -= part.stop - place
        if parts:
            yield start + parts[0].start, joined(left, parts), joined(right, parts)


def population(walks: Sequence[Walk]) -> Population:
    """The distances of some pairs of tensors as one population."""
    return Population(
        again=lambda: itertools.chain.from_iterable(walk.distances() for walk in walks), sample=lambda: sample(walks)
    )


def sample(walks: Sequence[Walk]) -> list[NDArray[Any]]:
    """Distances from `PLACES` stretches of `STRETCH` elements, spread over all tensors; fewer where a read costs more
    than what it gives (`Source.grain`), so that all together cost no more than reading once more."""
    ends = list(itertools.accumulate(walk.left.size for walk in walks))
    grain = max(STRETCH, *(side.source.grain for walk in walks for side in (walk.left, walk.right)))
    places = min(PLACES, ends[-1] // grain)
    jitter = np.random.default_rng(0).random(places)
    found = []
    for number, part in enumerate(jitter):
        place = int((number + part) * ends[-1] / places)
        chosen = bisect.bisect_right(ends, place)
        walk = walks[chosen]
        found.append(walk.sample(place - (ends[chosen] - walk.left.size), STRETCH))
    return found


def processors() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def joined(values: NDArray[Any], parts: list[slice]) -> NDArray[Any]:
    """Parts of an array as one, without a copy if there is but one."""
    return values[parts[0]] if len(parts) == 1 else np.concatenate([values[part] for part in parts])


def differing_rows(left: NDArray[np.uint8], right: NDArray[np.uint8], row: int) -> Iterator[slice]:
    """Rows of `row` bytes (a multiple of 8) that are not the same, or many such in one slice.

    They are compared eight bytes at a time, and many by one call of NumPy: many calls take as long as the memory does.
    """
    step = max(1, SCAN // row) * row
    for start in range(0, len(left), step):
        one, other = left[start : start + step], right[start : start + step]
        whole = len(one) - len(one) % row
        unequal = one[:whole].view(np.uint64) != other[:whole].view(np.uint64)
        if unequal.any():
            rows = unequal.reshape(-1, row // 8).any(axis=1)
            places = [0] if rows.all() else (np.flatnonzero(rows) * row).tolist()
            length = whole if rows.all() else row
            yield from (slice(start + place, start + place + length) for place in places)
        if whole < len(one) and bytes(one[whole:]) != bytes(other[whole:]):
            yield slice(start + whole, start + len(one))
