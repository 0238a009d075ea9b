"""Every bundle that must be refused: what is wrong with it, what must be said, and what of it is still taken.

tests/test_bad_input.py holds `bench collect` to it, and benchmarks/refused.py shows what it does with each.
"""

import math
import pickle
import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.digests import sha256
from bench.store import Store, Stored
from tests.forgery import Files, listed, pack, records_of, reforge, reforge_observation, rename, replace


@dataclass(frozen=True)
class Forged:
    """`write` makes the bundle of the files of a good one; `taken` are the records and observations that are still
    taken of its 3 and 2."""

    write: Callable[[Files, Path], None]
    wanted: str
    taken: tuple[int, int]


class Evil:
    """Unpickling this writes a file."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (Path("unpickled"), "evil")


PICKLE = pickle.dumps(Evil())
BOMB = bytes(50_000_000)


def first_array(raw: dict[str, Any]) -> Any:
    return raw["outcome"]["repeats"][0]["predictions"]


def hidden(files: Files, change: Callable[[str], str]) -> Files:
    """The first record's arrays under another path, which the manifest lists."""
    name = min(name for name in files if name.endswith("arrays.bin"))
    found = {change(one) if one == name else one: content for one, content in files.items()}
    return listed(found)


def named(name: str) -> Callable[[Files], Files]:
    """A file more, under a path of the forger's choice."""
    return lambda files: listed({**files, name: b"evil"})


def spelled(files: Files, text: str) -> Files:
    """A record in which a number is spelled as JSON does not allow, or too large."""
    old = records_of(files)[0]
    body = files[f"records/{old}/record.json"]
    return rename(files, old, body.replace(b'"total": 1.0', b'"total": ' + text.encode()))


#: name: (what is wrong, part of the reason, how many records and observations are still taken of 3 and 2)
PARTS: dict[str, tuple[Callable[[Files], Files], str, int, int]] = {
    "traversal": (named("../outside"), "a path that no bundle has", 3, 2),
    "traversal below records": (named("records/../../outside"), "a path that no bundle has", 3, 2),
    "traversal with backslashes": (named("..\\outside"), "a path that no bundle has", 3, 2),
    "absolute path": (named("/outside"), "a path that no bundle has", 3, 2),
    "arrays elsewhere": (lambda files: hidden(files, lambda name: "../" + name), "not in the manifest", 2, 2),
    "name that ends in a newline": (named(f"blobs/{'0' * 64}\n"), "a path that no bundle has", 3, 2),
    "pickle beside": (named("model.pickle"), "a path that no bundle has", 3, 2),
    "pickle as arrays": (lambda files: replace(files, "arrays.bin", PICKLE), "not those that the record", 2, 2),
    "pickle as record": (lambda files: rename(files, records_of(files)[0], PICKLE), "not JSON", 2, 2),
    "pickle as blob": (
        lambda files: reforge({**files, f"blobs/{sha256(PICKLE)}": PICKLE},
                              lambda raw: raw["fingerprint"].update(stack_blob=sha256(PICKLE))),
        "not JSON", 2, 2,
    ),
    "dtype of objects": (lambda files: reforge(files, lambda raw: first_array(raw).update(dtype="|O")), "'|O'", 2, 2),
    "bomb": (lambda files: {**files, min(name for name in files if name.endswith("arrays.bin")): BOMB},
             "not the bytes that the manifest describes", 2, 2),
    "bomb that the manifest admits": (lambda files: replace(files, "arrays.bin", BOMB), "belong here", 2, 2),
    "bomb as record": (lambda files: replace(files, "record.json", b" " * 80_000_000), "at most 67108864", 2, 2),
    "bomb as observation": (lambda files: replace(files, "observations/", b" " * 2_000_000), "at most 1048576", 3, 1),
    "wrong digest in the name": (lambda files: replace(files, "record.json", b"{}"), "do not have the digest", 2, 2),
    "wrong digest of an array": (
        lambda files: reforge(files, lambda raw: first_array(raw).update(sha256="0" * 64)), "have the digest", 2, 2),
    "wrong digest of the result": (
        lambda files: reforge(files, lambda raw: raw["outcome"].update(result_digest="0" * 64)), "result_digest", 2, 2),
    "wrong digest of an observation": (
        lambda files: reforge_observation(files, lambda raw: raw["value"].update(sha256="0" * 64)),
        "do not have the digest", 3, 1),
    "schema of a record": (lambda files: reforge(files, lambda raw: raw.update(schema=99)), "schema 99", 2, 2),
    "schema of an observation": (
        lambda files: reforge_observation(files, lambda raw: raw.update(schema=99)), "schema 99", 3, 1),
    "unknown key": (lambda files: reforge(files, lambda raw: raw.update(run_as="root")), "$.run_as", 2, 2),
    "NaN": (lambda files: spelled(files, "NaN"), "NaN is not JSON", 2, 2),
    "Infinity": (lambda files: spelled(files, "-Infinity"), "-Infinity is not JSON", 2, 2),
    "a number that becomes infinite": (lambda files: spelled(files, "1e999"), "too large for a float64", 2, 2),
    "NaN where a score is spelled": (
        lambda files: reforge(files, lambda raw: raw["outcome"]["repeats"][0].update(score=math.nan)),
        "NaN is not JSON", 2, 2),
    "a billion elements": (
        lambda files: reforge(files, lambda raw: first_array(raw).update(shape=[10**9])), "the limit is", 2, 2),
    "a few elements too many": (
        lambda files: reforge(files, lambda raw: first_array(raw).update(shape=[10**6])), "ends at byte", 2, 2),
    "a billion elements observed": (
        lambda files: reforge_observation(files, lambda raw: raw["value"].update(shape=[10**9])), "the limit is", 3, 1),
    "a key twice": (
        lambda files: rename(files, records_of(files)[0], b'{"schema": 2, "schema": 2}\n'), "a key twice", 2, 2),
    "missing arrays": (
        lambda files: listed({name: content for name, content in files.items()
                              if name != f"records/{records_of(files)[0]}/arrays.bin"}), "not in the manifest", 2, 2),
    "missing value": (
        lambda files: reforge_observation(files, lambda raw: raw["value"].update(blob="0" * 64)),
        "not in the manifest", 3, 1),
}  # fmt: skip

