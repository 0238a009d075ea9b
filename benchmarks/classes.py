#!/usr/bin/env python3
"""How long it takes to put N runs into classes and to explain the splits, and how that grows with N.

Full records of realistic content (read, verified, indexed) up to --records, index rows of the same form above that.
Prints a Markdown table, the exponent of a least-squares line through log time over log N, and the peak memory.
"""

import argparse
import hashlib
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import bundle, classes, index  # noqa: E402
from bench.digests import lines_digest  # noqa: E402
from bench.store import Store, Stored  # noqa: E402

MACHINES, ENVIRONMENTS, KEYS, SUBJECTS = 200, 600, 350, 1000
CLASS_KEY = "cpu_flag.avx512f"


def environments(random: np.random.Generator) -> list[tuple[str, dict[str, str]]]:
    """(machine, keys) of made-up environments: 350 keys, of which 50 vary; one of them decides the class."""
    found = []
    for number in range(ENVIRONMENTS):
        machine = f"machine-{number % MACHINES}"
        keys = {f"debian.package-{key}": "1.0" for key in range(KEYS - 50)}
        keys |= {f"surroundings.key-{key}": str(random.integers(0, 2 + key % 8)) for key in range(49)}
        if number % MACHINES % 3:
            keys[CLASS_KEY] = "yes"
        found.append((machine, keys))
    return found


def rows(count: int, seed: int = 1) -> index.Index:
    """An index of made-up runs: most subjects repeat everywhere and are split by CLASS_KEY, one in twenty does not."""
    random = np.random.default_rng(seed)
    made = environments(random)
    names = [lines_digest(f"{key}={value}" for key, value in sorted(keys.items())) for _, keys in made]
    subject, environment = random.integers(0, SUBJECTS, count), random.integers(0, ENVIRONMENTS, count)
    wide = np.array([CLASS_KEY in keys for _, keys in made])[environment]
    loose = (subject % 20 == 0) & (random.random(count) < 0.5)
    result = np.where(loose, random.integers(2, 2**60, count), wide.astype(np.int64))
    digests = pd.Series(subject.astype(str)) + "/" + pd.Series(result.astype(str))
    unique = {one: hashlib.sha256(one.encode()).hexdigest() for one in digests.unique()}
    machine = np.array([name for name, _ in made])
    runs = pd.DataFrame(
        {
            "record": [f"{seed:08x}{number:056x}" for number in range(count)],
            "subject": np.char.add("mlp/backend/keras/native/preset-", subject.astype(str)),
            "result": digests.map(unique),
            "way": "0" * 64,
            "machine": machine[environment],
            "hardware": np.char.add("hardware of ", machine)[environment],
            "stack": "0" * 64,
            "campaign": "2026-11-24",
            "index": np.arange(count),
            "started": "2026-11-24T00:00:00.000Z",
            "environment": np.array(names)[environment],
        }
    )
    return index.Index(runs=runs, environments=dict(zip(names, (keys for _, keys in made), strict=True)))


def check(found: tuple[classes.Split, ...]) -> None:
    """The figures count only if the answer is right: the planted key explains every split, exactly."""
    for one in found:
        if int(one.subject.rpartition("-")[2]) % 20 == 0:
            continue
        exact = {key for each in one.explanations if each.kind == "exact" for key in each.keys}
        assert len(one.classes) < 2 or CLASS_KEY in exact, one


def from_rows(count: int) -> dict[str, float]:
    """Seconds to read a store's Parquet index and to classify and explain all of it, and to collect one bundle more."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = rows(count)
        index.write(folder, made.runs, made.environments)
        del made
        begin = time.perf_counter()
        check(classes.splits(index.read(folder)))
        compared = time.perf_counter() - begin
        store = Store(folder / "store")
        (folder / "index").rename(store.folder / "index")
        begin = time.perf_counter()
        bundle.collect(ROOT / "docs" / "examples" / "matrix.zip", store)
        return {"classify and explain": compared, "collect one more bundle": time.perf_counter() - begin}


def from_records(count: int) -> dict[str, float]:
    """Seconds to read, verify and index that many full records (copies of real ones under other indices), and to
    classify them."""
    with tempfile.TemporaryDirectory() as name:
        store = Store(Path(name) / "store")
        for body, content in copies(count, Path(name)):
            store.keep(body, content)
        begin = time.perf_counter()
        found = index.refresh(store)
        built = time.perf_counter() - begin
        begin = time.perf_counter()
        classes.splits(found)
        return {"read, verify and index": built, "classify and explain": time.perf_counter() - begin}


def copies(count: int, folder: Path) -> Iterator[tuple[bytes, bytes]]:
    """Real records of the example bundle again and again, each under another index."""
    example = Store(folder / "example")
    bundle.collect(ROOT / "docs" / "examples" / "matrix.zip", example)
    real = [one for one in example.scan() if isinstance(one, Stored) and one.record.ok]
    for number in range(count):
        one = real[number % len(real)]
        run = one.record.run.model_copy(update={"index": number})
        yield one.record.model_copy(update={"run": run}).to_json(), one.content


def measured(kind: str, count: int) -> dict[str, float]:
    """One size in a process of its own, so that its peak memory is its own; `peak` in MiB."""
    done = subprocess.run(
        [sys.executable, __file__, "--one", kind, str(count)], capture_output=True, text=True, check=True
    )
    return {key: float(value) for key, value in (line.split("=") for line in done.stdout.splitlines())}


def table(kind: str, sizes: list[int]) -> None:
    if not sizes:
        return
    found = {size: measured(kind, size) for size in sizes}
    columns = list(found[sizes[0]])
    print(f"\n| {kind} | " + " | ".join(f"{one}, {'MiB' if one == 'peak' else 's'}" for one in columns) + " |")
    print("| ---: |" + " ---: |" * len(columns))
    for size, figures in found.items():
        print(f"| {size:,} | " + " | ".join(f"{figures[one]:.{0 if one == 'peak' else 2}f}" for one in columns) + " |")
    for one in columns:
        if one != "peak" and len(sizes) > 2:
            slope = np.polyfit(np.log(sizes), np.log([found[size][one] for size in sizes]), 1)[0]
            print(f"\nexponent of {one}: {slope:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--records", type=int, default=10_000, help="the most full records (default: 10000)")
    parser.add_argument("--rows", type=int, default=1_000_000, help="the most index rows (default: 1000000)")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        kind, count = arguments.one
        for key, value in (from_rows if kind == "rows" else from_records)(int(count)).items():
            print(f"{key}={value}")
        print(f"peak={resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}")
        return
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, pandas {pd.__version__}")
    table("records", [size for size in (100, 1_000, 10_000) if size <= arguments.records])
    table("rows", [size for size in (1_000, 10_000, 100_000, 1_000_000) if size <= arguments.rows])


if __name__ == "__main__":
    main()
