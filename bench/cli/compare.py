"""`bench compare`: two runs, or two files of tensors, in detail."""

import argparse
import contextlib
from collections.abc import Sequence
from pathlib import Path

from bench import comparability
from bench.bound import Bound
from bench.cli import compare_files, options
from bench.comparison import Comparison, compare
from bench.distance import digits_text
from bench.errors import RefusedInput, RunError, UsageError
from bench.records import Record
from bench.store import Refused, Store, Stored
from bench.tensors.files import READERS

HELP = "compare two recorded runs, or two files of tensors: verdict, distances, where they first part"
EXAMPLE = "bench compare 3f2a91 mlp/tf-cpu/keras/native/default:1, or: bench compare before.keras after.keras"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "left", metavar="A", help=f"a record's digest (or its beginning), CELL:INDEX, or a file: {', '.join(READERS)}"
    )
    parser.add_argument("right", metavar="B")
    parser.add_argument(
        "--scope", choices=tuple(comparability.VARIES), help="runs: what may differ (default: found out)"
    )
    parser.add_argument(
        "--at-least", type=bound, metavar="BOUND", help="files: what still counts as ROUNDING: 'N ulp' or 'N digits'"
    )
    parser.add_argument("--json", action="store_true", help="files: print JSON")
    options.add_store(parser)


def bound(text: str) -> Bound:
    """A bound of the command line."""
    with contextlib.suppress(ValueError):
        found = Bound.parse(text)
        if found.tier != "statistical":  # two files are no distributions
            return found
    raise argparse.ArgumentTypeError(f"{text!r}; legal: {', '.join(Bound.LEGAL[:-1])}")


def command(arguments: argparse.Namespace) -> int:
    if files := chosen_files(arguments):
        return compare_files.command(*files, bound=arguments.at_least, as_json=arguments.json)
    if arguments.at_least or arguments.json:
        raise UsageError(f"--at-least and --json are for files; no file: {arguments.left}, {arguments.right}")
    return compare_runs(arguments)


def chosen_files(arguments: argparse.Namespace) -> tuple[Path, Path] | None:
    """The two files that the arguments name; None if they name runs."""
    paths = Path(arguments.left), Path(arguments.right)
    missing = [path for path in paths if not path.is_file()]
    if len(missing) == 2 and not any(path.suffix.lower() in READERS for path in missing):
        return None
    if missing:
        raise UsageError(f"{missing[0]}: no such file; two files are compared, or two runs")
    if arguments.scope:
        raise UsageError("--scope is for runs; these are files")
    return paths


def compare_runs(arguments: argparse.Namespace) -> int:
    """Two records of the store."""
    found = list(Store.existing(arguments.store).scan())
    left, right = find(found, arguments.left), find(found, arguments.right)
    for one in (left, right):
        if not one.record.ok:
            raise RunError(
                f"{one.digest[:12]}: this run is {one.record.status} ({one.record.reason}); only runs that are "
                "ok are compared"
            )
    scope = arguments.scope or guess(left.record, right.record)
    result = compare(left, right, scope)
    print("\n".join(lines(result)))
    return {"IDENTICAL": 0, "ROUNDING": 0, "DIFFERENT": 1, "INCOMPARABLE": 1, "ERROR": 4}[result.verdict]


def find(found: Sequence[Stored | Refused], text: str) -> Stored:
    """The one record that a text names; of several attempts at CELL:INDEX the latest. RefusedInput if it is one that
    cannot be trusted."""
    stored = [one for one in found if isinstance(one, Stored)]
    cell, _, index = text.rpartition(":")
    if cell and index.isdigit():
        named = [one for one in stored if one.record.run.cell == cell and one.record.run.index == int(index)]
        if named:
            return max(named, key=lambda one: one.record.started)
    named = [one for one in stored if one.digest.startswith(text)]
    if len(named) == 1:
        return named[0]
    for bad in found if text and not named else ():
        if isinstance(bad, Refused) and bad.name.startswith(text):
            raise RefusedInput(f"record {bad.name[:12]}: {bad.reason}")
    problem = f"{len(named)} records begin so; give more of it" if named else "no such record"
    raise UsageError(f"{text!r}: {problem}; legal: a digest of `bench show --list`, CELL:INDEX, or two files")


def guess(left: Record, right: Record) -> str:
    """The scope that two runs were made for: the first that lets vary all that differs among the chosen keys."""
    for scope in ("run", "control", "backend", "night", "machine"):
        if not comparability.differences(left, right, scope):
            return scope
    return "backend" if left.run.cell != right.run.cell else "run"


def lines(result: Comparison) -> list[str]:
    """A comparison as text."""
    found = [f"{result.verdict}  (scope: {result.scope})"]
    found += [
        f"  {name}: {one.record.run.cell} run {one.record.run.index}, {one.digest[:12]}"
        for name, one in (("A", result.left), ("B", result.right))
    ]
    if result.reason:
        found.append(f"  {result.reason}")
    found += [f"  must match, but does not: {one.sentence()}" for one in result.differences]
    if result.divergence:
        found.append(f"  first divergence: {result.parted()}")
        if result.divergence.left is not None:
            found.append(f"    {result.divergence.left} and {result.divergence.right}")
    if result.measures:
        found.append("  fit  A                   B                   digits")
        found += [
            f"  {number:3}  {one.left:<18.12g}  {one.right:<18.12g}  {digits_text(one.digits)}"
            for number, one in enumerate(result.measures.positions, start=1)
        ]
        for one in result.measures.tensors:
            ulp = "not finite on one side" if one.max_ulp is None else f"at most {one.max_ulp} ULP"
            found.append(f"  {one.name}: {one.differing} of {one.size} elements differ in the worst fit, {ulp}")
    return [*found, *(f"  {remark}" for remark in result.remarks)]
