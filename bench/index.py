"""One row a result, beside the records and observations: what puts a million of them into classes without reading them
again.

    index/runs-<schema>-<digest>.parquet    a row a run: COLUMNS
    index/keys-<schema>-<digest>.parquet    environment, key, value: the fingerprints that those runs had, each once

Derived: it may be deleted at any time, and is then made anew from the records. A part is named by the digest of the
records that it covers, so the same records are never in it twice; parts of another schema are made anew.

Schema history
  1  first (2026-11); the names of its parts have no schema.
  2  what is refused is not in it: it is read again, since it may have been mended.
"""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import comparability, fingerprints
from bench.comparability import VARIES
from bench.digests import lines_digest
from bench.errors import RefusedInput
from bench.records import Outcome, Record
from bench.store import Refused, Store, Stored, StoredObservation

if TYPE_CHECKING:
    import pandas as pd

#: Grows with COLUMNS, and with the form of anything that a row or a key has (a test holds both against it).
SCHEMA = 2

#: `subject` is what was computed, `result` the digest of what came out, `way` that of the weights on the way (empty
#: where not all were kept), `environment` the digest of the fingerprint's keys.
COLUMNS = ("record", "subject", "result", "way", "machine", "hardware", "stack", "campaign", "index", "started",
           "environment")  # fmt: skip

#: What is not part of a subject: who computed it, and when.
WHO = VARIES["machine"] | frozenset({"stack", "campaign"})

#: Smaller parts than this many rows are put together once there are so many of them.
SMALL_ROWS, SMALL_PARTS = 10_000, 32


@dataclass(frozen=True, kw_only=True)
class Index:
    """`runs` has COLUMNS; `environments` gives the keys of each environment that they name; `refused` could not be
    trusted when the index was brought up to date. What was covered before is not looked at again."""

    runs: "pd.DataFrame"
    environments: Mapping[str, Mapping[str, str]]
    refused: tuple[Refused, ...] = ()


#: A row of COLUMNS, and the keys of its environment.
Row = tuple[dict[str, object], dict[str, str]]


def row(stored: Stored, stack: Mapping[str, Any]) -> tuple[dict[str, object], dict[str, str]]:
    """The row of a run that is ok, and its fingerprint's keys."""
    record = stored.record
    outcome = record.outcome
    assert outcome is not None
    keys = fingerprints.keys(record, stack)
    run = record.run
    return {
        "record": stored.digest,
        "subject": subject(record),
        "result": str(outcome.result_digest),
        "way": way(outcome),
        "machine": run.machine.label,
        "hardware": str(run.machine.hardware),
        "stack": str(run.stack),
        "campaign": run.campaign,
        "index": run.index,
        "started": record.started,
        "environment": _environment(keys),
    }, keys


def way(outcome: Outcome) -> str:
    """The digest of the weights after every epoch of every fit; empty where not all were kept."""
    ways = [repeat.path() for repeat in outcome.repeats]
    return "" if None in ways else lines_digest(" ".join(one or ()) for one in ways)


def subject(record: Record) -> str:
    """`<cell> seeds 1/2/1 <digest>`: what was computed. Runs of one subject are comparable, whoever computed them."""
    keys = comparability.keys(record)
    digest = lines_digest(f"{key}={value}" for key, value in sorted(keys.items()) if key not in WHO)
    seeds = "/".join(str(record.run.seeds.get(name)) for name in ("numpy", "backend", "keras"))
    return f"{record.run.cell} seeds {seeds} {digest[:12]}"


def refresh(store: Store, read_before: Iterable[Stored | StoredObservation | Refused] = ()) -> Index:
    """The index of a store, brought up to date: only what it does not cover is read, and nothing of `read_before`."""
    there = {*store.names(), *store.observation_names()}
    found = read(store.folder)
    if set(found.runs["record"]) - there:  # somebody removed records: what is derived from them goes too
        _remove(_folder(store.folder).glob("*.parquet"))
        found = read(store.folder)
    new = there - set(found.runs["record"])
    if not new:
        return found
    reading = _Reading(store)
    for one in _unread(store, new, read_before):
        reading.add(one)
    part = _part(reading.rows)
    if reading.rows:
        _remove(set(_folder(store.folder).glob("*.parquet")) - set(_parts(store.folder, "*")))
        write(store.folder, part.runs, part.environments)
    return dataclasses.replace(_joined([found, part]), refused=tuple(reading.refused))


def _unread(
    store: Store, names: AbstractSet[str], read_before: Iterable[Stored | StoredObservation | Refused]
) -> Iterator[Stored | StoredObservation | Refused]:
    """Records and observations of these names, from the store unless they were read before."""
    rest = set(names)
    for one in read_before:
        name = one.name if isinstance(one, Refused) else one.digest
        if name in rest:
            rest.remove(name)
            yield one
    yield from store.scan(sorted(rest.intersection(store.names())))
    yield from store.observations(sorted(rest.intersection(store.observation_names())))


