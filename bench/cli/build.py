"""`bench build`: the images (or environments) alone."""

import argparse

from rich.console import Console

from bench import images, plan, sharing
from bench.cli import executing, options
from bench.cli.progress import Shown
from bench.engine import Engine
from bench.errors import RunError, UsageError
from bench.images import Context

HELP = "build the images of the selected backends; nothing is done for those that are up to date"
EXAMPLE = "bench build --only 'mlp/tf1-cpu/*' --push localhost:5000"


def arguments(parser: argparse.ArgumentParser) -> None:
    options.add_matrix(parser)
    options.add_selection(parser)
    executing.add(parser)
    parser.add_argument("--push", metavar="REGISTRY", help="send the images there and print their references by digest")
    parser.add_argument(
        "--from",
        dest="sources",
        action="append",
        default=[],
        metavar="SOURCE",
        help="take images instead of building them: a reference REGISTRY/keras-repro-bench/BACKEND@sha256:..., or a "
        "REGISTRY that is asked for every selected backend; may be given several times",
    )


def command(arguments: argparse.Namespace) -> int:
    if arguments.executor == "here" and (arguments.push or arguments.sources):
        raise UsageError("--push and --from are about images; `--executor here` has none")
    matrix = options.read_matrix(arguments)
    runs = plan.plan(matrix, campaign="", only=arguments.only, every=arguments.all)
    backends = list({run.backend.name: run.backend for run in runs}.values())
    console = Console(highlight=False)
    executor = executing.executor(arguments, matrix)
    contexts = {backend.name: images.context(backend.name, arguments.docker_folder) for backend in backends}
    for source in arguments.sources:
        _take(source, contexts, console)
    with Shown(console) as shown:
        refused = executor.prepare(backends, shown.build)
    for backend in backends:
        problem = refused.get(backend.name)
        console.print(
            f"{backend.name}: {problem.status}: {problem.reason}" if problem else f"{backend.name}: ready",
            markup=False,
            soft_wrap=True,
        )
        if arguments.push and not problem:
            reference = sharing.push(Engine.connect(), contexts[backend.name], arguments.push, lambda _line: None)
            console.print(reference, markup=False, soft_wrap=True)  # to be copied: no line break in it
    failed = [one for one in refused.values() if one.status == "unavailable" and "build failed" in one.reason]
    return 3 if failed else 0


def _take(source: str, contexts: dict[str, Context], console: Console) -> None:
    """Images from a registry. A reference must be had; a registry may lack some, which are then built."""
    engine = Engine.connect()
    if "@" in source:
        console.print(
            f"{sharing.pull(engine, source, contexts).backend}: taken from {source}", markup=False, soft_wrap=True
        )
        return
    for one in contexts.values():
        try:
            sharing.pull(engine, sharing.remote(source, one), contexts)
            console.print(f"{one.backend}: taken from {source}", markup=False, soft_wrap=True)
        except RunError as error:
            console.print(f"{one.backend}: not taken: {error}", markup=False, soft_wrap=True)
