"""`bench collect`: records and observations of other machines into a store."""

import argparse
from collections.abc import Callable

from bench import machines, sources
from bench.cli import options
from bench.cli.options import printable
from bench.collector import Collected
from bench.errors import BenchError, RefusedInput, UsageError, worst_exit
from bench.store import Store

HELP = "take records of other machines, or observations of other tools, into a store"
EXAMPLE = "bench collect monday.zip s3://team/nightly sftp://box/srv/results --store team"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "sources",
        nargs="*",
        metavar="SOURCE",
        help="a file that `bench export` wrote, a folder of such, or a store's folder; a path or a URL (sftp://, s3://)",
    )
    parser.add_argument(
        "--observations",
        action="append",
        default=[],
        metavar="FILE",
        help="results of another tool as JSON Lines (docs/import.md); a path or a URL; may be given several times",
    )
    options.add_store(parser)


def command(arguments: argparse.Namespace) -> int:
    if not arguments.sources and not arguments.observations:
        raise UsageError("nothing to collect; give a SOURCE or `--observations FILE`")
    store = Store(arguments.store)
    codes = [
        _tell(name, result, _counts) for source in arguments.sources for name, result in sources.collect(source, store)
    ]
    codes += [_tell(*sources.observe(source, store), _observed) for source in arguments.observations]
    for note in machines.notes(machines.seen(store)):
        print(f"note: {printable(note)}")
    return worst_exit(codes)


def _tell(name: str, result: Collected | BenchError, counts: Callable[[Collected], str]) -> int:
    """Prints what became of one bundle, store or file; its exit code."""
    if isinstance(result, BenchError):
        print(f"refused: {printable(name)}: {printable(str(result))}")
        return result.exit_code
    print(f"{printable(name)}: {counts(result)}, {len(result.refused)} refused")
    for one in result.refused:
        print(f"  refused {printable(one.name)[:64]}: {printable(one.reason)}")
    return RefusedInput.exit_code if result.refused else 0


def _counts(result: Collected) -> str:
    """Records, and observations where there are any."""
    records = f"{result.new} new records, {result.known} known"
    return f"{records}, {_observed(result)}" if result.new_observations or result.known_observations else records


def _observed(result: Collected) -> str:
    return f"{result.new_observations} new observations, {result.known_observations} known"
