"""The options that choose an executor, and the executor that they name."""

import argparse
from pathlib import Path

from bench import emulators
from bench.cli import options
from bench.emulators import Emulator
from bench.errors import UsageError, sentence
from bench.executors import Executor
from bench.matrix import Matrix
from bench.matrix.file import EmulatorEntry


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--executor",
        choices=("docker", "here"),
        default="docker",
        help="where runs happen: containers, or environments on this host (default: docker)",
    )
    parser.add_argument(
        "--interpreter",
        type=Path,
        metavar="PATH",
        help="with `--executor here`: a Python that has the framework already",
    )
    parser.add_argument(
        "--wheels", type=Path, metavar="DIR", help="wheels that no index keeps, such as PyTorch's builds for CPUs"
    )
    parser.add_argument(
        "--emulate", metavar="NAME", help="compute as another machine, as `emulations` of the matrix defines it"
    )
    parser.add_argument("--docker-folder", type=Path, metavar="DIR", help="another folder of backends than docker/")


def executor(arguments: argparse.Namespace, matrix: Matrix, *, build: bool = True) -> Executor:
    """The executor that the command line asks for; RunError if there is no engine for it."""
    if arguments.wheels is not None and not arguments.wheels.is_dir():
        raise UsageError(f"--wheels {arguments.wheels}: no such folder; give the folder that has the wheel files")
    variables, emulator = _emulation(arguments.emulate, matrix)
    if arguments.executor == "here":
        from bench.executors.here import HereExecutor

        if arguments.interpreter is not None and not arguments.interpreter.is_file():
            raise UsageError(
                f"--interpreter {arguments.interpreter}: no such file; give the path of a python executable"
            )
        return HereExecutor(
            limits=matrix.limits,
            folder=options.cache_folder(),
            interpreter=arguments.interpreter,
            docker_folder=arguments.docker_folder,
            wheels=arguments.wheels,
            variables=variables,
            emulator=emulator,
        )
    if arguments.interpreter is not None:
        raise UsageError("--interpreter goes with `--executor here`; containers have an interpreter of their own")
    from bench.engine import Engine
    from bench.executors.docker import DockerExecutor

    return DockerExecutor(
        Engine.connect(),
        limits=matrix.limits,
        docker_folder=arguments.docker_folder,
        wheels=arguments.wheels,
        build=build,
        variables=variables,
        emulator=emulator,
    )


def _emulation(name: str | None, matrix: Matrix) -> tuple[dict[str, str], Emulator | None]:
    """The variables of an emulation by caps, with its name for the guest to record, or its emulator; neither if none is
    asked for."""
    if name is None:
        return {}, None
    known = matrix.file.emulations
    if name not in known:
        raise UsageError(sentence(path="--emulate", what="unknown emulation", seen=name, legal=known))
    entry = known[name]
    if isinstance(entry, EmulatorEntry):
        return {}, emulators.find(name, cpu=entry.qemu, slower=entry.slower)
    return {**entry, emulators.NAME: name}, None
