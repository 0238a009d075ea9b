"""`bench build`: the images (or environments) alone."""

import argparse

from rich.console import Console

from bench import plan
from bench.cli import executing, options
from bench.cli.progress import Shown

HELP = "build the images of the selected backends; nothing is done for those that are up to date"
EXAMPLE = "bench build --only 'mlp/tf1-cpu/*'"


def arguments(parser: argparse.ArgumentParser) -> None:
    options.add_matrix(parser)
    options.add_selection(parser)
    executing.add(parser)


def command(arguments: argparse.Namespace) -> int:
    matrix = options.read_matrix(arguments)
    runs = plan.plan(matrix, campaign="", only=arguments.only, every=arguments.all)
    backends = list({run.backend.name: run.backend for run in runs}.values())
    console = Console(highlight=False)
    executor = executing.executor(arguments, matrix)
    with Shown(console) as shown:
        refused = executor.prepare(backends, shown.build)
    for backend in backends:
        problem = refused.get(backend.name)
        console.print(
            f"{backend.name}: {problem.status}: {problem.reason}" if problem else f"{backend.name}: ready", markup=False
        )
    failed = [one for one in refused.values() if one.status == "unavailable" and "build failed" in one.reason]
    return 3 if failed else 0