#: What is there instead of a manifest, and part of the reason: nothing of such a bundle is taken.
MANIFESTS: dict[str, tuple[bytes | None, str]] = {
    "no manifest": (None, "not readable"),
    "an empty manifest": (b"", "not JSON"),
    "a pickle as manifest": (PICKLE, "not JSON"),
    "a list as manifest": (b"[]", "schema None"),
    "schema of the bundle": (b'{"schema": 4, "files": {}}', "schema 4; this bench reads 1 to 3"),
    "a truth as schema": (b'{"schema": true, "files": {}}', "schema True"),
    "a manifest without files": (b'{"schema": 1}', "not as a bundle has it"),
    "files as a list": (b'{"schema": 1, "files": []}', "not as a bundle has it"),
    "a file as a number": (b'{"schema": 1, "files": {"x": 5}}', "not as a bundle has it"),
    "a digest that is none": (
        b'{"schema": 1, "files": {"x": {"sha256": "y", "nbytes": 1}}}', "a digest of 64 hex digits"),
    "NaN in the manifest": (
        b'{"schema": 1, "files": {"x": {"sha256": "%064d", "nbytes": NaN}}}' % 0, "NaN is not JSON"),
    "a negative size": (
        b'{"schema": 1, "files": {"x": {"sha256": "%064d", "nbytes": -1}}}' % 0, "a digest of 64 hex digits"),
    "half a byte": (
        b'{"schema": 1, "files": {"x": {"sha256": "%064d", "nbytes": 1.5}}}' % 0, "a digest of 64 hex digits"),
    "a bomb as manifest": (b" " * 70_000_000, "larger than"),
}  # fmt: skip


def once(files: Files, path: Path) -> None:
    """The second record's arrays are said to be those of the first and are not there; the first's have other bytes."""
    first, second = (f"records/{one}/arrays.bin" for one in records_of(files)[:2])
    content = files[first]
    found = listed({**files, second: content})
    del found[second]
    pack({**found, first: content[:-1] + bytes([content[-1] ^ 1])}, path)


def entry(*, mode: int = 0, compression: int = zipfile.ZIP_DEFLATED) -> Callable[[Files, Path], None]:
    """A bundle in which the first record's arrays have another file type or compression. A link has its target as
    content; this one would even have the right bytes."""

    def write(files: Files, path: Path) -> None:
        name = f"records/{records_of(files)[0]}/arrays.bin"
        with zipfile.ZipFile(path, "w") as archive:
            for one, content in files.items():
                info = zipfile.ZipInfo(one)
                info.compress_type = compression if one == name else zipfile.ZIP_DEFLATED
                info.external_attr = (mode if one == name else 0) << 16
                archive.writestr(info, content)

    return write


def truncated(cut: float) -> Callable[[Files, Path], None]:
    """A good bundle of which some bytes are left: so many, so many less than all, or a share of them."""

    def write(files: Files, path: Path) -> None:
        pack(files, path)
        content = path.read_bytes()
        path.write_bytes(content[: int(cut * len(content)) if isinstance(cut, float) else cut])

    return write


def parted(change: Callable[[Files], Files]) -> Callable[[Files, Path], None]:
    return lambda files, path: pack(change(files), path)


def headed(manifest: bytes | None) -> Callable[[Files, Path], None]:
    def write(files: Files, path: Path) -> None:
        rest = {name: content for name, content in files.items() if name != "manifest.json"}
        pack(rest if manifest is None else {**rest, "manifest.json": manifest}, path)

    return write


FORGED: dict[str, Forged] = {
    **{name: Forged(parted(change), wanted, (records, observations))
       for name, (change, wanted, records, observations) in PARTS.items()},
    "another's bytes, which are others": Forged(once, "not the bytes that the manifest describes", (1, 2)),
    "a link as arrays": Forged(entry(mode=stat.S_IFLNK | 0o777), "a link; not followed", (2, 2)),
    "compressed by LZMA": Forged(entry(compression=zipfile.ZIP_LZMA), "compression 14", (2, 2)),
    "compressed by bzip2": Forged(entry(compression=zipfile.ZIP_BZIP2), "compression 12", (2, 2)),
    **{f"truncated: {cut if isinstance(cut, float) else f'{cut} bytes'}":
       Forged(truncated(cut), "refused: bad.zip: not a bundle, or a truncated one", (0, 0))
       for cut in (0, 1, 30, 0.1, 0.5, 0.99, -1, -22)},
    **{name: Forged(headed(manifest), wanted, (0, 0)) for name, (manifest, wanted) in MANIFESTS.items()},
}  # fmt: skip


def collected(folder: Path) -> tuple[int, int]:
    """How many records and observations a store has, all of which can be read."""
    store = Store(folder)
    found = [*store.scan()]
    assert all(isinstance(one, Stored) for one in found)
    return len(found), len(list(store.observations()))


def outside(folder: Path) -> set[str]:
    """Every path beside the store, up to the folder above the test's own."""
    return {str(path) for path in folder.parent.rglob("*") if folder / "store" not in (path, *path.parents)}
