"""One row a result, beside the records and observations: what puts a million of them into classes without reading them
again.

    index/runs-<digest>.parquet    a row a run: COLUMNS
    index/keys-<digest>.parquet    environment, key, value: the fingerprints that those runs had, each once

Derived: it may be deleted at any time, and is then made anew from the records. A part is named by the digest of the
records that it covers, so the same records are never in it twice.
"""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import comparability, fingerprints
from bench.comparability import VARIES
from bench.digests import lines_digest
from bench.errors import RefusedInput
from bench.records import Record
from bench.store import Store, Stored, StoredObservation

if TYPE_CHECKING:
    import pandas as pd

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
    """`runs` has COLUMNS; `environments` gives the keys of each environment that they name."""

    runs: "pd.DataFrame"
    environments: Mapping[str, Mapping[str, str]]


def row(stored: Stored, stack: Mapping[str, Any]) -> tuple[dict[str, object], dict[str, str]]:
    """The row of a run that is ok, and its fingerprint's keys."""
    record = stored.record
    outcome = record.outcome
    assert outcome is not None
    keys = fingerprints.keys(record, stack)
    ways = [repeat.path() for repeat in outcome.repeats]
    way = "" if None in ways else lines_digest(" ".join(one or ()) for one in ways)
    run = record.run
    return {
        "record": stored.digest,
        "subject": subject(record),
        "result": str(outcome.result_digest),
        "way": way,
        "machine": run.machine.label,
        "hardware": str(run.machine.hardware),
        "stack": str(run.stack),
        "campaign": run.campaign,
        "index": run.index,
        "started": record.started,
        "environment": _environment(keys),
    }, keys


def subject(record: Record) -> str:
    """`<cell> seeds 1/2/1 <digest>`: what was computed. Runs of one subject are comparable, whoever computed them."""
    keys = comparability.keys(record)
    digest = lines_digest(f"{key}={value}" for key, value in sorted(keys.items()) if key not in WHO)
    seeds = "/".join(str(record.run.seeds.get(name)) for name in ("numpy", "backend", "keras"))
    return f"{record.run.cell} seeds {seeds} {digest[:12]}"


def refresh(store: Store) -> Index:
    """The index of a store, brought up to date: only records that it does not cover are read."""
    records, observations = set(store.names()), set(store.observation_names())
    there = records | observations
    found = read(store.folder)
    if set(found.runs["record"]) - there:  # somebody removed records: what is derived from them goes too
        for path in _folder(store.folder).glob("*.parquet"):
            path.unlink()
        found = read(store.folder)
    new = there - set(found.runs["record"])
    if new:
        rows = itertools.chain(_rows(store, sorted(records & new)), _observed(store, sorted(observations & new)))
        part = _part(rows, sorted(new))
        write(store.folder, part.runs, part.environments)
        found = _joined([found, part])
    return found


def _rows(store: Store, names: Iterable[str]) -> Iterator[tuple[dict[str, object], dict[str, str]]]:
    stacks: dict[str, Any] = {}
    for one in store.scan(names):
        if isinstance(one, Stored) and one.record.ok and one.record.fingerprint is not None:
            blob = one.record.fingerprint.stack_blob
            if blob not in stacks:
                stacks[blob] = _stack(store, blob)
            yield row(one, stacks[blob])


def _observed(store: Store, names: Iterable[str]) -> Iterator[tuple[dict[str, object], dict[str, str]]]:
    """Rows of observations: what another tool computed is held against its like in the same way."""
    for one in store.observations(names):
        if isinstance(one, StoredObservation):
            observation = one.observation
            keys = dict(observation.fingerprint)
            environment = _environment(keys)
            yield (
                {
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
                },
                keys,
            )


def _environment(keys: Mapping[str, str]) -> str:
    return lines_digest(f"{key}={value}" for key, value in sorted(keys.items()))


def _stack(store: Store, blob: str) -> dict[str, Any]:
    """A stack's blob; one that is missing leaves its packages unknown, and the run in its class all the same."""
    try:
        found = json.loads(store.blob(blob))
    except (RefusedInput, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _part(rows: Iterable[tuple[dict[str, object], dict[str, str]]], names: Iterable[str]) -> Index:
    """An index of some rows; `names` are the records that it covers, those without a row included."""
    import pandas as pd

    environments: dict[str, dict[str, str]] = {}
    runs = []
    for run, keys in rows:
        runs.append(run)
        environments.setdefault(str(run["environment"]), keys)
    listed = {str(run["record"]) for run in runs}
    # A record that is not ok has no class; it is listed so that it is not read again.
    runs += [dict.fromkeys(COLUMNS, "") | {"record": name, "index": -1} for name in names if name not in listed]
    return Index(runs=pd.DataFrame(runs, columns=list(COLUMNS)), environments=environments)


def write(folder: Path, runs: "pd.DataFrame", environments: Mapping[str, Mapping[str, str]]) -> None:
    """Writes a part, whole or not at all; puts small parts together when there are many."""
    _write_part(folder, runs, environments)
    small = [path for path in sorted(_folder(folder).glob("runs-*.parquet")) if _length(path) < SMALL_ROWS]
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
        temporary.rename(target / f"{kind}-{name}.parquet")


def read(folder: Path) -> Index:
    """The index as it is; empty where there is none."""
    return _read_parts(sorted(_folder(folder).glob("runs-*.parquet")))


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
