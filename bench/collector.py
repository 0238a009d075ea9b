"""Takes records and observations into a store, wherever they lie; the bad ones are named and left out."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from bench import machines, observations, records
from bench.digests import sha256
from bench.errors import RefusedInput
from bench.observations import Observation
from bench.records import load_json
from bench.store import Kind, Refused, Store, read_observation_parts, read_parts

#: No record.json and no blob that a record names is larger, in bytes. Real ones have kilobytes.
RECORD_LARGEST = 64 * 1024**2


class Parts(Protocol):
    """Files of a store, in a bundle or a folder."""

    def records(self) -> Iterable[str]:
        """Digests of the records, in order."""

    def observations(self) -> Iterable[str]:
        """Digests of the observations, in order."""

    def read(self, name: str, limit: int) -> bytes:
        """A file such as `blobs/<digest>`; RefusedInput if it is missing or has more than `limit` bytes."""


@dataclass(frozen=True, kw_only=True)
class Collected:
    """What became of a source's records and observations."""

    new: int = 0
    known: int = 0
    new_observations: int = 0
    known_observations: int = 0
    refused: tuple[Refused, ...] = ()


def take(parts: Parts, store: Store) -> Collected:
    """Takes what is good and not yet known. Holds the store's lock; a known record is not read again."""
    with store.locked():
        before = machines.seen(store)
        new, known, refused = _each(
            "record", parts.records(), store.has_record, lambda digest: _record(parts, digest, store)
        )
        if new:
            machines.remember(store, before, new)
        others, known_others, refused_others = _each(
            "observation",
            parts.observations(),
            store.has_observation,
            lambda digest: _observation(parts, digest, store),
        )
    return Collected(
        new=len(new),
        known=known,
        new_observations=len(others),
        known_observations=known_others,
        refused=(*refused, *refused_others),
    )


def _each(
    kind: Kind, names: Iterable[str], known: Callable[[str], bool], one: Callable[[str], None]
) -> tuple[list[str], int, list[Refused]]:
    """Takes what is not known: the new digests, how many were known, what was refused."""
    new, count, refused = [], 0, []
    for digest in names:
        if known(digest):
            count += 1
            continue
        try:
            one(digest)
            new.append(digest)
        except RefusedInput as error:
            refused.append(Refused(name=digest, reason=str(error), kind=kind))
    return new, count, refused


def keep(found: Iterable[tuple[Observation, bytes] | Refused], store: Store) -> Collected:
    """Takes observations that were just read; what was refused on the way is passed on."""
    refused: list[Refused] = []
    counts = [0, 0]
    with store.locked():
        for one in found:
            if isinstance(one, Refused):
                refused.append(one)
                continue
            known = store.has_observation(sha256(one[0].to_json()))
            store.add_observation(*one)
            counts[known] += 1
    return Collected(new_observations=counts[0], known_observations=counts[1], refused=tuple(refused))


def _record(parts: Parts, digest: str, store: Store) -> None:
    """One record with its arrays and its blobs, checked in full, then stored."""
    folder = f"records/{digest}"
    body = parts.read(f"{folder}/record.json", RECORD_LARGEST)
    one = read_parts(digest, body, lambda nbytes: parts.read(f"{folder}/arrays.bin", min(nbytes, records.LARGEST)))
    if not records.is_canonical(body):
        raise RefusedInput("record.json: not in the form that a bench writes")
    blobs = [_blob(parts, named) for named in (one.record.fingerprint.blobs() if one.record.fingerprint else ())]
    for blob in blobs:
        store.add_blob(blob)
    store.keep(body, one.content)


def _blob(parts: Parts, digest: str) -> bytes:
    """A blob that a record names: JSON, whose bytes have the digest that is its name."""
    content = parts.read(f"blobs/{digest}", RECORD_LARGEST)
    if sha256(content) != digest:
        raise RefusedInput(f"blob {digest}: its bytes have another digest than its name")
    try:
        load_json(content)
    except RefusedInput as error:
        raise RefusedInput(f"blob {digest}: {error}") from None
    return content


def _observation(parts: Parts, digest: str, store: Store) -> None:
    """One observation with its value, checked in full, then stored."""
    body = parts.read(f"observations/{digest}.json", observations.BODY_LARGEST)
    one = read_observation_parts(digest, body, lambda blob, nbytes: parts.read(f"blobs/{blob}", nbytes))
    store.add_observation(one.observation, one.content)
