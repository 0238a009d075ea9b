"""What the pair page holds any two records against each other by: their keys, their environments, and the digests of
everything that was observed, in the order in which a run computes it.

Digests become small numbers, equal ones the same: the page is about which are equal. Equal traces are one.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench import comparability, fingerprints
from bench.groups import Group
from bench.records import Repeat, read_array
from bench.report.cells import Names, name_of
from bench.report.environment import Blobs
from bench.store import Stored

#: Traces beyond so many keep the stages of a fit and not its epochs; the page says so.
WHOLE = 2000


@dataclass(frozen=True, kw_only=True)
class RecordView:
    """One record; `keys`, `environment` and `trace` are places in the lists of `Traces`."""

    record: str
    cell: str
    machine: str
    index: int
    keys: int
    environment: int
    trace: int


@dataclass(frozen=True, kw_only=True)
class Traces:
    """`keys` and `environments` are lists of (key, value), `layouts` lists of the names of stages, in order; a trace
    has the place of its layout and, for each fit, the number of each stage's digest."""

    records: tuple[RecordView, ...]
    keys: tuple[tuple[tuple[str, str], ...], ...]
    environments: tuple[tuple[tuple[str, str], ...], ...]
    layouts: tuple[tuple[str, ...], ...]
    traces: tuple[tuple[int, tuple[tuple[int, ...], ...]], ...]
    whole: bool


class _Numbers:
    """Small numbers for values, in the order in which they first come."""

    def __init__(self) -> None:
        self.known: dict[Any, int] = {}

    def __call__(self, value: Any) -> int:
        return self.known.setdefault(value, len(self.known))


def traces(groups: Sequence[Group], blobs: Blobs, names: Names) -> Traces:
    """Of every run of every group."""
    keys, environments, layouts, digests = _Numbers(), _Numbers(), _Numbers(), _Numbers()
    stacks: dict[str, Any] = {}
    rows: list[RecordView] = []
    found: list[tuple[int, tuple[tuple[int, ...], ...]]] = []
    made: dict[tuple[int, tuple[tuple[int, ...], ...]], int] = {}
    whole = sum(len(group.classes) for group in groups) <= WHOLE
    for group in groups:
        for stored in group.runs:
            trace = _trace(stored, layouts, digests, whole=whole)
            if trace not in made:
                made[trace] = len(found)
                found.append(trace)
            rows.append(
                RecordView(
                    record=stored.digest,
                    cell=str(group.cell),
                    machine=name_of(group, names),
                    index=stored.record.run.index,
                    keys=keys(_keys(stored)),
                    environment=environments(_environment(stored, blobs, stacks)),
                    trace=made[trace],
                )
            )
    return Traces(
        records=tuple(rows),
        keys=tuple(keys.known),
        environments=tuple(environments.known),
        layouts=tuple(layouts.known),
        traces=tuple(found),
        whole=whole,
    )


def _keys(stored: Stored) -> tuple[tuple[str, str], ...]:
    """What a comparison depends on, in the order in which it looks; `index` tells apart what is meant to be equal."""
    return tuple((key, value) for key, value in comparability.keys(stored.record).items() if key != "index")


def _environment(stored: Stored, blobs: Blobs, stacks: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    seen = stored.record.fingerprint
    assert seen is not None
    if seen.stack_blob not in stacks:
        try:
            stacks[seen.stack_blob] = json.loads(blobs(seen.stack_blob))
        except ValueError:  # a blob that is damaged or no guest wrote; the report names it
            stacks[seen.stack_blob] = {}
    stack = stacks[seen.stack_blob]
    return tuple(sorted(fingerprints.keys(stored.record, stack if isinstance(stack, dict) else {}).items()))


def _trace(
    stored: Stored, layout: _Numbers, number: _Numbers, *, whole: bool
) -> tuple[int, tuple[tuple[int, ...], ...]]:
    """All fits of a run have the same stages: they are of one job."""
    assert stored.record.outcome is not None
    fits = [_stages(repeat, stored.content, whole=whole) for repeat in stored.record.outcome.repeats]
    names = tuple(name for name, _ in fits[0])
    return layout(names), tuple(tuple(number(digest) for _, digest in fit) for fit in fits)


def _stages(repeat: Repeat, content: bytes, *, whole: bool) -> list[tuple[str, str]]:
    """(stage, digest) in the order of `divergence.first`: the loss of an epoch is computed before its last update."""
    found = [(f"init: {array.name}", array.sha256) for array in repeat.initial_weights]
    losses = read_array(repeat.losses, content)
    name, weights = _epochs(repeat, content)
    if whole:
        for epoch in range(1, len(losses) + 1):
            found.append((f"loss of epoch {epoch}", losses[epoch - 1].tobytes().hex()))
            if weights:
                found.append((f"{name} {epoch}", weights[epoch - 1]))
    else:
        found.append(("losses", repeat.losses.sha256))
    found += [(f"final weights: {array.name}", array.sha256) for array in repeat.final_weights]
    return [*found, ("predictions", repeat.predictions.sha256), ("score", repeat.score)]


def _epochs(repeat: Repeat, content: bytes) -> tuple[str, list[str]]:
    """What was kept of all weights after each epoch, a digest each, and its name: those that the guest took are not the
    digests of the bytes that are hashed here, so that only stages of one name may be compared."""
    if repeat.epoch_digests is not None or repeat.trajectory is None:
        return "digest of the weights after epoch", list(repeat.epoch_digests or ())
    arrays = [read_array(array, content) for array in repeat.trajectory]
    count = arrays[0].shape[0] if arrays else 0
    parts = [b"".join(array[epoch].tobytes() for array in arrays) for epoch in range(count)]
    return "weights after epoch", [hashlib.sha256(part).hexdigest() for part in parts]
