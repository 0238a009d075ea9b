"""`bench doctor`: whether this machine can do the work, and what to do if not."""

import argparse
import shutil
from collections.abc import Iterator
from pathlib import Path

from bench import emulators, images, matrix, resources
from bench.engine import Engine
from bench.errors import RunError
from bench.executors.here import find_python

HELP = "say whether engine, disk, base images, registry and GPU runtime are there, and what to do if not"
EXAMPLE = "bench doctor"


def arguments(parser: argparse.ArgumentParser) -> None:
    pass


def command(arguments: argparse.Namespace) -> int:
    """Exit code 3 if containers cannot run here at all; the rest is advice."""
    shipped = matrix.load(resources.find("matrix.yaml"))
    try:
        engine = Engine.connect()
    except RunError as error:
        print(f"engine     no: {error}")
        print("\n".join(_pythons(sorted({backend.python for backend in shipped.backends.values()}))))
        return error.exit_code
    print(
        f"engine     {engine.info.get('Name') and 'answers'}: {engine.info.get('ServerVersion')}, "
        f"{engine.info.get('NCPU')} CPUs, {int(engine.info.get('MemTotal', 0)) // 2**20} MiB"
    )
    print("\n".join(_disk(engine)))
    for name in shipped.backends:
        context = images.context(name)
        base = engine.image(context.base)
        state = "ready" if engine.image(context.tag) else "not built; `bench build` does it"
        print(
            f"image      {name}: {state}; base {context.base}: "
            + ("there" if base else "not there; pulled when a registry answers, else made by scripts/base-images")
        )
    bases = sorted({images.context(name).base for name in shipped.backends})
    refusal = engine.gpu_refusal(next((base for base in bases if engine.image(base)), bases[0]))
    print(f"gpu        {f'no: {refusal}; GPU cells will be `unavailable`' if refusal else 'yes'}")
    print(f"registry   {'answers' if engine.registry_answers() else 'does not answer; scripts/base-images needs none'}")
    print("\n".join(_pythons(sorted({backend.python for backend in shipped.backends.values()}))))
    there = shutil.which(emulators.program("x86_64"))
    print(f"emulator   {'found' if there else 'not found; scripts/emulator installs it'} (only `--emulate` needs it)")
    return 0


def _disk(engine: Engine) -> Iterator[str]:
    root = Path(str(engine.info.get("DockerRootDir") or "/nonexistent"))
    if engine.is_local and root.is_dir():
        yield f"disk       {shutil.disk_usage(root).free // 2**20} MiB free where the engine keeps images"
    else:
        yield "disk       the engine is remote; its disk cannot be seen from here"


def _pythons(versions: list[str]) -> Iterator[str]:
    """Interpreters for the `here` executor."""
    for version in versions:
        found = "found" if find_python(version) else "not found"
        yield f"python     {version}: {found} (only `--executor here` needs it)"