class _Reading:
    """Rows of what is read; stacks are read once each."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.rows: list[Row] = []
        self.refused: list[Refused] = []
        self.stacks: dict[str, dict[str, Any]] = {}

    def add(self, one: Stored | StoredObservation | Refused) -> None:
        if isinstance(one, Refused):
            self.refused.append(one)
        elif isinstance(one, StoredObservation):
            self.rows.append(_observed(one))
        elif one.record.ok and one.record.fingerprint is not None:
            self.rows.append(row(one, self._stack(one.record.fingerprint.stack_blob)))
        else:  # it has no class; it is listed so that it is not read again
            self.rows.append((dict.fromkeys(COLUMNS, "") | {"record": one.digest, "index": -1}, {}))

    def _stack(self, blob: str) -> dict[str, Any]:
        """A stack's blob; one that is missing leaves its packages unknown, and the run in its class all the same."""
        if blob not in self.stacks:
            try:
                found = json.loads(self.store.blob(blob))
            except (RefusedInput, ValueError):
                found = {}
            self.stacks[blob] = found if isinstance(found, dict) else {}
        return self.stacks[blob]


def _observed(one: StoredObservation) -> Row:
    """The row of an observation: what another tool computed is held against its like in the same way."""
    observation = one.observation
    keys = dict(observation.fingerprint)
    environment = _environment(keys)
    return {
        "record": one.digest,
        "subject": observation.subject,
        "result": observation.digest,
        "way": "",
        "machine": observation.machine.label or f"machine {environment[:8]}",
        "hardware": environment,
        "stack": "",
        "campaign": observation.run or "",
        "index": observation.index or 0,
        "started": "",
        "environment": environment,
    }, keys


def _environment(keys: Mapping[str, str]) -> str:
    return lines_digest(f"{key}={value}" for key, value in sorted(keys.items()))


def _part(rows: Iterable[Row]) -> Index:
    """An index of some rows."""
    import pandas as pd

    environments: dict[str, dict[str, str]] = {}
    runs = []
    for run, keys in rows:
        runs.append(run)
        if run["environment"]:
            environments.setdefault(str(run["environment"]), keys)
    return Index(runs=pd.DataFrame(runs, columns=list(COLUMNS)), environments=environments)


def write(folder: Path, runs: "pd.DataFrame", environments: Mapping[str, Mapping[str, str]]) -> None:
    """Writes a part, whole or not at all; puts small parts together when there are many."""
    _write_part(folder, runs, environments)
    small = [path for path in _parts(folder, "runs") if _length(path) < SMALL_ROWS]
    if len(small) >= SMALL_PARTS:
        joined = _read_parts(small)
        _write_part(folder, joined.runs, joined.environments)
        for path in small:
            _keys_path(path).unlink(missing_ok=True)
            path.unlink()


def _write_part(folder: Path, runs: "pd.DataFrame", environments: Mapping[str, Mapping[str, str]]) -> None:
    import pandas as pd

    target = _folder(folder)
    target.mkdir(exist_ok=True)
    name = lines_digest(sorted(runs["record"]))[:32]
    keys = pd.DataFrame(
        [(one, key, value) for one, found in environments.items() for key, value in found.items()],
        columns=["environment", "key", "value"],
    )
    for kind, frame in (("keys", keys), ("runs", runs)):  # the runs last: they are what makes a part
        temporary = target / f".{kind}-{name}"
        frame.to_parquet(temporary, index=False, compression="zstd")
        temporary.rename(target / f"{kind}-{SCHEMA}-{name}.parquet")


def read(folder: Path) -> Index:
    """The index as it is; empty where there is none."""
    return _read_parts(_parts(folder, "runs"))


def _parts(folder: Path, kind: str) -> list[Path]:
    """Files of this schema: `runs`, `keys`, or `*` for both."""
    return sorted(_folder(folder).glob(f"{kind}-{SCHEMA}-*.parquet"))


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _read_parts(paths: list[Path]) -> Index:
    import pandas as pd

    parts = []
    for path in paths:
        keys = pd.read_parquet(_keys_path(path))
        environments: dict[str, dict[str, str]] = {}
        for environment, key, value in zip(keys["environment"], keys["key"], keys["value"], strict=True):
            environments.setdefault(environment, {})[key] = value
        parts.append(Index(runs=pd.read_parquet(path), environments=environments))
    return _joined(parts)


def _joined(parts: list[Index]) -> Index:
    """Parts as one; a record that several of them cover counts once."""
    import pandas as pd

    frames = [part.runs for part in parts if len(part.runs)]
    runs = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(COLUMNS))
    environments = {name: keys for part in parts for name, keys in part.environments.items()}
    return Index(runs=runs.drop_duplicates("record", ignore_index=True), environments=environments)


def _length(path: Path) -> int:
    import pyarrow.parquet

    return int(pyarrow.parquet.read_metadata(path).num_rows)


def _keys_path(runs: Path) -> Path:
    return runs.with_name(runs.name.replace("runs-", "keys-", 1))


def _folder(store: Path) -> Path:
    return store / "index"
