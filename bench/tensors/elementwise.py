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

#: Elements of a block: few enough for the caches of the cores, and so many that threads seldom wait for the
#: interpreter's lock, which each call of NumPy hands over.
BLOCK = 512 * 1024

#: Elements that tell whether it is worth hoping that all of a block differ, or all have one sign.
PROBE = 64

#: No relative distance is larger: it is that of a number and its negative.
FARTHEST = 2.0

Block = NDArray[Any]


class Kernel(Protocol):
    """Compares blocks of one kind of elements; keeps scratch memory, so each thread has its own."""

    def add(self, left: Block, right: Block, tally: Tally) -> int:
        """Counts a pair of blocks; the number of elements that differ."""

    def unequal(self, left: Block, right: Block) -> NDArray[np.bool_]:
        """Where the bits of two blocks differ."""

    def distances(self, left: Block, right: Block) -> Block:
        """Only the distances that `add` gives to the medians, unsigned; overwritten by the next call."""


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
        self.room = [np.empty(BLOCK, dtype=elements.storage) for _ in range(3)]
        self.flags = np.empty(BLOCK, dtype=np.bool_)
        self.ratios = np.empty(BLOCK, dtype=self.numbers(self.room[0][:0]).dtype)

    def unequal(self, left: Block, right: Block) -> NDArray[np.bool_]:
        unequal: NDArray[np.bool_] = left != right
        return unequal

    def add(self, left: Block, right: Block, tally: Tally) -> int:
        differing = None
        if (left[:PROBE] == right[:PROBE]).any():
            differing = self._differing(left, right)
            if 2 * differing < len(left):
                chosen = np.flatnonzero(self.flags[: len(left)])
                left, right = left[chosen], right[chosen]
        if not len(left):
            return 0
        counted = self._measure(left, right, differing, tally)
        tally.differing += counted
        return counted

    def _differing(self, left: Block, right: Block) -> int:
        """How many differ; `flags` says where."""
        return int(np.count_nonzero(np.not_equal(left, right, out=self.flags[: len(left)])))

    def _measure(self, left: Block, right: Block, differing: int | None, tally: Tally) -> int:
        """Pairs of any kind, of which `differing` differ, or so many as this returns."""
        found = self._plain(left, right) or self._mixed(left, right, tally.relative)
        if found is not None:
            return self._count(left, right, found, differing, tally)
        if differing is None:
            differing = self._differing(left, right)
        finite = self._special(left, right, tally)
        left, right = left[finite], right[finite]
        if len(left):
            found = self._mixed(left, right, tally.relative)
            assert found is not None
            self._count(left, right, found, None, tally)
        return differing

    def _count(self, left: Block, right: Block, found: tuple[Block, float], differing: int | None, tally: Tally) -> int:
        """Finite pairs, their distances in ULP and the largest relative one. A pass tells equal elements from signed
        zeros only where there are such."""
        gap, relative = found
        smallest, largest = int(np.minimum.reduce(gap)), int(np.maximum.reduce(gap))
        zeros = 0
        if smallest > 0:
            differing = len(gap)
        else:
            differing = self._differing(left, right) if differing is None else differing
            zeros = differing - int(np.count_nonzero(gap))
        tally.largest = max(tally.largest, largest)
        tally.relative = max(tally.relative, relative)
        tally.signed_zeros += zeros
        for median in tally.medians.values():
            median.add(gap, smallest, largest, equal=len(gap) - differing, zeros=zeros)
        return differing

    def _plain(self, left: Block, right: Block) -> tuple[Block, float] | None:
        """Finite pairs of one sign, the usual case, at full speed; None if one is not that.

        No pass over the signs is needed: bits in the order of magnitudes make the relative distance of such a pair at
        most 1, and of -b and a (the sign bit makes -b the larger) (-b - a) / -b = 1 + a / b. NaN, infinities and
        two equal zeros give NaN; a 1 that was rounded to takes the longer road without harm.
        """
        if ((left[:PROBE] ^ right[:PROBE]) & self.sign).any():
            return None
        large, small = (room[: len(left)] for room in self.room[:2])
        np.maximum(left, right, out=large)
        np.minimum(left, right, out=small)
        top = self.numbers(large)
        ratios = np.subtract(top, self.numbers(small), out=self.ratios[: len(left)])
        ratios /= top
        relative = float(np.maximum.reduce(ratios))
        return (np.subtract(large, small, out=large), relative) if relative < 1 else None

    def _mixed(self, left: Block, right: Block, known: float) -> tuple[Block, float] | None:
        """Pairs of any signs; None if one is not finite. No relative distance is looked for where the largest of all
        is `known` from blocks before."""
        opposite, small, large = (room[: len(left)] for room in self.room)
        np.bitwise_and(left, self.magnitude, out=opposite)
        np.bitwise_and(right, self.magnitude, out=small)
        np.maximum(opposite, small, out=large)
        if np.maximum.reduce(large) >= self.exponent:
            return None
        np.minimum(opposite, small, out=small)
        relative = known if known == FARTHEST else self._relative(left, right, small, large)
        np.bitwise_xor(left, right, out=opposite)
        return self._gap(large, small, opposite), relative

    def _relative(self, left: Block, right: Block, small: Block, large: Block) -> float:
        """The largest |a - b| / max(|a|, |b|) of finite pairs; its sign is left to the end."""
        ratios = np.subtract(self.numbers(left), self.numbers(right), out=self.ratios[: len(left)])
        ratios /= self.numbers(large)
        relative = max(float(np.fmax.reduce(ratios)), -float(np.fmin.reduce(ratios)))
        if np.isinf(relative):  # |a| + |b| is more than the largest float
            beyond = np.isinf(ratios)
            relative = 1 + float((self.numbers(small[beyond]) / self.numbers(large[beyond])).max())
        return 0.0 if np.isnan(relative) else relative  # NaN: all are zeros

    def _gap(self, large: Block, small: Block, opposite: Block) -> Block:
        """large - small, or large + small where `opposite` has its sign bit: -x is ~x + 1. All three are used up."""
        signed = opposite.view(self.signed)
        np.right_shift(signed, self.last, out=signed)
        np.bitwise_xor(small, opposite, out=small)
        np.subtract(large, small, out=large)
        return np.add(large, opposite, out=large)

    def _special(self, left: Block, right: Block, tally: Tally) -> NDArray[np.bool_]:
        """Counts what differs and is no number; where both sides are finite."""
        one, other = left & self.magnitude, right & self.magnitude
        nan = one > self.exponent, other > self.exponent
        unequal = left != right
        infinite = (one == self.exponent) | (other == self.exponent)
        tally.nan_mismatches += int(np.count_nonzero(nan[0] ^ nan[1]))
        tally.nan_payloads += int(np.count_nonzero(nan[0] & nan[1] & unequal))
        tally.infinity_mismatches += int(np.count_nonzero(infinite & unequal & ~nan[0] & ~nan[1]))
        finite: NDArray[np.bool_] = (one < self.exponent) & (other < self.exponent)
        return finite

    def distances(self, left: Block, right: Block) -> Block:
        opposite, small, large = (room[: len(left)] for room in self.room)
        np.bitwise_and(left, self.magnitude, out=opposite)
        np.bitwise_and(right, self.magnitude, out=small)
        np.maximum(opposite, small, out=large)
        np.minimum(opposite, small, out=small)
        np.bitwise_xor(left, right, out=opposite)
        differing = int(np.count_nonzero(opposite))
        if differing < len(left) or int(np.maximum.reduce(large)) >= self.exponent:
            chosen = np.flatnonzero((opposite != 0) & (large < self.exponent))
            opposite, small, large = opposite[chosen], small[chosen], large[chosen]
        return self._gap(large, small, opposite)


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
