"""`bench report`: compares what is in the store; needs no engine and no framework."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bench import analysis, index, published, resources
from bench.cli import options
from bench.errors import worst_exit
from bench.matrix import Matrix
from bench.report import terminal, writing
from bench.store import Store

HELP = "compare the records of a campaign and write report/index.html, report.md and report.json"
EXAMPLE = "bench report --store results -o report"


def arguments(parser: argparse.ArgumentParser) -> None:
    options.add_matrix(parser)
    options.add_store(parser)
    options.add_campaign(parser)
    parser.add_argument("--only", action="append", default=[], metavar="PATTERN", help="cells whose id matches")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("report"), metavar="DIR", help="where (default: report)"
    )


def command(arguments: argparse.Namespace) -> int:
    matrix = options.read_matrix(arguments)
    store = Store.existing(arguments.store)
    return write(store, matrix, campaign=arguments.campaign, folder=arguments.output, only=arguments.only)


def write(store: Store, matrix: Matrix, *, campaign: str | None, folder: Path, only: Sequence[str] = ()) -> int:
    """Writes the report, prints its summary; 1 for a breach of `expect:`, 3 for a refused record."""
    references = published.load(resources.find("reference") / "published.yaml")
    found = analysis.analyse(
        store.scan(), matrix, references, campaign=campaign, only=only, index=lambda: index.refresh(store)
    )
    page = writing.write(found, store.blob, folder)
    console = Console(highlight=False)
    terminal.show(page, console)
    console.print(f"report: {folder / 'index.html'}", soft_wrap=True)
    return worst_exit([1 if found.breaches else 0, 3 if found.refused else 0])
