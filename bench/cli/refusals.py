"""What could not be trusted, as every command that reads a store names it."""

from collections.abc import Iterable

from bench.cli.options import printable
from bench.errors import RefusedInput
from bench.store import Refused


def told(refused: Iterable[Refused]) -> int:
    """Prints a line for each; the exit code that they make: 3, or 0 where there is none."""
    code = 0
    for one in refused:
        print(f"refused: {one.kind} {printable(one.name)[:12]}: {printable(one.reason)}")
        code = RefusedInput.exit_code
    return code
