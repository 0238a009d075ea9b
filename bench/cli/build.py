"""`bench build`: the images (or environments) alone."""

import argparse
from collections.abc import Mapping, Sequence

from rich.console import Console

from bench import images, plan, sharing
from bench.cli import executing, options
from bench.cli.progress import Shown
from bench.engine import Engine
from bench.errors import RunError, UsageError
from bench.images import Context
from bench.matrix import Backend

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
    if arguments.emulate and (arguments.push or arguments.sources):
        raise UsageError("--push and --from are about the engine's own images; give them without --emulate")
    matrix = options.read_matrix(arguments)
    runs = plan.plan(matrix, campaign="", only=arguments.only, pool=arguments.pool)
    backends = list({run.backend.name: run.backend for run in runs}.values())
    console = Console(highlight=False)
    executor = executing.executor(arguments, matrix)
    if arguments.sources:
        _take(arguments.sources, _contexts(backends, arguments), console)
    with Shown(console) as shown:
        refused = executor.prepare(backends, shown.build)
    for backend in backends:
        problem = refused.get(backend.name)
        console.print(
            f"{backend.name}: {problem.status}: {problem.reason}" if problem else f"{backend.name}: ready",
            markup=False,
            soft_wrap=True,
        )
    if arguments.push:
        _push(arguments.push, _contexts([one for one in backends if one.name not in refused], arguments), console)
    failed = [one for one in refused.values() if one.status == "unavailable" and "build failed" in one.reason]
    return 3 if failed else 0


def _contexts(backends: Sequence[Backend], arguments: argparse.Namespace) -> dict[str, Context]:
    return {backend.name: images.context(backend.name, arguments.docker_folder) for backend in backends}


def _push(registry: str, contexts: Mapping[str, Context], console: Console) -> None:
    engine = Engine.connect()
    for one in contexts.values():
        reference = sharing.push(engine, one, registry, lambda _line: None)
        console.print(reference, markup=False, soft_wrap=True)  # to be copied: no line break in it


def _take(sources: Sequence[str], contexts: Mapping[str, Context], console: Console) -> None:
    """Images from registries. A reference must be had; a registry may lack some, which are then built."""
    engine = Engine.connect()
    for source in sources:
        if "@" in source:
            taken = sharing.pull(engine, source, contexts).backend
            console.print(f"{taken}: taken from {source}", markup=False, soft_wrap=True)
            continue
        for one in contexts.values():
            try:
                sharing.pull(engine, sharing.remote(source, one), contexts)
                console.print(f"{one.backend}: taken from {source}", markup=False, soft_wrap=True)
            except RunError as error:
                console.print(f"{one.backend}: not taken: {error}", markup=False, soft_wrap=True)
