"""`bench run`: builds what is missing, runs what is missing, then reports."""

import argparse
from pathlib import Path

from rich.console import Console

from bench import baseline, campaign, plan, resources
from bench.cli import executing, options, report
from bench.cli.progress import Shown
from bench.errors import worst_exit
from bench.records import Record
from bench.store import Store

HELP = "build what is missing, run what is missing, then report"
EXAMPLE = "bench run --only 'mlp/tf*' --runs 5"


def arguments(parser: argparse.ArgumentParser) -> None:
    options.add_matrix(parser)
    options.add_selection(parser)
    options.add_store(parser)
    options.add_campaign(parser)
    options.add_baseline(parser)
    executing.add(parser)
    parser.add_argument("--machine", metavar="LABEL", help="a label for this machine (default: made from its CPU)")
    parser.add_argument("--jobs", type=options.positive, default=1, metavar="N", help="runs at a time (default: 1)")
    parser.add_argument("--trace", choices=resources.traces(), help="what runs keep (default: as the matrix says)")
    parser.add_argument("--no-build", action="store_true", help="runs without an image are unavailable")
    parser.add_argument("--no-report", action="store_true", help="leave the report to `bench report`")
    parser.add_argument("--report", type=Path, default=Path("report"), metavar="DIR", help="where (default: report)")


def command(arguments: argparse.Namespace) -> int:
    matrix = options.read_matrix(arguments)
    matrix.select(arguments.only, pool=arguments.pool)  # a wrong pattern is told before an engine is looked for
    known = baseline.read(arguments.baseline)
    executor = executing.executor(arguments, matrix, build=not arguments.no_build)
    store = Store(arguments.store)
    name = arguments.campaign or campaign.current(store)
    runs = plan.plan(
        matrix,
        campaign=name,
        only=arguments.only,
        pool=arguments.pool,
        runs=arguments.runs,
        seeds=arguments.seeds,
        trace=arguments.trace,
    )
    console = Console(highlight=False)
    settings = campaign.Settings(machine=arguments.machine, emulation=arguments.emulate, jobs=arguments.jobs)
    with Shown(console) as shown:
        result = campaign.execute(runs, executor=executor, store=store, settings=settings, listener=shown)
    codes = [code(record) for record in result.records]
    if not arguments.no_report:
        codes.append(
            report.write(store, matrix, campaign=name, folder=arguments.report, only=arguments.only, known=known)
        )
    return worst_exit(codes)


def code(record: Record) -> int:
    """Failed and timed-out runs are exit code 3; so is an image that could not be built."""
    if record.status in ("failed", "timeout"):
        return 3
    return 3 if record.status == "unavailable" and "build failed" in (record.reason or "") else 0
