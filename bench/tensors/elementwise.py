"""Two blocks of elements against each other: what differs, and by how much.

Blocks are arrays of one axis and one dtype, small enough that everything made of them stays in a core's cache.
"""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bench import distance
from bench.tensors import Elements
from bench.tensors.tally import Tally

#: Elements of a block: few enough for the caches of a core, many enough that NumPy's calls cost little.
BLOCK = 128 * 1024

#: Elements that tell whether the signs of a block are worth hoping for.
PROBE = 64

Block = NDArray[Any]


class Kernel(Protocol):
    """Compares blocks of one kind of elements; keeps scratch memory, so each thread has its own."""

    def add(self, left: Block, right: Block, tally: Tally) -> int:
        """Counts a pair of blocks; the number of elements that differ."""

    def unequal(self, left: Block, right: Block) -> NDArray[np.bool_]:
        """Where the bits of two blocks differ."""

    def distances(self, left: Block, right: Block) -> Block:
        """Only the distances that `add` puts into the histogram, unsigned."""


class Floats:
    """ULP, relative distance, and everything that is no number; blocks are the bits.

    Of two floats of one sign the larger bits are the larger magnitude, so their difference is the distance in ULP;
    of two signs it is the sum of both magnitudes. Either fits into the width of the float (`distance.ordered` is
    the same distance by another road, and what the tests hold this against).
    """

    def __init__(self, elements: Elements) -> None:
        width, exponent = distance.FLOATS[elements.code]
        self.signed = np.dtype(width.replace("u", "i"))
        kind = elements.storage.type
        self.sign = kind(1 << (elements.storage.itemsize * 8 - 1))
        self.magnitude = ~self.sign
        self.exponent = kind(exponent)
        self.last = self.signed.type(elements.storage.itemsize * 8 - 1)
        self.numbers = NUMBERS[elements.code]
        self.room = [np.empty(BLOCK, dtype=elements.storage) for _ in range(4)]
        self.flags = np.empty(BLOCK, dtype=np.bool_)
        self.ratios = np.empty(BLOCK, dtype=self.numbers(self.room[0][:0]).dtype)

    def unequal(self, left: Block, right: Block) -> NDArray[np.bool_]:
        unequal: NDArray[np.bool_] = left != right
        return unequal

    def add(self, left: Block, right: Block, tally: Tally) -> int:
        unequal = np.not_equal(left, right, out=self.flags[: len(left)])
        differing = int(np.count_nonzero(unequal))
        if differing:
            tally.differing += differing
            if 2 * differing < len(left):
                chosen = np.flatnonzero(unequal)
                left, right = left[chosen], right[chosen]
            elif self._plain(left, right, differing, tally):
                return differing
            self._measure(left, right, differing, tally)
        return differing

    def _plain(self, left: Block, right: Block, differing: int, tally: Tally) -> bool:
        """Finite pairs of one sign, the usual case, at full speed. False, and nothing counted, if one is not that.

        No pass over the signs is needed: bits in the order of magnitudes make the relative distance of such a pair at
        most 1, and of -b and a (the sign bit makes -b the larger) (-b - a) / -b = 1 + a / b. NaN, infinities and
        two equal zeros give NaN; a 1 that was rounded to takes the longer road without harm.
        """
        if ((left[:PROBE] ^ right[:PROBE]) & self.sign).any():
            return False
        large, small, gap = (room[: len(left)] for room in self.room[1:])
        np.maximum(left, right, out=large)
        np.minimum(left, right, out=small)
        relative = float(np.maximum.reduce(self._relative(large, small)))
        if not relative < 1:
            return False
        np.subtract(large, small, out=gap)
        self._count(gap, relative, tally, equal=len(left) - differing)
        return True

    def _relative(self, large: Block, small: Block) -> NDArray[Any]:
        """|a - b| / max(|a|, |b|) in the precision of the elements, at least float32; NaN where it is undefined."""
        top = self.numbers(large)
        ratios: NDArray[Any] = np.subtract(top, self.numbers(small), out=self.ratios[: len(large)])
        ratios /= top
        return ratios

    def _count(self, gap: Block, relative: float, tally: Tally, *, equal: int, zeros: int = 0) -> None:
        largest = int(gap.max())
        tally.largest = max(tally.largest, largest)
        tally.relative = max(tally.relative, relative)
        tally.signed_zeros += zeros
        if largest == 1 and not equal and not zeros:
            tally.histogram.add_same(1, len(gap))
        else:
            tally.histogram.add(gap, largest, equal=equal)

    def _measure(self, left: Block, right: Block, differing: int, tally: Tally) -> None:
        """Pairs of any kind, of which `differing` differ."""
        opposite, one, other, large = (room[: len(left)] for room in self.room)
        self._magnitudes(left, right, one, other, large)
        if large.max() >= self.exponent:
            finite = self._special(left, right, one, other, tally)
            left, right = left[finite], right[finite]
            differing = int(np.count_nonzero(left != right))
            if not differing:
                return
            opposite, one, other, large = (room[: len(left)] for room in self.room)
            self._magnitudes(left, right, one, other, large)
        np.bitwise_xor(left, right, out=opposite)
        opposite &= self.sign
        small = np.minimum(one, other, out=one)
        gap = self._gap(large, small, opposite, other)
        zeros = differing - int(np.count_nonzero(gap))
        small |= opposite
        relative = self._relative(large, small)
        top = float(np.fmax.reduce(relative))
        if np.isinf(top):  # |a| + |b| is more than the largest float
            beyond = np.isinf(relative)
            ratio = self.numbers((small ^ opposite)[beyond]) / self.numbers(large[beyond])
            top = 1 + float(ratio.max())
        self._count(gap, 0.0 if np.isnan(top) else top, tally, equal=len(left) - differing, zeros=zeros)

    def _magnitudes(self, left: Block, right: Block, one: Block, other: Block, large: Block) -> None:
        np.bitwise_and(left, self.magnitude, out=one)
        np.bitwise_and(right, self.magnitude, out=other)
        np.maximum(one, other, out=large)

    def _gap(self, large: Block, small: Block, opposite: Block, out: Block) -> Block:
        """large - small, or large + small where `opposite` has its sign bit: -x is ~x + 1."""
        flip = np.right_shift(opposite.view(self.signed), self.last, out=out.view(self.signed)).view(out.dtype)
        gap = small ^ flip
        gap -= flip
        np.subtract(large, gap, out=out)
        return out

    def _special(self, left: Block, right: Block, one: Block, other: Block, tally: Tally) -> NDArray[np.bool_]:
        """Counts what differs and is no number, by magnitudes; where both sides are finite."""
        nan = one > self.exponent, other > self.exponent
        unequal = left != right
        infinite = (one == self.exponent) | (other == self.exponent)
        tally.nan_mismatches += int(np.count_nonzero(nan[0] ^ nan[1]))
        tally.nan_payloads += int(np.count_nonzero(nan[0] & nan[1] & unequal))
        tally.infinity_mismatches += int(np.count_nonzero(infinite & unequal & ~nan[0] & ~nan[1]))
        finite: NDArray[np.bool_] = (one < self.exponent) & (other < self.exponent)
        return finite

    def distances(self, left: Block, right: Block) -> Block:
        opposite, one, other, large = (room[: len(left)] for room in self.room)
        np.bitwise_xor(left, right, out=opposite)
        differing = int(np.count_nonzero(opposite))
        if not differing:
            return left[:0]
        self._magnitudes(left, right, one, other, large)
        if differing < len(left) or large.max() >= self.exponent:
            chosen = np.flatnonzero((opposite != 0) & (large < self.exponent))
            opposite, one, other, large = opposite[chosen], one[chosen], other[chosen], large[chosen]
        opposite &= self.sign
        return self._gap(large, np.minimum(one, other, out=one), opposite, other)


