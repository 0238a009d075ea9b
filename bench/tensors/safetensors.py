"""safetensors: an 8-byte length, a JSON header of that length, and the bytes of the tensors without a gap.

The format: github.com/huggingface/safetensors, README, "Format". It is read here and not by its library, whose NumPy
side has no bfloat16.
"""

import json
import math
import os
import struct
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from bench.errors import RefusedInput
from bench.tensors import BFLOAT16, Elements, Tensor, Tensors, elements_of
from bench.tensors.mapped import Contiguous, opened

#: The library's own limit of a header.
LARGEST_HEADER = 100_000_000
METADATA = "__metadata__"


def _bytes(name: str, width: int) -> Elements:
    return Elements(name=name, family="bytes", storage=np.dtype(f"V{width}"))


#: The format's dtypes; those of 8 bits and complex ones are compared bit by bit.
DTYPES: dict[str, Elements] = {
    **{
        name: elements_of(np.dtype(dtype))
        for name, dtype in {
            "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
            "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
        }.items()
    },
    "BF16": BFLOAT16,
    **{name: _bytes(name, 1) for name in ("F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ")},
    "C64": _bytes("C64", 8),
}  # fmt: skip


def read(path: Path, stack: ExitStack) -> Tensors:
    """The tensors in the order of their bytes."""
    file = opened(path, stack)
    size = file.nbytes
    start = os.pread(file.descriptor, 8, 0)
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
    if not 2 <= length <= min(LARGEST_HEADER, size - 8):
        raise RefusedInput(f"a header of {length} bytes in a file of {size}: truncated, or not safetensors")
    header = _header(os.pread(file.descriptor, length, 8))
    spans = {name: _span(name, entry) for name, entry in header.items() if name != METADATA}
    spans = dict(sorted(spans.items(), key=lambda one: one[1][2:]))
    _gapless([("the header", 0, 0), *((name, *span[2:]) for name, span in spans.items())], size - 8 - length)
    return {
        name: Tensor(
            elements=elements,
            shape=shape,
            source=Contiguous(file=file, offset=8 + length + begin, storage=elements.storage),
        )
        for name, (elements, shape, begin, _) in spans.items()
    }


def _header(raw: bytes) -> dict[str, Any]:
    """The JSON object; a name that occurs twice is refused, since readers would disagree about which counts."""
    try:
        found = json.loads(raw.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise RefusedInput(f"the header is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise RefusedInput("the header is no JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _span(name: str, entry: object) -> tuple[Elements, tuple[int, ...], int, int]:
    """Elements, shape, and the bytes from begin to end that a header's entry gives to a tensor."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise RefusedInput(f"{name}: an entry has exactly dtype, shape and data_offsets")
    if not isinstance(entry["dtype"], str) or entry["dtype"] not in DTYPES:
        raise RefusedInput(f"{name}: dtype {entry['dtype']!r}; legal: {', '.join(DTYPES)}")
    shape, offsets = entry["shape"], entry["data_offsets"]
    for numbers in (shape, offsets):
        if not isinstance(numbers, list) or not all(type(one) is int and one >= 0 for one in numbers):
            raise RefusedInput(f"{name}: {numbers!r} is no list of whole numbers")
    elements = DTYPES[entry["dtype"]]
    expected = math.prod(shape) * elements.storage.itemsize
    if len(offsets) != 2 or offsets[1] - offsets[0] != expected:
        raise RefusedInput(f"{name}: {entry['dtype']} {shape} takes {expected} bytes, data_offsets are {offsets}")
    return elements, tuple(shape), offsets[0], offsets[1]


def _gapless(spans: list[tuple[str, int, int]], size: int) -> None:
    """The tensors lie one after another and fill the rest of the file: what is not seen could differ."""
    for (before, _, end), (name, begin, _) in pairwise(spans):
        if begin != end:
            problem = "overlaps" if begin < end else "leaves a gap after"
            raise RefusedInput(f"{name}: {problem} {before} (begins at {begin}, that ends at {end})")
    if spans[-1][2] != size:
        raise RefusedInput(f"the tensors take {spans[-1][2]} bytes, the file has {size}: truncated or corrupt")
