"""How long `bench compare` takes on two large .npy files, beside other ways to compare them; a Markdown table.

    python benchmarks/compare_files.py [--gib 1] [--repeat 5] [--folder DIR]

Makes float32 files in a temporary folder: one of normal numbers; the same with 1,000 elements one ULP further; with
all of them one ULP further; and other normal numbers. All are read once before, so that the page cache has them. In
every round each way is timed once, in turn, so that a neighbour's load meets all alike; medians are shown. Ways that
take long are timed in the first round or two only. Peak memory is taken in a process of its own for each way.
"""

import argparse
import functools
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout is measured, not what is installed

from bench.tensors.comparison import FileComparison, compare
from bench.tensors.files import opened

#: Elements that are made or changed at a time.
STEP = 1 << 22
PLACES = 1000
#: A way that took longer than this (seconds) is not timed in every round.
LONG = 3.0
PAIRS = {
    "few": f"{PLACES:,} elements differ, one ULP each",
    "all": "every element differs, one ULP each",
    "unrelated": "every element differs, unrelated numbers",
}


def make(folder: Path, elements: int) -> None:
    """The four files."""
    rng = np.random.default_rng(0)
    kinds = ("base", *PAIRS)
    files = {kind: np.lib.format.open_memmap(folder / f"{kind}.npy", "w+", np.float32, (elements,)) for kind in kinds}
    for start in range(0, elements, STEP):
        part = slice(start, start + STEP)
        files["base"][part] = rng.standard_normal(len(files["base"][part]), dtype=np.float32)
        files["few"][part] = files["base"][part]
        files["all"][part] = np.nextafter(files["base"][part], np.float32(np.inf))
        files["unrelated"][part] = rng.standard_normal(len(files["base"][part]), dtype=np.float32)
    places = rng.choice(elements, PLACES, replace=False)
    files["few"][places] = np.nextafter(files["few"][places], np.float32(np.inf))
    for one in files.values():
        one.flush()


def load(path: Path) -> np.ndarray:
    """A file as NumPy maps it."""
    return np.load(path, mmap_mode="r", allow_pickle=False)


def ours(left: Path, right: Path) -> FileComparison:
    """What `bench compare` does, without the printing: count, first, largest and median ULP, digits, specials."""
    with opened(left) as one, opened(right) as other:
        return compare(one, other)


def array_equal(left: Path, right: Path) -> object:
    return np.array_equal(load(left), load(right))


def max_ulp(left: Path, right: Path) -> object:
    return np.testing.assert_array_max_ulp(load(left), load(right), maxulp=2**32)


def one_liner(left: Path, right: Path) -> object:
    """The usual one: the largest distance only, right where both numbers have one sign and neither is NaN."""
    return np.abs(load(left).view(np.int32).astype(np.int64) - load(right).view(np.int32).astype(np.int64)).max()


def assert_close(left: Path, right: Path) -> object:
    import warnings

    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the arrays are not writable
        tensors = [torch.from_numpy(load(path)) for path in (left, right)]
    try:
        torch.testing.assert_close(*tensors, rtol=0, atol=0)
    except AssertionError as error:
        return error
    return None


def reading(left: Path, right: Path) -> object:
    """Both files from the page cache into one buffer of 1 MiB."""
    buffer = bytearray(1024**2)
    for path in (left, right):
        with path.open("rb", buffering=0) as stream:
            while stream.readinto(buffer):
                pass
    return None


WAYS: dict[str, Callable[[Path, Path], object]] = {
    "bench compare": ours,
    "np.array_equal": array_equal,
    "reading both files": reading,
    "np.testing.assert_array_max_ulp": max_ulp,
    "NumPy one-liner, int64": one_liner,
    "torch.testing.assert_close": assert_close,
}


