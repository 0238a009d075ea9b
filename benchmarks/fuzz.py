#!/usr/bin/env python3
"""Coverage-guided fuzzing of everything that reads what others wrote: it must end in a value or in an error of ours.

    python benchmarks/fuzz.py bundle -max_total_time=300

Needs atheris (`pip install atheris`; Linux, Python 3.11 to 3.13). Further words are libFuzzer's. What it finds is kept
as a case of tests/test_bad_input.py, tests/test_observations.py or tests/test_tensor_refused.py.
"""

import contextlib
import io
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

with atheris.instrument_imports(include=["bench", "zipfile", "json"]):
    from bench import bundle, jsonlines, observations, records
    from bench.errors import BenchError
    from bench.matrix import file as matrix_file
    from bench.store import Store
    from bench.tensors import comparison
    from bench.tensors.files import READERS, opened


def read_bundle(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        bundle.collect(io.BytesIO(content), Store(Path(name) / "store"))


def read_matrix(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "matrix.yaml"
        path.write_bytes(content)
        matrix_file.read(path)


def reader(suffix: str) -> Callable[[bytes], None]:
    """A file of that suffix held against itself: all of it is read."""

    def read(content: bytes) -> None:
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / f"tensors{suffix}"
            path.write_bytes(content)
            with opened(path) as one, opened(path) as other:
                assert comparison.compare(one, other).verdict == "IDENTICAL"

    return read


TARGETS: dict[str, Callable[[bytes], object]] = {
    "bundle": read_bundle,
    "record": records.from_json,
    "observation": observations.from_json,
    "line": jsonlines.parse,
    "matrix": read_matrix,
    **{suffix: reader(suffix) for suffix in READERS},
}


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: fuzz.py TARGET [libFuzzer options]; targets: {', '.join(TARGETS)}")
    target = TARGETS[sys.argv.pop(1)]

    def once(content: bytes) -> None:
        with warnings.catch_warnings(), contextlib.suppress(BenchError):
            warnings.simplefilter("ignore")
            target(content)

    atheris.Setup(sys.argv, once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
