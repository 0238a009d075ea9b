"""`bench plan`: what would run."""

import argparse

from bench import plan
from bench.cli import options

HELP = "show the cells and runs that a call of `bench run` would make"
EXAMPLE = "bench plan --all --only 'mlp/tf*'"


def arguments(parser: argparse.ArgumentParser) -> None:
    options.add_matrix(parser)
    options.add_selection(parser)


def command(arguments: argparse.Namespace) -> int:
    matrix = options.read_matrix(arguments)
    runs = plan.plan(
        matrix, campaign="", only=arguments.only, pool=arguments.pool, runs=arguments.runs, seeds=arguments.seeds
    )
    counts: dict[str, int] = {}
    for run in runs:
        counts[str(run.cell)] = counts.get(str(run.cell), 0) + 1
    width = max(len(cell) for cell in counts)
    for cell, count in counts.items():
        print(f"{cell:{width}}  {count} run{'s' if count > 1 else ''}")
    print(
        f"{len(counts)} cells, {len(runs)} runs; the whole space has {len(matrix.space())} cells (`bench plan --all`)"
    )
    return 0
