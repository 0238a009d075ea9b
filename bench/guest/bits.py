"""Exact forms of numbers: digests of arrays, raw bytes in one file, floats as hex."""
from __future__ import absolute_import, division, print_function

import hashlib
import sys


def header(dtype, shape):
    """The text that an array's digest starts with: `<f4 1,10` and a newline, as ASCII bytes."""
    return ("%s %s\n" % (dtype, ",".join(str(int(n)) for n in shape))).encode("ascii")


def array_digest(dtype, shape, raw):
    """SHA-256 over dtype, shape and bytes, as hex."""
    return hashlib.sha256(header(dtype, shape) + raw).hexdigest()


def little_endian(array):
    """(dtype text such as '<f4', shape, raw little-endian bytes) of a NumPy array of numbers."""
    if array.dtype.name == "bfloat16":  # ml_dtypes; NumPy itself has no name for it
        return "bfloat16", array.shape, array.tobytes()
    if array.dtype.kind not in "fiub":
        raise TypeError("arrays of dtype %s are not recorded; legal: floats, integers, booleans" % array.dtype)
    big = array.dtype.byteorder == ">" or (array.dtype.byteorder == "=" and sys.byteorder == "big")
    if big:
        array = array.astype(array.dtype.newbyteorder("<"))
    text = array.dtype.str.replace(">", "<").replace("=", "<")
    return text, array.shape, array.tobytes()  # C order, whatever the memory layout


def number(value):
    """A float as `float.hex()`; NaN and infinities are spelled `nan`, `inf`, `-inf` by it."""
    return float(value).hex()


class ArrayFile(object):
    """Collects arrays for `arrays.bin`; `add` gives the entry that the record keeps."""

    def __init__(self):
        self.parts = []
        self.size = 0

    def add(self, name, array):
        dtype, shape, raw = little_endian(array)
        entry = {"name": name, "dtype": dtype, "shape": [int(n) for n in shape], "offset": self.size,
                 "sha256": array_digest(dtype, shape, raw)}
        self.parts.append(raw)
        self.size += len(raw)
        return entry

    def content(self):
        return b"".join(self.parts)


def result_lines(repeats):
    """The lines that the result digest covers, in order. Times, paths and environment never enter."""
    lines = []
    for index, repeat in enumerate(repeats):
        for part in ("initial_weights", "final_weights"):
            lines.extend("%d %s %s %s" % (index, part, entry["name"], entry["sha256"]) for entry in repeat[part])
        for part in ("losses", "predictions"):
            lines.append("%d %s %s" % (index, part, repeat[part]["sha256"]))
        lines.append("%d score %s" % (index, repeat["score"]))
    return lines


def result_digest(repeats):
    """SHA-256 over `result_lines`, each ended by a newline, as hex."""
    return hashlib.sha256(("".join(line + "\n" for line in result_lines(repeats))).encode("ascii")).hexdigest()
