"""`bench compare`: two runs, in detail."""

import argparse

from bench import comparability
from bench.cli import options
from bench.comparison import Comparison, compare
from bench.errors import RunError, UsageError
from bench.records import Record
from bench.report.page import digits_text
from bench.store import Store, Stored

HELP = "compare two recorded runs: verdict, scores, distances, first divergence"
EXAMPLE = "bench compare 3f2a91 mlp/tf-cpu/keras/native/default:1"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("left", metavar="A", help="a record's digest (or its beginning), or CELL:INDEX")
    parser.add_argument("right", metavar="B")
    parser.add_argument("--scope", choices=tuple(comparability.VARIES), help="what may differ (default: found out)")
    options.add_store(parser)


def command(arguments: argparse.Namespace) -> int:
    stored = [one for one in Store.existing(arguments.store).scan() if isinstance(one, Stored)]
    left, right = find(stored, arguments.left), find(stored, arguments.right)
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


def find(stored: list[Stored], text: str) -> Stored:
    """The one record that a text names; of several attempts at CELL:INDEX the latest."""
    cell, _, index = text.rpartition(":")
    if cell and index.isdigit():
        named = [one for one in stored if one.record.run.cell == cell and one.record.run.index == int(index)]
        if named:
            return max(named, key=lambda one: one.record.started)
    named = [one for one in stored if one.digest.startswith(text)]
    if len(named) == 1:
        return named[0]
    problem = f"{len(named)} records begin so; give more of it" if named else "no such record"
    raise UsageError(f"{text!r}: {problem}; legal: a digest of `bench show --list`, or CELL:INDEX")


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
