"""`bench collect`: records of other machines into a store."""

import argparse
from pathlib import Path

from bench import bundle
from bench.cli import options
from bench.errors import RefusedInput
from bench.store import Store

HELP = "take bundles into a store; what cannot be trusted is named and left out"
EXAMPLE = "bench collect monday.zip tuesday.zip --store team"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundles", nargs="+", type=Path, metavar="FILE", help="a file that `bench export` wrote")
    options.add_store(parser)


def command(arguments: argparse.Namespace) -> int:
    store = Store(arguments.store)
    code = 0
    for path in arguments.bundles:
        try:
            result = bundle.collect(path, store)
        except RefusedInput as error:
            print(f"refused: {error}")
            code = RefusedInput.exit_code
            continue
        print(f"{path}: {result.new} new records, {result.known} known, {len(result.refused)} refused")
        for one in result.refused:
            print(f"  refused {one.name[:40]}: {one.reason}")
            code = RefusedInput.exit_code
    return code
