"""The parser of all commands, and the exit code of every ending: parse -> value -> call -> exit code."""

import argparse
import importlib
import sys
from collections.abc import Sequence

from bench import __version__
from bench.errors import BenchError

#: Commands in the order of a user's work; each is a module here with `HELP`, `EXAMPLE`, `arguments`, `command`.
COMMANDS = ("plan", "build", "run", "report", "gate", "bless", "compare", "classes", "controls", "claim", "show",
            "export", "collect", "history", "images", "doctor", "clean")  # fmt: skip

INTERRUPTED = 130
INTERNAL = 4


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    made = argparse.ArgumentParser(
        prog="bench",
        description="Does the same seed give the same bits? Runs seeded Keras trainings in pinned images "
        "and compares every bit of what came out.",
        epilog="exit codes: 0 as declared, 1 differences beyond `expect:`, "
        "2 usage or configuration, 3 a run failed or an input was refused, 4 internal error, 130 interrupted",
    )
    made.add_argument("--version", action="version", version=f"bench {__version__}")
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        module = importlib.import_module(f"bench.cli.{name}")
        one = commands.add_parser(
            name,
            help=module.HELP,
            description=module.HELP[0].upper() + module.HELP[1:] + ".",
            epilog=f"example: {module.EXAMPLE}",
        )
        module.arguments(one)
        one.set_defaults(call=module.command)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; every expected failure is one message on stderr and its exit code."""
    arguments = parser().parse_args(argv)
    try:
        code: int = arguments.call(arguments)
        return code
    except BenchError as error:
        print(f"bench {arguments.command}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(
            f"bench {arguments.command}: interrupted; what was recorded stays, the same call goes on", file=sys.stderr
        )
        return INTERRUPTED
    except Exception as error:
        import traceback

        traceback.print_exc()
        print(
            f"bench {arguments.command}: internal error, please report it: {type(error).__name__}: {error}",
            file=sys.stderr,
        )
        return INTERNAL
