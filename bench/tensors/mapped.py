"""Elements that lie in a file as they are in memory, read a part at a time.

Parts are read into memory that is used again for the next. A map would cost no copy, but its pages come one fault after
another, and threads wait for each other when it goes: a copy that stays in the cache of a core takes less.
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
class Contiguous:
    """Elements of `storage` in C order from byte `offset` of an open file on; `swapped` where they are big-endian."""

    file: File
    offset: int
    storage: np.dtype[Any]
    swapped: bool = False
    grain: int = 1

    def read(self, start: int, stop: int, room: NDArray[Any] | None = None) -> NDArray[Any]:
        """A copy."""
        values = np.empty(stop - start, dtype=self.storage) if room is None else room[: stop - start]
        place = self.offset + start * self.storage.itemsize
        rest = values.view(np.uint8).data
        while rest:
            try:
                count = os.preadv(self.file.descriptor, [rest], place)
            except OSError as error:
                raise RefusedInput(f"{self.file.label}: cannot be read at byte {place}: {error.strerror}") from None
            if not count:
                raise RefusedInput(
                    f"{self.file.label}: cannot be read at byte {place}: it ends there; was it cut off meanwhile?"
                )
            rest, place = rest[count:], place + count
        return values.byteswap(inplace=True) if self.swapped else values


@dataclass(frozen=True, kw_only=True)
class Transposed:
    """Elements that a file has in Fortran order: the whole is mapped, and a part of it copied in C order."""

    whole: NDArray[Any]
    storage: np.dtype[Any]
    swapped: bool = False
    grain: int = 1

    def read(self, start: int, stop: int, room: NDArray[Any] | None = None) -> NDArray[Any]:
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
