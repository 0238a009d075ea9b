"""The errors that users meet, each with its exit code.

    BenchError
    ├── UsageError     2  configuration, matrix, cell, options: nothing was run
    ├── RunError       3  no engine, no disk, a build or a run failed
    └── RefusedInput   3  a record or bundle that cannot be trusted

Exit code 1 is no error but an answer (differences beyond `expect:`), 4 is an internal error.
A message says what is wrong, the value seen, the legal values and the next step.
"""

import difflib
from collections.abc import Iterable
from typing import ClassVar

#: Which code wins when several apply: the one that says most about what to look at first.
PRECEDENCE = (4, 2, 3, 1, 0)


class BenchError(Exception):
    """Anything that a user can do something about."""

    exit_code: ClassVar[int] = 4


class UsageError(BenchError):
    """Configuration, matrix, cell or options are not as they must be."""

    exit_code = 2


class RunError(BenchError):
    """What was asked for could not be run."""

    exit_code = 3


class RefusedInput(BenchError):
    """A record or bundle that cannot be trusted; it is named and never half read."""

    exit_code = 3


def sentence(*, path: str, what: str, seen: object, legal: Iterable[str] = ()) -> str:
    """`$.backends.tf: unknown key 'imge'; legal: base, image; did you mean 'image'?`"""
    choices = list(legal)
    text = f"{path}: {what} {seen!r}"
    if choices:
        text += f"; legal: {', '.join(choices)}"
        close = difflib.get_close_matches(str(seen), choices, n=1)
        text += f"; did you mean {close[0]!r}?" if close else ""
    return text


def worst_exit(codes: Iterable[int]) -> int:
    """The exit code that stands for several: 4 before 2 before 3 before 1 before 0."""
    return min(codes, key=PRECEDENCE.index, default=0)
