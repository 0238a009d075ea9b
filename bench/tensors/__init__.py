"""Tensors of a file: what they are called, what their elements are, and how a part of them is read.

A format is one file here and one line of `files.READERS`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from bench import distance

#: What the one array of a file without names is called (.npy, a CSV without a header, a JSON list).
UNNAMED = "array"


@dataclass(frozen=True, kw_only=True)
class Elements:
    """What the elements of a tensor are.

    `name` is the dtype's name without byte order. `storage` is the little-endian dtype that a source hands out: the
    integer itself, a float's bits as an unsigned integer, a boolean's byte, and fixed-size bytes (`V`) for what has
    no distance (complex numbers, text, dates). `code` is a float's key of `distance.FLOATS`.
    """

    name: str
    family: Literal["float", "integer", "boolean", "bytes"]
    storage: np.dtype[Any]
    code: str = ""


class Source(Protocol):
    """Where the elements of a tensor come from; may be read by several threads at a time."""

    @property
    def grain(self) -> int:
        """So many elements are read, or decompressed, at least, however few are asked for."""

    def read(self, start: int, stop: int, room: NDArray[Any] | None = None) -> NDArray[Any]:
        """Elements `start` to `stop` in C order: one axis, dtype `Elements.storage`, not to be written to.

        `room` is memory of that dtype, for as many elements at least, that they may be put into: no other is then
        needed, and they last until it is used again.
        RefusedInput where the file cannot be read to there.
        """


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """One array of a file; nothing of it is read before `source.read`."""

    elements: Elements
    shape: tuple[int, ...]
    source: Source

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


#: The tensors of one file by path.
Tensors = Mapping[str, Tensor]

BFLOAT16 = Elements(name="bfloat16", family="float", storage=np.dtype("<u2"), code="bfloat16")


def elements_of(dtype: np.dtype[Any]) -> Elements:
    """The elements that a NumPy dtype describes; ValueError if those have no bits of their own."""
    if dtype.hasobject:
        raise ValueError("objects of Python (a pickle) or text of any length, which are never read")
    if not dtype.itemsize:
        raise ValueError("its elements have no bytes")
    little = dtype.newbyteorder("<")
    if little.str in distance.FLOATS:
        unsigned = np.dtype(distance.FLOATS[little.str][0])
        return Elements(name=dtype.name, family="float", storage=unsigned, code=little.str)
    if dtype.kind in "iu":
        return Elements(name=dtype.name, family="integer", storage=little)
    if dtype.kind == "b":
        return Elements(name="bool", family="boolean", storage=np.dtype(np.uint8))
    return Elements(name=dtype.str, family="bytes", storage=np.dtype(f"V{dtype.itemsize}"))


@dataclass(frozen=True, kw_only=True)
class Held:
    """A source that is small enough to be held in memory: the elements themselves, one axis."""

    values: NDArray[Any]
    grain: int = 1

    def read(self, start: int, stop: int, room: NDArray[Any] | None = None) -> NDArray[Any]:
        """A view of them."""
        return self.values[start:stop]
