"""SHA-256 digests of the host side: of arrays, results and files. The guest's bits.py states the same forms."""

import hashlib
from collections.abc import Iterable, Sequence


def sha256(content: bytes | memoryview) -> str:
    """SHA-256 as 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def array_digest(dtype: str, shape: Sequence[int], raw: bytes | memoryview) -> str:
    """SHA-256 over `dtype shape\\n` and the raw little-endian bytes, so that a reshaped array is another one."""
    digest = hashlib.sha256(f"{dtype} {','.join(str(length) for length in shape)}\n".encode("ascii"))
    digest.update(raw)
    return digest.hexdigest()


def lines_digest(lines: Iterable[str]) -> str:
    """SHA-256 over lines, each ended by a newline."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode("utf-8") + b"\n")
    return digest.hexdigest()
