"""`bench history`: when results changed from campaign to campaign, and what changed with them."""

import argparse

from bench import classes, history, index
from bench.cli import options, refusals
from bench.cli.options import printable
from bench.store import Store

HELP = "when a cell's result changed on a machine, and what else changed that night"
EXAMPLE = "bench history --store team --only 'mlp/tf-cpu/*'"

KEYS = 20


def arguments(parser: argparse.ArgumentParser) -> None:
    options.add_store(parser)
    parser.add_argument(
        "--only", action="append", default=[], metavar="PATTERN", help="subjects that match: cells, or an observation's"
    )
    parser.add_argument("--all", action="store_true", help="also nights whose results stayed the same")
    parser.add_argument(
        "--keys", type=options.positive, default=KEYS, metavar="N", help=f"keys a night (default: {KEYS})"
    )


def command(arguments: argparse.Namespace) -> int:
    found = index.refresh(Store.existing(arguments.store))
    chosen = [one for one in history.changes(found) if classes.meant(one.subject, arguments.only)]
    shown = [one for one in chosen if arguments.all or one.results != "same"]
    for one in shown:
        print(printable(f"{one.subject} on {one.machine}: {one.before} -> {one.after}: {one.results}"))
        lines = history.brief(one.keys)
        for line in lines[: arguments.keys]:
            print(f"  {printable(line)}")
        if len(lines) > arguments.keys:
            print(f"  and {len(lines) - arguments.keys} keys more: --keys {len(lines)}")
        if not lines:
            print("  nothing else that is recorded changed")
        print(f"  bench compare {one.records[0][:12]} {one.records[1][:12]} --store {arguments.store}")
    steady = sum(one.results == "same" for one in chosen)
    print(f"changes of results: {len(chosen) - steady}; of the fingerprint alone: {steady}")
    return refusals.told(found.refused)
