"""A bundle: records of a store in one file, with a manifest of digests that is checked before anything is taken.

A ZIP archive: `manifest.json` {"schema": 1, "files": {path: {"sha256", "nbytes"}}} and the store's own files
`records/<digest>/record.json`, `records/<digest>/arrays.bin`, `blobs/<digest>`. Only these paths are ever read.
"""

import json
import re
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench import records
from bench.digests import sha256
from bench.errors import RefusedInput, UsageError
from bench.store import Refused, Store, Stored, read_parts

SCHEMA = 1
#: A file of a bundle may be this large once unpacked; the manifest states each size and nothing longer is read.
LARGEST = 2 * 1024**3
MANIFEST_LARGEST = 64 * 1024**2
PATH = re.compile(r"records/[0-9a-f]{64}/(record\.json|arrays\.bin)|blobs/[0-9a-f]{64}")
#: ZIP cannot tell the time before 1980; with a fixed one the same records give the same bytes.
EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, kw_only=True)
class Collected:
    """What became of a bundle's records."""

    new: int
    known: int
    refused: tuple[Refused, ...]


def export(stored: Iterable[Stored], store: Store, path: Path) -> int:
    """Writes a bundle of records and the blobs they name; the number of records. The same records, the same bytes."""
    files: dict[str, bytes] = {}
    count = 0
    for one in stored:
        count += 1
        files[f"records/{one.digest}/record.json"] = store.body(one.digest)
        if one.record.arrays is not None:
            files[f"records/{one.digest}/arrays.bin"] = one.content
        for blob in one.record.fingerprint.blobs() if one.record.fingerprint else ():
            files[f"blobs/{blob}"] = store.blob(blob)
    manifest = {
        "schema": SCHEMA,
        "files": {name: {"sha256": sha256(content), "nbytes": len(content)} for name, content in files.items()},
    }
    temporary = path.with_name(f".{path.name}.part")
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in [("manifest.json", json.dumps(manifest, sort_keys=True).encode()), *sorted(files.items())]:
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    temporary.replace(path)
    return count


def collect(path: Path, store: Store) -> Collected:
    """Takes the good records of a bundle into a store; the bad ones are named with the reason and left out."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _collect(archive, store)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file; give the file that `bench export` wrote") from None
    except zipfile.BadZipFile as error:
        raise RefusedInput(f"{path}: not a bundle, or a truncated one: {error}") from None


def _collect(archive: zipfile.ZipFile, store: Store) -> Collected:
    expected = _manifest(archive)
    refused = [
        Refused(name=name, reason="a path that no bundle has; not read")
        for name in archive.namelist()
        if name != "manifest.json" and not PATH.fullmatch(name)
    ]
    new = known = 0
    with store.locked():
        for name in sorted(expected):
            kind, digest = name.split("/")[:2]
            if kind == "records" and name.endswith("record.json"):
                try:
                    if (store.folder / "records" / digest).is_dir():
                        known += 1
                        continue
                    _take(archive, expected, digest, store)
                    new += 1
                except RefusedInput as error:
                    refused.append(Refused(name=digest, reason=str(error)))
    return Collected(new=new, known=known, refused=tuple(refused))


def _manifest(archive: zipfile.ZipFile) -> dict[str, tuple[str, int]]:
    """path -> (digest, size) of every file that the manifest lists under a legal path."""
    try:
        if archive.getinfo("manifest.json").file_size > MANIFEST_LARGEST:
            raise RefusedInput(f"manifest.json: larger than {MANIFEST_LARGEST} bytes")
        raw = json.loads(archive.read("manifest.json"))
        if raw["schema"] != SCHEMA:
            raise RefusedInput(f"manifest.json: schema {raw['schema']!r}; this bench reads {SCHEMA}")
        return {
            str(name): (str(entry["sha256"]), int(entry["nbytes"]))
            for name, entry in raw["files"].items()
            if PATH.fullmatch(str(name))
        }
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError, zlib.error, zipfile.BadZipFile) as error:
        raise RefusedInput(f"manifest.json: missing or not readable: {error}") from None


def _take(archive: zipfile.ZipFile, expected: dict[str, tuple[str, int]], digest: str, store: Store) -> None:
    """One record with its arrays and its blobs, checked in full, then stored."""
    body = _read(archive, expected, f"records/{digest}/record.json")
    one = read_parts(digest, body, lambda: _read(archive, expected, f"records/{digest}/arrays.bin"))
    if not records.is_canonical(body):
        raise RefusedInput("record.json: not in the form that a bench writes")
    for named in one.record.fingerprint.blobs() if one.record.fingerprint else ():
        blob = _read(archive, expected, f"blobs/{named}")
        if sha256(blob) != named:
            raise RefusedInput(f"blob {named}: its bytes have another digest than its name")
        store.add_blob(blob)
    store.keep(body, one.content)


def _read(archive: zipfile.ZipFile, expected: dict[str, tuple[str, int]], name: str) -> bytes:
    """A file of the bundle, no longer than the manifest says and with its digest."""
    if name not in expected:
        raise RefusedInput(f"{name}: not in the manifest")
    digest, nbytes = expected[name]
    if nbytes > LARGEST:
        raise RefusedInput(f"{name}: {nbytes} bytes; the limit is {LARGEST}")
    try:
        with archive.open(name) as stream:
            content = stream.read(nbytes + 1)
    except (KeyError, OSError, RuntimeError, zlib.error, zipfile.BadZipFile, NotImplementedError) as error:
        raise RefusedInput(f"{name}: not readable: {error}") from None
    if len(content) != nbytes or sha256(content) != digest:
        raise RefusedInput(f"{name}: not the bytes that the manifest describes")
    return content
