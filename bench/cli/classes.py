"""`bench classes`: which machines end with the same bits, and which keys of their fingerprints say why."""

import argparse

from bench import classes, explanation, index
from bench.classes import Split
from bench.cli import options, refusals
from bench.cli.options import printable
from bench.store import Store

HELP = "machines with equal results, and the keys that split them; records and observations alike"
EXAMPLE = "bench classes --store team --only 'mlp/jax-cpu/*'"


def arguments(parser: argparse.ArgumentParser) -> None:
    options.add_store(parser)
    parser.add_argument(
        "--only", action="append", default=[], metavar="PATTERN", help="subjects that match: cells, or an observation's"
    )
    parser.add_argument("--split", action="store_true", help="only where results differ")


def command(arguments: argparse.Namespace) -> int:
    found = index.refresh(Store.existing(arguments.store))
    for one in classes.splits(found):
        if classes.meant(one.subject, arguments.only) and (
            not arguments.split or len(one.classes) > 1 or one.unrepeatable
        ):
            print("\n".join(printable(line) for line in lines(one)))
    return refusals.told(found.refused)


def lines(split: Split) -> list[str]:
    """A subject's classes and explanations as text."""
    found = [classes.sentence(split)]
    found += [
        f"  class {number}: {one.runs} runs on {', '.join(one.machines)}; {one.record[:12]}"
        for number, one in enumerate(split.classes, start=1)
    ]
    for one in split.explanations:
        found.append(f"  {one.kind}: {explanation.sentence(one)}")
        for example in one.counterexamples:
            parties = "; ".join(f"at least {len(units)} in class {label + 1}" for label, units in example.units)
            found.append(f"    but {one.keys[0]} = {example.value[:60]}: {parties}")
    return found + [f"  which machines repeat: {explanation.sentence(one)}" for one in split.repeatability]
