"""A folder of records: write-once, content-addressed, whole or not there at all.

store.json                       schema and the store's own id
records/<digest>/record.json     <digest> is the SHA-256 of record.json
records/<digest>/arrays.bin      its digest is in record.json
observations/<digest>.json       <digest> is the SHA-256 of the file; the value is a blob
blobs/<digest>                   stacks, their bills of materials and values of observations, stored once
index/, cache/                   derived: may be deleted at any time
"""

import contextlib
import fcntl
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bench import observations, records, verification
from bench.digests import sha256
from bench.errors import RefusedInput, RunError, UsageError
from bench.observations import Observation
from bench.records import Record

SCHEMA = 1

Kind = Literal["record", "observation", "blob"]


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A record that was read and verified, with the bytes of its arrays."""

    digest: str
    record: Record
    content: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class StoredObservation:
    """An observation that was read and verified, with the bytes of its value. `digest` is its name in the store;
    what it shares with an equal result is `observation.digest`."""

    digest: str
    observation: Observation
    content: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A record, observation or blob that could not be trusted, and why. It is never half read."""

    name: str
    reason: str
    kind: Kind = "record"


class Store:
    """Records of one folder. Reading needs no lock; `locked` keeps two campaigns from running at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.id = self._identify()

    @staticmethod
    def existing(folder: Path) -> "Store":
        """The store of a folder that must be there already; UsageError says how to make one."""
        if not (folder / "store.json").is_file():
            raise UsageError(f"{folder}: no store of records here; `bench run` makes one, `--store DIR` names another")
        return Store(folder)

    def _identify(self) -> str:
        path = self.folder / "store.json"
        if not path.is_file():
            for name in ("records", "blobs", "cache"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            _write(path, (json.dumps({"schema": SCHEMA, "id": uuid.uuid4().hex}) + "\n").encode())
        try:
            described = json.loads(path.read_bytes())
            schema, identity = described["schema"], str(described["id"])
        except (ValueError, KeyError, TypeError):
            raise UsageError(f"{path}: not the description of a store; restore it or take another --store") from None
        if schema != SCHEMA:
            raise UsageError(f"{path}: schema {schema!r}; this bench reads {SCHEMA}")
        return identity

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the store for a campaign; RunError if another process holds it. Ends with the process."""
        with (self.folder / "cache" / "lock").open("a") as stream:  # not "w", which touches the file
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise RunError(f"{self.folder}: another `bench run` is at work here; wait, or use --store") from None
            self._sweep()
            yield

    def _sweep(self) -> None:
        """Removes what a killed process left unfinished; only the holder of the lock writes."""
        for leftover in (self.folder / "records").glob(".*"):
            shutil.rmtree(leftover, ignore_errors=True)
        for name in ("blobs", "observations"):
            for leftover in (self.folder / name).glob(".*"):
                leftover.unlink(missing_ok=True)

    def add(self, record: Record, content: bytes) -> str:
        """Stores a verified record and its arrays; returns its digest. The same record twice changes nothing."""
        return self.keep(record.to_json(), content)

    def keep(self, body: bytes, content: bytes) -> str:
        """Stores a record as it was written, maybe by an older bench: its name is the digest of these very bytes."""
        digest = sha256(body)
        record = read_parts(digest, body, lambda _: content).record
        target = self.folder / "records" / digest
        if target.is_dir():
            return digest
        temporary = target.with_name(f".{digest}.{uuid.uuid4().hex}")
        temporary.mkdir()
        if record.arrays is not None:
            _write(temporary / "arrays.bin", content)
        _write(temporary / "record.json", body)
        _sync_folder(temporary)
        temporary.rename(target)
        _sync_folder(target.parent)
        return digest

    def add_observation(self, observation: Observation, content: bytes) -> str:
        """Stores a verified observation and the bytes of its value; returns its digest. Twice changes nothing."""
        observations.verify(observation, content)
        body = observation.to_json()
        digest = sha256(body)
        if not self.has_observation(digest):
            self.add_blob(content)
            path = self._observation(digest)
            path.parent.mkdir(exist_ok=True)  # a store of an older bench has none
            _write(path, body)
            _sync_folder(path.parent)
        return digest

    def _observation(self, digest: str) -> Path:
        return self.folder / "observations" / f"{digest}.json"

    def has_observation(self, digest: str) -> bool:
        """Whether an observation of this name is kept."""
        return self._observation(digest).is_file()

    def has_record(self, digest: str) -> bool:
        """Whether a record of this name is kept."""
        return (self.folder / "records" / digest).is_dir()

    def observation_body(self, digest: str) -> bytes:
        """An observation's own bytes."""
        return self._observation(digest).read_bytes()

    def read_observation(self, digest: str) -> StoredObservation:
        """One observation, verified in full; RefusedInput says what is wrong."""
        try:
            body = self.observation_body(digest)
        except OSError as error:
            raise RefusedInput(f"{digest}.json: {error.strerror}") from None
        return read_observation_parts(digest, body, lambda blob, _: self.blob(blob))

    def observation_names(self) -> list[str]:
        """Digests of the observations that are here, sorted."""
        folder = self.folder / "observations"
        return sorted(path.name.removesuffix(".json") for path in folder.glob("[!.]*"))

    def observations(self, names: Iterable[str] | None = None) -> Iterator[StoredObservation | Refused]:
        """Every observation (or those named) in the order of its digest; what cannot be trusted comes as Refused."""
        for name in self.observation_names() if names is None else names:
            try:
                yield self.read_observation(name)
            except RefusedInput as error:
                yield Refused(name=name, reason=str(error), kind="observation")

    def add_blob(self, content: bytes) -> str:
        """Stores bytes once under their digest."""
        digest = sha256(content)
        path = self.folder / "blobs" / digest
        if not path.exists():
            _write(path, content)
        return digest

    def cache(self, name: str, content: bytes) -> None:
        """Keeps something derived; nothing depends on finding it again."""
        _write(self.folder / "cache" / name, content)

    def blob(self, digest: str) -> bytes:
        """A blob's bytes; RefusedInput if they are missing or are others."""
        path = self.folder / "blobs" / digest
        if not path.is_file():
            raise RefusedInput(f"blob {digest}: missing")
        content = path.read_bytes()
        if sha256(content) != digest:
            raise RefusedInput(f"blob {digest}: its bytes have another digest")
        return content

    def damaged(self, blobs: Iterable[str]) -> Iterator[Refused]:
        """Those of these blobs that are missing or have other bytes."""
        for digest in blobs:
            try:
                self.blob(digest)
            except RefusedInput as error:
                yield Refused(name=digest, reason=str(error).removeprefix(f"blob {digest}: "), kind="blob")

    def body(self, digest: str) -> bytes:
        """A record's own bytes."""
        return (self.folder / "records" / digest / "record.json").read_bytes()

    def read(self, digest: str) -> Stored:
        """One record, verified in full; RefusedInput says what is wrong."""
        folder = self.folder / "records" / digest
        try:
            body = self.body(digest)
        except OSError as error:
            raise RefusedInput(f"record.json: {error.strerror}") from None
        return read_parts(digest, body, lambda _: (folder / "arrays.bin").read_bytes())

    def names(self) -> list[str]:
        """Digests of the records that are here, sorted; what is unfinished is never read."""
        return sorted(name for name in os.listdir(self.folder / "records") if not name.startswith("."))

    def headers(self) -> Iterator[Record]:
        """Every record without its arrays, which are not looked at: enough to name campaigns, not to trust a result."""
        for name in self.names():
            with contextlib.suppress(RefusedInput, OSError):
                yield records.from_json(self.body(name))

    def scan(self, names: Iterable[str] | None = None) -> Iterator[Stored | Refused]:
        """Every record (or those named) in the order of its digest; what cannot be trusted comes as Refused."""
        for name in self.names() if names is None else names:
            try:
                yield self.read(name)
            except RefusedInput as error:
                yield Refused(name=name, reason=str(error))


