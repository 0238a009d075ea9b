"""Options that several commands share, and what they become."""

import argparse
import datetime as dt
import os
from collections.abc import Mapping
from pathlib import Path

from bench import matrix, resources
from bench.errors import UsageError
from bench.matrix import Matrix

STORE = Path("results")


def add_matrix(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--matrix", type=Path, metavar="FILE", help="another matrix.yaml")


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Which cells: `--only`, `--all`, `--all-workloads`, `--runs`, `--seeds`."""
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="PATTERN",
        help="cells whose id matches, such as 'mlp/tf*'; may be given several times",
    )
    pools = parser.add_mutually_exclusive_group()
    pools.add_argument(
        "--all",
        dest="pool",
        action="store_const",
        const="space",
        default="default",
        help="select from the whole space, not from the default cells",
    )
    pools.add_argument(
        "--all-workloads",
        dest="pool",
        action="store_const",
        const="all_workloads",
        help="select from `all_workloads` of the matrix: every workload on every backend that has its layers",
    )
    parser.add_argument("--runs", type=positive, metavar="N", help="runs a cell (default: as the matrix says)")
    parser.add_argument(
        "--seeds", type=seed, nargs="+", metavar="S", help="seed values; S stands for NumPy S, backend S+1, Keras S"
    )


def add_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--store", type=Path, default=STORE, metavar="DIR", help="folder of records (default: results)")


def add_campaign(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--campaign", metavar="NAME", help="a name for one pass over the matrix (default: the latest)")


def add_baseline(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--baseline",
        type=Path,
        default=Path("baseline.json"),
        metavar="FILE",
        help="file of blessed results (default: baseline.json)",
    )


def today() -> dt.date:
    """The day, UTC: all that the command line asks a clock for known exceptions and for blessings."""
    return dt.datetime.now(dt.UTC).date()


def printable(text: str) -> str:
    """Text from elsewhere without what would move a terminal's cursor or cannot be printed at all."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def seed(text: str) -> int:
    """A seed: 32 bits, and one more for the backend."""
    if not text.isdigit() or int(text) >= 2**32 - 1:
        raise argparse.ArgumentTypeError(f"{text!r}: a whole number from 0 to 4294967294")
    return int(text)


def positive(text: str) -> int:
    """An integer of at least 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: a whole number, at least 1")
    return int(text)


def read_matrix(arguments: argparse.Namespace) -> Matrix:
    """The matrix that the command line names, or the one that ships."""
    path: Path = arguments.matrix or resources.find("matrix.yaml")
    if not path.is_file():
        raise UsageError(f"{path}: no such file; `--matrix FILE` names a matrix, without it the shipped one is used")
    return matrix.load(path)


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where environments of the `here` executor are kept, by the XDG base directory specification."""
    base = environment.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "keras-repro-bench"
