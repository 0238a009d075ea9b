"""The one module that starts other programs on this host."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import RunError


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A program that ended; `exit_code` is negative for a signal and None when its time was up."""

    exit_code: int | None
    output: bytes
    pid: int


def run(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    seconds: float | None = None,
) -> Finished:
    """Runs a program in its own process group; on a timeout or Ctrl-C the whole group is killed."""
    words = [str(word) for word in command]
    try:
        started = subprocess.Popen(
            words,
            cwd=folder,
            env=None if environment is None else dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise RunError(f"{words[0]}: cannot be started: {error.strerror}") from None
    try:
        output, _ = started.communicate(timeout=seconds)
        return Finished(exit_code=started.returncode, output=output, pid=started.pid)
    except subprocess.TimeoutExpired:
        _kill_group(started)
        output, _ = started.communicate()
        return Finished(exit_code=None, output=output, pid=started.pid)
    except BaseException:
        _kill_group(started)
        started.wait()
        raise


def check(
    command: Sequence[str | Path],
    *,
    purpose: str,
    environment: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> bytes:
    """Output of a program that must succeed; RunError says what it was for and how it ended."""
    finished = run(command, environment=environment, seconds=seconds)
    if finished.exit_code != 0:
        tail = "\n  ".join(finished.output.decode("utf-8", "replace").strip().splitlines()[-12:])
        ended = "took too long" if finished.exit_code is None else f"ended with {finished.exit_code}"
        raise RunError(f"{purpose}: `{' '.join(str(word) for word in command)}` {ended}:\n  {tail}")
    return finished.output


def _kill_group(started: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(started.pid, signal.SIGKILL)
