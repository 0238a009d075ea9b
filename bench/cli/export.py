"""`bench export`: records in one file."""

import argparse
from pathlib import Path

from bench import bundle
from bench.cell import Cell
from bench.cli import options
from bench.errors import UsageError
from bench.store import Store, Stored

HELP = "put the records of a store into one file that another machine can collect"
EXAMPLE = "bench export -o monday.zip --campaign 2026-11-23"


def arguments(parser: argparse.ArgumentParser) -> None:
    options.add_store(parser)
    options.add_campaign(parser)
    parser.add_argument("--only", action="append", default=[], metavar="PATTERN", help="cells whose id matches")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("bundle.zip"), metavar="FILE", help="(default: bundle.zip)"
    )


def command(arguments: argparse.Namespace) -> int:
    store = Store.existing(arguments.store)
    found = list(store.scan())
    chosen = [
        one
        for one in found
        if isinstance(one, Stored)
        and (arguments.campaign is None or one.record.run.campaign == arguments.campaign)
        and (not arguments.only or any(Cell.parse(one.record.run.cell).matches(only) for only in arguments.only))
    ]
    if not chosen:
        raise UsageError(f"{arguments.store}: no record is selected; `bench show --list` lists them")
    count = bundle.export(chosen, store, arguments.output)
    print(f"{arguments.output}: {count} records, {arguments.output.stat().st_size} bytes")
    return 0
