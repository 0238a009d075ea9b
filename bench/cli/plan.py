"""`bench plan`: what would run, for people or as the jobs of a nightly."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import pipeline, plan
from bench.cli import options
from bench.errors import UsageError
from bench.matrix import Matrix
from bench.plan import Run

HELP = "show the cells and runs that a call of `bench run` would make; or its jobs, for GitHub or GitLab"
EXAMPLE = "bench plan --all --only 'mlp/tf*'"

FORMATS = {"github": pipeline.github, "gitlab": pipeline.gitlab}


def arguments(parser: argparse.ArgumentParser) -> None:
    options.add_matrix(parser)
    options.add_selection(parser)
    parser.add_argument(
        "--format",
        choices=("text", *FORMATS),
        default="text",
        help="text, a job matrix for GitHub, or a child pipeline for GitLab (docs/nightly.md; default: text)",
    )
    parser.add_argument(
        "--runner",
        action="append",
        default=[],
        metavar="NAME",
        help="jobs for this one of `runners` of the matrix (default: all); may be given several times",
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="where jobs go (default: standard output)")


def command(arguments: argparse.Namespace) -> int:
    matrix = options.read_matrix(arguments)
    runs = plan.plan(
        matrix, campaign="", only=arguments.only, pool=arguments.pool, runs=arguments.runs, seeds=arguments.seeds
    )
    if arguments.format == "text":
        if arguments.runner or arguments.output:
            raise UsageError(
                "--runner and --output are about jobs: give them with `--format github` or `--format gitlab`"
            )
        _tell(matrix, runs)
        return 0
    made = pipeline.pipeline(matrix, runs, pool=arguments.pool, options=_options(arguments), names=arguments.runner)
    text = FORMATS[arguments.format](made.jobs).rstrip("\n") + "\n"
    if arguments.output is None:
        sys.stdout.write(text)
    else:
        arguments.output.write_text(text, encoding="utf-8")
    if made.left_out:
        print(
            f"bench plan: no job for {', '.join(made.left_out)}: no chosen runner has the accelerator", file=sys.stderr
        )
    return 0


def _options(arguments: argparse.Namespace) -> list[str]:
    """What every job's `bench run` must be told beside its cells, so that it makes the runs that were planned."""
    found = {"default": [], "space": ["--all"], "all_workloads": ["--all-workloads"]}[arguments.pool]
    found = [*found, *(["--runs", str(arguments.runs)] if arguments.runs else [])]
    found += ["--seeds", *map(str, arguments.seeds)] if arguments.seeds else []
    return [*found, *(["--matrix", str(arguments.matrix)] if arguments.matrix else [])]


def _tell(matrix: Matrix, runs: Sequence[Run]) -> None:
    counts: dict[str, int] = {}
    for run in runs:
        counts[str(run.cell)] = counts.get(str(run.cell), 0) + 1
    width = max(len(cell) for cell in counts)
    for cell, count in counts.items():
        print(f"{cell:{width}}  {count} run{'s' if count > 1 else ''}")
    print(
        f"{len(counts)} cells, {len(runs)} runs; the whole space has {len(matrix.space())} cells (`bench plan --all`)"
    )
