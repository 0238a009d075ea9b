"""Elements that lie in a file as they are in memory, read through short-lived maps of a part of it at a time.

A map of a part costs no copy, as a map of the whole does, but its pages leave the process with it: what is resident is
bounded by the part and not by the file.
"""

import mmap
import os
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import RefusedInput

#: Where elements may begin so that they can be compared eight bytes at a time.
ALIGNMENT = 8


@dataclass(frozen=True, kw_only=True)
class File:
    """An open file; `path` leads to its bytes, `label` is what messages call it."""

    descriptor: int
    path: Path
    label: str

    @property
    def nbytes(self) -> int:
        """Its size now."""
        return os.fstat(self.descriptor).st_size


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """Elements of `storage` in C order from byte `offset` of an open file on; `swapped` where they are big-endian."""

    file: File
    offset: int
    storage: np.dtype[Any]
    swapped: bool = False

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """A view of the file, or a copy where elements are swapped or lie askew."""
        begin = self.offset + start * self.storage.itemsize
        part = map_of(self.file, begin, (stop - start) * self.storage.itemsize)
        if begin % ALIGNMENT:
            part = part.copy()
        values = part.view(self.storage)
        return values.byteswap() if self.swapped else values


@dataclass(frozen=True, kw_only=True)
class Transposed:
    """Elements that a file has in Fortran order: the whole is mapped, and a part of it copied in C order."""

    whole: NDArray[Any]
    storage: np.dtype[Any]
    swapped: bool = False

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """A copy."""
        values: NDArray[Any] = self.whole.flat[start:stop]
        return values.byteswap() if self.swapped else values


def map_of(file: File, offset: int, nbytes: int) -> NDArray[np.uint8]:
    """Bytes of a file; the pages are given back when the last view of them goes. RefusedInput beyond its end."""
    if not nbytes:
        return np.empty(0, dtype=np.uint8)
    start = offset - offset % mmap.ALLOCATIONGRANULARITY
    try:
        pages = mmap.mmap(file.descriptor, offset - start + nbytes, access=mmap.ACCESS_READ, offset=start)
    except (ValueError, OSError, OverflowError) as error:
        raise RefusedInput(
            f"{file.label}: cannot be read at byte {offset}: {error}; was it cut off meanwhile?"
        ) from None
    return np.frombuffer(pages, dtype=np.uint8, count=nbytes, offset=offset - start)


def opened(path: Path, stack: ExitStack) -> File:
    """A file, closed with the stack."""
    descriptor = os.open(path, os.O_RDONLY)
    stack.callback(os.close, descriptor)
    return File(descriptor=descriptor, path=path, label=str(path))


def spooled(pieces: Iterable[bytes], stack: ExitStack, label: str) -> File:
    """A temporary file of these pieces, on disk and not in memory; it goes with the stack."""
    stream = stack.enter_context(tempfile.NamedTemporaryFile(prefix="bench-"))  # noqa: SIM115 -- it outlives this
    for piece in pieces:
        stream.write(piece)
    stream.flush()
    return File(descriptor=stream.fileno(), path=Path(stream.name), label=label)
