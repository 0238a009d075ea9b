"""A bundle: records and observations of a store in one file, with a manifest of digests that is checked first.

A ZIP archive: `manifest.json` {"schema", "files": {path: {"sha256", "nbytes"}}} and the store's own files
`records/<digest>/record.json`, `records/<digest>/arrays.bin`, `observations/<digest>.json`, `blobs/<digest>`.
Only these paths are ever read, and only from memory to memory: nothing is unpacked to where an archive says. Of files
with the same bytes (identical runs have the same arrays) the archive holds the first, in order of their paths.

Schema history
  1  records and their blobs (2026-11).
  2  observations (2026-11). A bundle without any is still written as schema 1, which an older bench reads.
  3  the same bytes once (2026-11). A bundle in which no two files are alike is still written as schema 1 or 2.
"""

import dataclasses
import json
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from bench import collector, records
from bench.collector import Collected
from bench.digests import sha256
from bench.errors import RefusedInput, UsageError
from bench.store import Refused, Store, Stored, StoredObservation

SCHEMA = 3
#: A file of a bundle may be this large once unpacked; the manifest states each size and nothing longer is read.
LARGEST = records.LARGEST
MANIFEST_LARGEST = 64 * 1024**2
PATH = re.compile(r"records/[0-9a-f]{64}/(record\.json|arrays\.bin)|observations/[0-9a-f]{64}\.json|blobs/[0-9a-f]{64}")
DIGEST = re.compile(r"[0-9a-f]{64}")
#: ZIP cannot tell the time before 1980; with a fixed one the same records give the same bytes.
EPOCH = (1980, 1, 1, 0, 0, 0)
#: What damaged or forged bytes make `zipfile` raise, by way of zlib and of reading numbers and names from them.
BROKEN = (KeyError, ValueError, OSError, EOFError, RuntimeError, OverflowError, struct.error, zlib.error,
          zipfile.BadZipFile)  # fmt: skip


def export(
    stored: Iterable[Stored], store: Store, path: Path, observations: Iterable[StoredObservation] = ()
) -> int:  # fmt: skip
    """Writes a bundle of records and the blobs they name, and of observations; the number of records. The same
    content gives the same bytes."""
    files: dict[str, bytes] = {}
    count = 0
    for one in stored:
        count += 1
        files[f"records/{one.digest}/record.json"] = store.body(one.digest)
        if one.record.arrays is not None:
            files[f"records/{one.digest}/arrays.bin"] = one.content
        for blob in one.record.fingerprint.blobs() if one.record.fingerprint else ():
            files[f"blobs/{blob}"] = store.blob(blob)
    schema = 1
    for other in observations:
        schema = 2
        files[f"observations/{other.digest}.json"] = store.observation_body(other.digest)
        files[f"blobs/{other.observation.value.blob}"] = other.content
    _write(path, schema, files)
    return count


def _write(path: Path, schema: int, files: dict[str, bytes]) -> None:
    listed = {name: {"sha256": sha256(content), "nbytes": len(content)} for name, content in sorted(files.items())}
    firsts = {entry["sha256"]: name for name, entry in reversed(listed.items())}
    held = {name: files[name] for name in sorted(firsts.values())}
    manifest = {"schema": schema if len(held) == len(files) else SCHEMA, "files": listed}
    temporary = path.with_name(f".{path.name}.part")
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in [("manifest.json", json.dumps(manifest, sort_keys=True).encode()), *held.items()]:
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    temporary.replace(path)


def collect(source: Path | BinaryIO, store: Store) -> Collected:
    """Takes what is good of a bundle (a path, or a stream that can seek) into a store; the bad parts are named with
    the reason and left out. RefusedInput if there is no telling what is in it."""
    with _opened(source) as archive:
        parts = Archive(archive)
        taken = collector.take(parts, store)
    return dataclasses.replace(taken, refused=(*parts.strangers, *taken.refused))


def _opened(source: Path | BinaryIO) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(source)
    except FileNotFoundError:
        raise UsageError(f"{source}: no such file; give the file that `bench export` wrote") from None
    except BROKEN as error:
        raise RefusedInput(f"not a bundle, or a truncated one: {error}") from None


class Archive:
    """The parts of a bundle: only what the manifest lists, and only with the bytes that it states."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._expected = _manifest(archive)
        self._held = {name for name in archive.namelist() if name in self._expected}
        self._twins = {self._expected[name][0]: name for name in self._held}
        self.strangers = tuple(
            Refused(name=name, reason="a path that no bundle has; not read")
            for name in archive.namelist()
            if name != "manifest.json" and not PATH.fullmatch(name)
        )

    def records(self) -> Iterable[str]:
        return sorted(
            name.split("/")[1]
            for name in self._expected
            if name.startswith("records/") and name.endswith("/record.json")
        )

    def observations(self) -> Iterable[str]:
        return sorted(
            name.split("/")[1].removesuffix(".json") for name in self._expected if name.startswith("observations/")
        )

    def read(self, name: str, limit: int) -> bytes:
        """A file of the bundle, no longer than the manifest says and with its digest."""
        if name not in self._expected:
            raise RefusedInput(f"{name}: not in the manifest")
        digest, nbytes = self._expected[name]
        if nbytes > limit:
            raise RefusedInput(f"{name}: {nbytes} bytes; at most {limit} belong here")
        content = _read(self._archive, name if name in self._held else self._twins.get(digest, name), nbytes)
        if len(content) != nbytes or sha256(content) != digest:
            raise RefusedInput(f"{name}: not the bytes that the manifest describes")
        return content


def _read(archive: zipfile.ZipFile, name: str, nbytes: int) -> bytes:
    """At most one byte more than it should have: enough to tell, and a bomb gets no further."""
    try:
        entry = archive.getinfo(name)
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise RefusedInput(f"{name}: a link; not followed")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise RefusedInput(f"{name}: compression {entry.compress_type}; a bundle is stored or deflated")
        with archive.open(entry) as stream:
            return stream.read(nbytes + 1)
    except BROKEN as error:
        raise RefusedInput(f"{name}: not readable: {error}") from None


def _manifest(archive: zipfile.ZipFile) -> dict[str, tuple[str, int]]:
    """path -> (digest, size) of every file that the manifest lists under a legal path."""
    content = _read(archive, "manifest.json", MANIFEST_LARGEST)
    if len(content) > MANIFEST_LARGEST:
        raise RefusedInput(f"manifest.json: larger than {MANIFEST_LARGEST} bytes")
    raw = records.load_json(content)
    schema = raw.get("schema") if isinstance(raw, dict) else None
    if type(schema) is not int or not 1 <= schema <= SCHEMA:
        raise RefusedInput(f"manifest.json: schema {schema!r}; this bench reads 1 to {SCHEMA}")
    try:
        listed = {str(name): (entry["sha256"], entry["nbytes"]) for name, entry in raw["files"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise RefusedInput(f"manifest.json: not as a bundle has it: {type(error).__name__}: {error}") from None
    for name, (digest, nbytes) in listed.items():
        if not (isinstance(digest, str) and DIGEST.fullmatch(digest) and type(nbytes) is int and nbytes >= 0):
            raise RefusedInput(f"manifest.json: {name}: a digest of 64 hex digits and a size are needed")
    return {name: entry for name, entry in listed.items() if PATH.fullmatch(name)}
