"""`bench images`: what the images are; and to and from files."""

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import images, inventory, sharing
from bench.cli import options
from bench.engine import Engine
from bench.errors import UsageError, sentence
from bench.images import Context

HELP = "list the images; save them to files, load them on another machine"
EXAMPLE = "bench images save theano-cpu --folder /media/stick"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action", nargs="?", choices=("list", "save", "load"), default="list", help="what to do (default: list)"
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="backends to list or save (default: all), or files")
    parser.add_argument(
        "--folder", type=Path, default=Path("images"), metavar="DIR", help="of `save` (default: images)"
    )
    options.add_matrix(parser)
    parser.add_argument("--docker-folder", type=Path, metavar="DIR", help="another folder of backends than docker/")


def command(arguments: argparse.Namespace) -> int:
    contexts = {name: images.context(name, arguments.docker_folder) for name in options.read_matrix(arguments).backends}
    if arguments.action == "load":
        return _load(arguments, contexts)
    for name in arguments.names:
        if name not in contexts:
            raise UsageError(sentence(path="bench images", what="unknown backend", seen=name, legal=contexts))
    chosen = [one for name, one in contexts.items() if not arguments.names or name in arguments.names]
    engine = Engine.connect()
    if arguments.action == "save":
        for one in chosen:
            if arguments.names or engine.image(one.tag):
                path = sharing.save(engine, one, arguments.folder)
                print(f"{path}: {path.stat().st_size / 1e6:.0f} MB")
        return 0
    _list(inventory.entries(engine, chosen, options.cache_folder()))
    return 0


def _load(arguments: argparse.Namespace, contexts: dict[str, Context]) -> int:
    if not arguments.names:
        raise UsageError("bench images load: no file; give those that `bench images save` wrote")
    for name in arguments.names:
        if not Path(name).is_file():
            raise UsageError(f"{name}: no such file; give those that `bench images save` wrote")
    engine = Engine.connect()
    for name in arguments.names:
        for one in sharing.load(engine, Path(name), contexts):
            print(f"{one.backend}: {one.tag}, from {name}")
    return 0


def _list(entries: list[tuple[Context, inventory.Entry | None]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("backend", "stack", "MB", "Python", "framework", "base"):
        table.add_column(name, justify="right" if name == "MB" else "left", overflow="fold")
    for one, entry in entries:
        if entry is None:
            table.add_row(one.backend, "not built", "", "", "", one.base)
        else:
            size, frameworks = f"{entry.size / 1e6:.0f}", ", ".join(entry.frameworks)
            table.add_row(entry.backend, entry.stack[:12], size, entry.python, frameworks, entry.base)
    Console(highlight=False).print(table, markup=False)