def measured(folder: Path, kind: str, repeat: int) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Seconds of each way, round by round; and those of all processors together, which neighbours hardly change."""
    found: dict[str, list[float]] = {name: [] for name in WAYS if name != "torch.testing.assert_close" or has_torch()}
    busy: dict[str, list[float]] = {name: [] for name in found}
    for turn in range(repeat):
        for name, taken in found.items():
            if taken and max(taken) > LONG and turn > 1:
                continue
            start = time.perf_counter(), time.process_time()
            WAYS[name](folder / "base.npy", folder / f"{kind}.npy")
            taken.append(time.perf_counter() - start[0])
            busy[name].append(time.process_time() - start[1])
    return found, busy


@functools.cache
def has_torch() -> bool:
    return importlib.util.find_spec("torch") is not None


def status() -> dict[str, int]:
    """Resident memory of this process in MiB, by kind: RssAnon is what it holds, RssFile what it has mapped."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    found = dict(line.split(":", 1) for line in lines)
    return {kind: int(found[kind].split()[0]) // 1024 for kind in ("VmHWM", "RssAnon", "RssFile")}


def peak(name: str, left: Path, right: Path) -> dict[str, int]:
    """The largest of each kind of resident memory while a way ran, less what was resident before."""
    before, ended = status(), threading.Event()
    seen = dict(before)

    def watch() -> None:
        while not ended.wait(0.002):
            seen.update({kind: max(seen[kind], value) for kind, value in status().items()})

    watcher = threading.Thread(target=watch)
    watcher.start()
    WAYS[name](left, right)
    ended.set()
    watcher.join()
    return {kind: seen[kind] - before[kind] for kind in seen}


def peaks(folder: Path, kind: str) -> dict[str, dict[str, int]]:
    """Peak memory of each way, in a fresh process each."""
    found = {}
    for name in WAYS:
        if name == "torch.testing.assert_close" and not has_torch():
            continue
        call = [sys.executable, __file__, "--peak", name, str(folder / "base.npy"), str(folder / f"{kind}.npy")]
        done = subprocess.run(call, check=True, capture_output=True, text=True)
        found[name] = json.loads(done.stdout)
    return found


def table(
    seconds: dict[str, list[float]], busy: dict[str, list[float]], memory: dict[str, dict[str, int]]
) -> list[str]:
    """Markdown: medians, the ratio to np.array_equal, time of processors, memory."""
    lines = [
        "| way | median s | least s | rounds | ratio to array_equal | CPU s | held, MiB | mapped, MiB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    reference = statistics.median(seconds["np.array_equal"])
    for name, taken in seconds.items():
        median = statistics.median(taken)
        figures = f"{median:.2f} | {min(taken):.2f} | {len(taken)} | {median / reference:.2f}"
        figures += f" | {statistics.median(busy[name]):.2f}"
        lines.append(f"| {name} | {figures} | {memory[name]['RssAnon']} | {memory[name]['RssFile']} |")
    if not has_torch():
        lines.append("| torch.testing.assert_close | not measured: torch is not installed | | | | | | |")
    return lines


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def report(folder: Path, gib: float, repeat: int) -> None:
    """Makes the files, measures, prints."""
    make(folder, int(gib * 2**28))
    for path in folder.iterdir():
        reading(path, path)
    cores = len(os.sched_getaffinity(0))
    print(f"{gib:g} GiB of float32 a file; {processor()}, {cores} cores, Python {platform.python_version()}, "
          f"NumPy {np.__version__}; load {os.getloadavg()[0]:.1f} at the start\n")  # fmt: skip
    for kind, title in PAIRS.items():
        found = ours(folder / "base.npy", folder / f"{kind}.npy").overall
        print(f"{title[0].upper()}{title[1:]} ({found.differing:,} found, largest {found.largest_ulp} ULP, "
              f"median {float(found.median_ulp or 0):.1f}):\n")  # fmt: skip
        print("\n".join(table(*measured(folder, kind, repeat), peaks(folder, kind))), end="\n\n", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gib", type=float, default=1.0, help="size of a file (default: 1)")
    parser.add_argument("--repeat", type=int, default=7, help="rounds (default: 7)")
    parser.add_argument("--folder", type=Path, help="where to make the files (default: the temporary folder)")
    parser.add_argument("--peak", nargs=3, metavar=("WAY", "LEFT", "RIGHT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peak:
        name, left, right = arguments.peak
        print(json.dumps(peak(name, Path(left), Path(right))))
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        report(Path(folder), arguments.gib, arguments.repeat)


if __name__ == "__main__":
    main()
