"""The baseline: which results were declared to be right, on which stack and machine class, when and why.

One JSON file, sorted, for version control: a change of it is a change that somebody made. Results are digests, never
numbers, so that nothing in it can be rounded.

Schema history
  1  first (2026-12).
"""

import datetime as dt
import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from bench import index, records
from bench.errors import RefusedInput
from bench.records import Digest, Value
from bench.store import Stored

SCHEMA = 1
Count = Annotated[int, Field(ge=1)]


class Class(Value):
    """One result: its digest, that of the weights on the way (None where not all were kept), and how many runs had it;
    `record` is one of them."""

    result: Digest
    way: Digest | None
    runs: Count
    record: Digest

    def same(self, other: "Class") -> bool:
        """Whether two are one result, as far as both sides know the way."""
        return self.result == other.result and (None in (self.way, other.way) or self.way == other.way)


class Entry(Value):
    """The classes of one subject (cell, seeds and what was trained) on one stack and machine class."""

    subject: Annotated[str, Field(pattern=r"^[^ ]+ seeds [^ ]+ [0-9a-f]{12}$")]
    stack: Digest
    hardware: Digest
    machines: tuple[str, ...]
    campaign: str
    classes: Annotated[tuple[Class, ...], Field(min_length=1)]
    blessed: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    reason: Annotated[str, Field(min_length=1)]

    @property
    def key(self) -> tuple[str, str, str]:
        return self.subject, self.stack, self.hardware

    @property
    def runs(self) -> int:
        return sum(one.runs for one in self.classes)


class Baseline(Value):
    schema_: Literal[1] = Field(alias="schema", default=1)
    entries: tuple[Entry, ...] = ()

    def to_json(self) -> bytes:
        """Sorted and indented: the same entries give the same bytes, and a change is a small one."""
        value = self.model_dump(mode="json", by_alias=True)
        return (json.dumps(value, allow_nan=False, sort_keys=True, indent=1) + "\n").encode()


def from_json(content: bytes) -> Baseline:
    """A baseline from its bytes; RefusedInput says what is wrong with them."""
    raw = records.load_json(content)
    schema = raw.get("schema") if isinstance(raw, dict) else None
    if type(schema) is not int or schema != SCHEMA:
        raise RefusedInput(f"schema {schema!r}; this bench reads {SCHEMA}: a newer bench wrote it, or no bench")
    try:
        found = Baseline.model_validate_json(json.dumps(raw))
    except ValidationError as error:
        raise RefusedInput(records.problem(error)) from None
    twice = [key for key, count in Counter(one.key for one in found.entries).items() if count > 1]
    if twice:
        subject, stack, hardware = twice[0]
        raise RefusedInput(f"two entries for {subject}, stack {stack[:12]}, hardware {hardware[:12]}; keep one of them")
    return found


def read(path: Path) -> Baseline | None:
    """The baseline of a file, None if there is no such file. RefusedInput if it is damaged."""
    try:
        return from_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RefusedInput(f"{path}: {error.strerror}") from None
    except RefusedInput as error:
        raise RefusedInput(f"{path}: {error}; restore it, or make it anew with `bench bless`") from None


def write(path: Path, baseline: Baseline) -> None:
    """Writes the file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(baseline.to_json())
    os.replace(temporary, path)  # noqa: PTH105 (as everywhere: over what is there)


def classes(runs: Iterable[Stored]) -> tuple[Class, ...]:
    """Classes of ok runs that are meant to be the same, sorted by their digests. A run that did not keep the weights on
    the way is with the first of its result that did: it splits no class, and joins none either."""
    found: dict[tuple[str, str | None], list[str]] = {}
    outcomes = [(one.digest, one.record.outcome) for one in runs]
    ways = [index.way(outcome) for _, outcome in outcomes if outcome]
    known: dict[str, str] = {}
    for (_, outcome), way in zip(outcomes, ways, strict=True):
        if way:
            known.setdefault(str(outcome and outcome.result_digest), way)
    # Those that kept their way first, so that a class is known by a record of such a run.
    for (digest, outcome), way in sorted(zip(outcomes, ways, strict=True), key=lambda one: not one[1]):
        result = str(outcome and outcome.result_digest)
        found.setdefault((result, way or known.get(result)), []).append(digest)
    return tuple(
        Class(result=result, way=way, runs=len(digests), record=digests[0])
        for (result, way), digests in sorted(found.items(), key=lambda item: (item[0][0], item[0][1] or ""))
    )


def entries(runs: Iterable[Stored], *, when: dt.date, why: str) -> tuple[Entry, ...]:
    """Entries of the ok runs of a campaign, sorted."""
    found: dict[tuple[str, str, str], list[Stored]] = {}
    for one in runs:
        run = one.record.run
        if run.machine.hardware is None:
            continue  # of no machine class: nothing could be held against it
        key = index.subject(one.record), str(run.stack), str(run.machine.hardware)
        found.setdefault(key, []).append(one)
    return tuple(
        Entry(
            subject=subject,
            stack=stack,
            hardware=hardware,
            machines=tuple(sorted({one.record.run.machine.label for one in some})),
            campaign=some[0].record.run.campaign,
            classes=classes(some),
            blessed=when.isoformat(),
            reason=why,
        )
        for (subject, stack, hardware), some in sorted(found.items())
    )


def merged(known: Baseline | None, new: Sequence[Entry]) -> Baseline:
    """A baseline in which new entries replace those that speak of the same; all others stay."""
    kept = {one.key: one for one in (known.entries if known else ())} | {one.key: one for one in new}
    return Baseline(entries=tuple(kept[key] for key in sorted(kept)))
