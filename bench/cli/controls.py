"""`bench controls`: the switches that there are, and what each of them moved in the records of a store."""

import argparse
import sys
from pathlib import Path

from bench import analysis, published, resources
from bench.cli import options
from bench.cli.options import printable
from bench.report import controls
from bench.store import Store

HELP = "the controls that there are, as Markdown; with --store also what each preset moved there"
EXAMPLE = "bench controls --store results -o controls.md"


def arguments(parser: argparse.ArgumentParser) -> None:
    options.add_matrix(parser)
    parser.add_argument("--store", type=Path, metavar="DIR", help="folder of records")
    options.add_campaign(parser)
    parser.add_argument("--only", action="append", default=[], metavar="PATTERN", help="cells whose id matches")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="where (default: standard output)")


def command(arguments: argparse.Namespace) -> int:
    found = None
    if arguments.store is not None:
        matrix = options.read_matrix(arguments)
        stored = Store.existing(arguments.store).scan()
        references = published.load(resources.find("reference") / "published.yaml")
        found = analysis.analyse(stored, matrix, references, campaign=arguments.campaign, only=arguments.only)
    text = controls.document(found)
    if arguments.output is None:
        sys.stdout.write("".join(f"{printable(line)}\n" for line in text.splitlines()))
    else:
        arguments.output.write_text(text, encoding="utf-8")
    return 0
