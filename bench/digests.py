"""SHA-256 digests of the host side: of arrays, results and files. The guest's bits.py states the same forms."""

import hashlib
from collections.abc import Iterable, Sequence


def sha256(content: bytes | memoryview) -> str:
    """SHA-256 as 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def row_digests(dtype: str, shape: Sequence[int], raw: memoryview, rows: int) -> list[str]:
    """`array_digest` of each of `rows` arrays of one shape that lie one after the other in `raw`."""
    start = hashlib.sha256(_head(dtype, shape))
    size = len(raw) // rows if rows else 0
    found = []
    for row in range(rows):
        digest = start.copy()
        digest.update(raw[row * size : (row + 1) * size])
        found.append(digest.hexdigest())
    return found


def array_digest(dtype: str, shape: Sequence[int], raw: bytes | memoryview) -> str:
    """SHA-256 over `dtype shape\\n` and the raw little-endian bytes, so that a reshaped array is another one."""
    digest = hashlib.sha256(_head(dtype, shape))
    digest.update(raw)
    return digest.hexdigest()


def _head(dtype: str, shape: Sequence[int]) -> bytes:
    return f"{dtype} {','.join(str(length) for length in shape)}\n".encode("ascii")


def lines_digest(lines: Iterable[str]) -> str:
    """SHA-256 over lines, each ended by a newline."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode("utf-8") + b"\n")
    return digest.hexdigest()