class Integers:
    """The largest absolute difference, exact: it fits into the unsigned integer of the same width."""

    def __init__(self, elements: Elements) -> None:
        self.unsigned = np.dtype(f"<u{elements.storage.itemsize}")

    def unequal(self, left: Block, right: Block) -> NDArray[np.bool_]:
        unequal: NDArray[np.bool_] = left != right
        return unequal

    def add(self, left: Block, right: Block, tally: Tally) -> int:
        gap = np.maximum(left, right).view(self.unsigned) - np.minimum(left, right).view(self.unsigned)
        differing = int(np.count_nonzero(gap))
        tally.differing += differing
        tally.largest = max(tally.largest, int(gap.max()))
        return differing

    def distances(self, left: Block, right: Block) -> Block:
        return np.empty(0, dtype=self.unsigned)


class Bytes:
    """Elements of a fixed number of bytes that have no distance."""

    def __init__(self, elements: Elements) -> None:
        self.width = elements.storage.itemsize

    def unequal(self, left: Block, right: Block) -> NDArray[np.bool_]:
        one, other = (np.ascontiguousarray(side).view(np.uint8).reshape(-1, self.width) for side in (left, right))
        unequal: NDArray[np.bool_] = (one != other).any(axis=1)
        return unequal

    def add(self, left: Block, right: Block, tally: Tally) -> int:
        differing = int(np.count_nonzero(self.unequal(left, right)))
        tally.differing += differing
        return differing

    def distances(self, left: Block, right: Block) -> Block:
        return np.empty(0, dtype=np.uint8)


#: The kernel of each family of elements.
KERNELS: dict[str, Callable[[Elements], Kernel]] = {
    "float": Floats,
    "integer": Integers,
    "boolean": Integers,
    "bytes": Bytes,
}


def half(bits: Block) -> NDArray[np.float32]:
    """float16 as float32, which holds each of them exactly."""
    return bits.view(np.float16).astype(np.float32)


def brain(bits: Block) -> NDArray[np.float32]:
    """bfloat16 as float32, whose upper half it is."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


#: Bits as numbers to compute with, for each key of `distance.FLOATS`.
NUMBERS: dict[str, Callable[[Block], NDArray[Any]]] = {
    "<f2": half,
    "bfloat16": brain,
    "<f4": lambda bits: bits.view(np.float32),
    "<f8": lambda bits: bits.view(np.float64),
}
