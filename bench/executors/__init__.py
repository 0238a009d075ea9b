"""Where runs happen. An executor is one file and one line of `EXECUTORS`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bench.matrix import Backend
from bench.plan import Run
from bench.records import Status

#: What a guest is called with, and what it may have printed last.
TAIL_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class NotReady:
    """A backend that this executor cannot run now, with the status and reason that its runs get."""

    status: Status
    reason: str


@dataclass(frozen=True, kw_only=True)
class Job:
    """The files that a guest is handed: `job.json` and, in the supplied lane, `supplied.bin`."""

    files: Mapping[str, bytes]


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """How one guest ended. `files` is what it left; a record in it speaks for itself, whatever `status` says."""

    status: Status
    reason: str | None
    files: Mapping[str, bytes] = field(repr=False)
    tail: str = field(repr=False)
    facts: Mapping[str, Any]


class Executor(Protocol):
    """Prepares backends, then runs one guest at a time (or several, from several threads)."""

    name: str

    def prepare(self, backends: Sequence[Backend], say: Callable[[str, str], None]) -> Mapping[str, NotReady]:
        """Makes what the backends need (images, environments); those that cannot run, with the reason."""

    def identity(self, backend: Backend) -> str | None:
        """A text that changes whenever a probe of the backend could answer differently; None: always ask."""

    def probe(self, backend: Backend) -> Attempt:
        """Runs the guest's `probe`: its stack and machine in `probe.json`."""

    def warm(self, run: Run, job: Job, labels: Mapping[str, str]) -> Attempt | None:
        """Fills the backend's compile cache for this run; None where there is none to fill."""

    def run(self, run: Run, job: Job, labels: Mapping[str, str]) -> Attempt:
        """One fresh process in a fresh container (or environment)."""

    def sweep(self, labels: Mapping[str, str]) -> list[str]:
        """Removes what an earlier, killed campaign left running; the names of it."""
