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
        threads = min(len(os.sched_getaffinity(0)), THREADS, -(-self.left.size // self.step))
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
        """Blocks of a chunk whose bytes differ, with the position of each."""
        stop = min(start + self.step, self.left.size)
        left, right = self.left.source.read(start, stop), self.right.source.read(start, stop)
        for place in range(0, stop - start, BLOCK):
            one, other = left[place : place + BLOCK], right[place : place + BLOCK]
            if not same_bytes(one, other):
                yield start + place, one, other


def same_bytes(left: NDArray[Any], right: NDArray[Any]) -> bool:
    """Whether two blocks have the same bytes, compared eight at a time."""
    whole = left.nbytes - left.nbytes % 8
    one, other = left.view(np.uint8), right.view(np.uint8)
    return not (
        (one[:whole].view(np.uint64) != other[:whole].view(np.uint64)).any() or (one[whole:] != other[whole:]).any()
    )