def read_parts(digest: str, body: bytes, load_arrays: Callable[[int], bytes]) -> Stored:
    """A record from its bytes and a function that loads its arrays, which is told how many bytes they have;
    everything verified."""
    if sha256(body) != digest:
        raise RefusedInput(f"record.json: its bytes do not have the digest {digest[:12]}: changed after it was stored")
    record = records.from_json(body)
    content = b""
    if record.arrays is not None:
        try:
            content = load_arrays(record.arrays.nbytes)
        except (OSError, KeyError) as error:
            raise RefusedInput(f"arrays.bin: {error}") from None
        if sha256(content) != record.arrays.sha256 or len(content) != record.arrays.nbytes:
            raise RefusedInput("arrays.bin: its bytes are not those that the record describes")
    verification.verify(record, content)
    return Stored(digest=digest, record=record, content=content)


def read_observation_parts(digest: str, body: bytes, load: Callable[[str, int], bytes]) -> StoredObservation:
    """An observation from its bytes and a function that loads a blob by digest and size, everything verified."""
    if sha256(body) != digest:
        raise RefusedInput(f"its bytes do not have the digest {digest[:12]}: changed after it was stored")
    observation = observations.from_json(body)
    content = load(observation.value.blob, observation.value.nbytes)
    observations.verify(observation, content)
    return StoredObservation(digest=digest, observation=observation, content=content)


def _write(path: Path, content: bytes) -> None:
    """Write, fsync, rename: a reader sees all of it or nothing."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.rename(path)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
