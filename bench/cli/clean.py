"""`bench clean`: what the project holds in the engine, and its removal."""

import argparse

from bench.engine import Engine

HELP = "list the project's containers, volumes and images; with --yes, remove them"
EXAMPLE = "bench clean --yes"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="remove what is listed")


def command(arguments: argparse.Namespace) -> int:
    found = list(Engine.connect().ours())
    for kind, name, remove in found:
        print(f"{'removing ' if arguments.yes else ''}{kind} {name}")
        if arguments.yes:
            remove()
    if not found:
        print("nothing of this project is in the engine")
    elif not arguments.yes:
        print("records and reports are never touched; `bench clean --yes` removes what is listed")
    return 0
