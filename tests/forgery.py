"""Bundles as a careful forger would make them: every digest and every size right, and one thing wrong."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import bundle
from bench.digests import sha256
from bench.store import Store, Stored, StoredObservation
from tests.planted import Planted, fits
from tests.test_observations import parsed

Files = dict[str, bytes]


def good(folder: Path, count: int = 3) -> Files:
    """The files of a valid bundle: records with blobs of their own, and two observations."""
    store = Store(folder / "good")
    for index in range(count):
        planted = Planted(fits=fits(index), index=index)
        planted.stack_blob = store.add_blob(b'{"stack": %d}' % index)
        store.add(*planted.record())
    for run in ("a", "b"):
        store.add_observation(*parsed(run=run, values=[len(run), ord(run)]))
    records = [one for one in store.scan() if isinstance(one, Stored)]
    observed = [one for one in store.observations() if isinstance(one, StoredObservation)]
    bundle.export(records, store, folder / "good.zip", observed)
    with zipfile.ZipFile(folder / "good.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(files: Files, path: Path) -> None:
    """The files as a bundle, whatever they are."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def listed(files: Files, **more: Any) -> Files:
    """With a manifest that describes the files as they are now; `more` replaces keys of it."""
    entries = {
        name: {"sha256": sha256(content), "nbytes": len(content)}
        for name, content in files.items()
        if name != "manifest.json"
    }
    manifest = {"schema": 2, "files": entries, **more}
    return {**files, "manifest.json": json.dumps(manifest).encode()}


def records_of(files: Files) -> list[str]:
    """Digests of a bundle's records, in order."""
    return sorted(name.split("/")[1] for name in files if name.endswith("/record.json"))


def reforge(files: Files, change: Callable[[dict[str, Any]], object], dumps: Any = json.dumps) -> Files:
    """The first record changed, under the digest of its new bytes."""
    old = records_of(files)[0]
    raw = json.loads(files[f"records/{old}/record.json"])
    change(raw)
    return rename(files, old, (dumps(raw, sort_keys=True) + "\n").encode())


def rename(files: Files, old: str, body: bytes) -> Files:
    """A record with another body, under the digest of it."""
    found = {name.replace(old, sha256(body)): content for name, content in files.items()}
    found[f"records/{sha256(body)}/record.json"] = body
    return listed(found)


def reforge_observation(files: Files, change: Callable[[dict[str, Any]], object]) -> Files:
    """The first observation changed, under the digest of its new bytes."""
    old = min(name for name in files if name.startswith("observations/"))
    raw = json.loads(files[old])
    change(raw)
    body = (json.dumps(raw, sort_keys=True) + "\n").encode()
    found = {name: content for name, content in files.items() if name != old}
    found[f"observations/{sha256(body)}.json"] = body
    return listed(found)


def replace(files: Files, part: str, content: bytes) -> Files:
    """The first file whose name contains `part` with other bytes, and the manifest telling the truth about them."""
    name = min(name for name in files if part in name)
    return listed({**files, name: content})
