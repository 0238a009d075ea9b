"""Two tensors of one dtype and shape, walked through side by side, some megabytes at a time, by a few threads."""

import itertools
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.tensors import Tensor
from bench.tensors.elementwise import BLOCK, KERNELS, Kernel
from bench.tensors.tally import Tally

#: Bytes of each file that a thread has before it at a time.
CHUNK = 16 * 1024**2
#: Elements that are looked at more closely where one of them differs.
ROW = 1024
#: Bytes that are compared by one call.
SCAN = 512 * 1024
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
        return max(1, self.chunk // (self.left.elements.storage.itemsize * BLOCK)) * BLOCK

    def tally(self) -> tuple[Tally, int | None]:
        """What differs, and the position of the first element that does, in C order."""
        starts = itertools.count(0, self.step)  # each thread takes the next chunk; `next` is atomic
        threads = min(processors(), THREADS, -(-self.left.size // self.step))
        if threads <= 1:
            return self._share(starts)
        with ThreadPoolExecutor(threads) as pool:
            shares = [one.result() for one in [pool.submit(self._share, starts) for _ in range(threads)]]
        total = Tally()
        for one, _ in shares:
            total.add(one)
        return total, min((first for _, first in shares if first is not None), default=None)

    def _share(self, starts: Iterator[int]) -> tuple[Tally, int | None]:
        """The chunks that one thread takes."""
        kernel, tally, first = self._kernel(), Tally(), None
        with np.errstate(all="ignore"):  # of NaN and infinities; it counts for this thread alone
            while (start := next(starts)) < self.left.size:
                for position, one, other in self._differing(start):
                    if kernel.add(one, other, tally) and first is None:
                        first = position + int(np.argmax(kernel.unequal(one, other)))
        return tally, first

    def distances(self) -> Iterator[NDArray[Any]]:
        """Once more the distances of all differing pairs that have one, block by block; each is overwritten by the
        next."""
        kernel = self._kernel()
        for start in range(0, self.left.size, self.step):
            for _, one, other in self._differing(start):
                yield kernel.distances(one, other)

    def _kernel(self) -> Kernel:
        return KERNELS[self.left.elements.family](self.left.elements)

    def _differing(self, start: int) -> Iterator[tuple[int, NDArray[Any], NDArray[Any]]]:
        """What differs in a chunk, a block at a time, with the position of the first element of each block.

        Rows that lie apart are put together, so that a thousand single elements do not take a thousand calls.
        """
        stop = min(start + self.step, self.left.size)
        left, right = self.left.source.read(start, stop), self.right.source.read(start, stop)
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
