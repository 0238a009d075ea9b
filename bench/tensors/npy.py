"""NumPy's .npy: a header and the bytes of one array."""

import math
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import numpy as np

from bench.errors import RefusedInput
from bench.tensors import UNNAMED, Elements, Tensor, Tensors, elements_of
from bench.tensors.mapped import Contiguous, File, Transposed, map_of, opened

#: Version 3 is 2 with field names beyond Latin-1.
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}

Header = tuple[tuple[int, ...], bool, np.dtype[Any]]


def read(path: Path, stack: ExitStack) -> Tensors:
    """The one array, under the path `array`."""
    file = opened(path, stack)
    return {UNNAMED: tensor(file, 0, file.nbytes)}


def tensor(file: File, base: int, nbytes: int) -> Tensor:
    """The array whose .npy are `nbytes` of a file from byte `base` on.

    RefusedInput unless the header describes exactly the bytes that follow it.
    """
    with file.path.open("rb") as stream:
        stream.seek(base)
        shape, fortran, dtype = header(stream)
        offset = stream.tell() - base
    elements = checked(dtype)
    expected = math.prod(shape) * dtype.itemsize
    if nbytes - offset != expected:
        raise RefusedInput(
            f"the header describes {dtype} {shape}, {expected} bytes; {nbytes - offset} follow: truncated or corrupt"
        )
    swapped = elements.family != "bytes" and dtype.byteorder == ">"
    if fortran and len(shape) > 1 and expected:
        raw = map_of(file, base + offset, expected).view(elements.storage)
        whole = raw.reshape(shape, order="F")
        return Tensor(
            elements=elements, shape=shape, source=Transposed(whole=whole, storage=elements.storage, swapped=swapped)
        )
    source = Contiguous(file=file, offset=base + offset, storage=elements.storage, swapped=swapped)
    return Tensor(elements=elements, shape=shape, source=source)


def header(stream: IO[bytes]) -> Header:
    """Shape, whether in Fortran order, dtype: by NumPy's own reader, which evaluates literals only."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers that Python 2 wrote
            shape, fortran, dtype = HEADERS[np.lib.format.read_magic(stream)](stream)
    except KeyError as version:
        raise RefusedInput(f"version {version} of the .npy format; legal: {', '.join(map(str, HEADERS))}") from None
    except Exception as error:  # noqa: BLE001 -- whatever a hostile header makes the parser raise
        raise RefusedInput(f"no readable .npy header: {error}") from None
    if any(length < 0 for length in shape):
        raise RefusedInput(f"the header describes a negative length: {shape}")
    return tuple(int(length) for length in shape), bool(fortran), dtype


def checked(dtype: np.dtype[Any]) -> Elements:
    """The elements of a dtype; RefusedInput if they have no bytes of their own."""
    try:
        return elements_of(dtype)
    except ValueError as error:
        raise RefusedInput(f"dtype {dtype}: {error}") from None
