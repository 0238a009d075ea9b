"""What must never get in: refused with the reason, exit 3, the rest taken, nothing written beside the store."""

import functools
import json
import math
import pickle
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.cli.main import main
from bench.digests import sha256
from bench.store import Store, Stored
from tests.engines import ROOT
from tests.forgery import Files, good, listed, pack, records_of, reforge, reforge_observation, rename, replace


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
CASES: dict[str, tuple[Callable[[Files], Files], str, int, int]] = {
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


def collected(folder: Path) -> tuple[int, int]:
    """How many records and observations a store has, all of which can be read."""
    store = Store(folder)
    found = [*store.scan()]
    assert all(isinstance(one, Stored) for one in found)
    return len(found), len(list(store.observations()))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def outside(folder: Path) -> set[str]:
    """Every path beside the store, up to the folder above the test's own."""
    return {str(path) for path in folder.parent.rglob("*") if folder / "store" not in (path, *path.parents)}


@pytest.mark.parametrize("name", CASES)
def test_bad_parts_are_refused_and_the_rest_is_taken(folder: Path, capsys: pytest.CaptureFixture[str],
                                                     name: str) -> None:  # fmt: skip
    change, wanted, records, observations = CASES[name]
    pack(change(good(folder)), folder / "bad.zip")
    before = outside(folder)
    assert main(["collect", "bad.zip", "--store", "store"]) == 3
    captured = capsys.readouterr()
    assert wanted in captured.out
    assert captured.err == ""
    assert collected(folder / "store") == (records, observations)
    assert outside(folder) == before
    assert main(["collect", "good.zip", "--store", "store"]) == 0
    assert collected(folder / "store") == (3, 2)


@pytest.mark.parametrize("cut", [0, 1, 30, 0.1, 0.5, 0.99, -1, -22])
def test_a_truncated_file_is_refused_whole(folder: Path, capsys: pytest.CaptureFixture[str], cut: float) -> None:
    good(folder)
    content = (folder / "good.zip").read_bytes()
    length = int(cut * len(content)) if isinstance(cut, float) else cut
    (folder / "bad.zip").write_bytes(content[:length])
    assert main(["collect", "bad.zip", "good.zip", "--store", "store"]) == 3
    assert "refused: bad.zip: not a bundle, or a truncated one" in capsys.readouterr().out
    assert collected(folder / "store") == (3, 2)


@pytest.mark.parametrize(("manifest", "wanted"), [
    (None, "not readable"),
    (b"", "not JSON"),
    (PICKLE, "not JSON"),
    (b"[]", "schema None"),
    (b'{"schema": 3, "files": {}}', "schema 3; this bench reads 1 to 2"),
    (b'{"schema": true, "files": {}}', "schema True"),
    (b'{"schema": 1}', "not as a bundle has it"),
    (b'{"schema": 1, "files": []}', "not as a bundle has it"),
    (b'{"schema": 1, "files": {"x": 5}}', "not as a bundle has it"),
    (b'{"schema": 1, "files": {"x": {"sha256": "y", "nbytes": 1}}}', "a digest of 64 hex digits"),
    (b'{"schema": 1, "files": {"x": {"sha256": "%064d", "nbytes": NaN}}}' % 0, "NaN is not JSON"),
    (b'{"schema": 1, "files": {"x": {"sha256": "%064d", "nbytes": -1}}}' % 0, "a digest of 64 hex digits"),
    (b'{"schema": 1, "files": {"x": {"sha256": "%064d", "nbytes": 1.5}}}' % 0, "a digest of 64 hex digits"),
    (b" " * 70_000_000, "larger than"),
])  # fmt: skip
def test_a_manifest_that_is_none_refuses_the_bundle(folder: Path, capsys: pytest.CaptureFixture[str],
                                                    manifest: bytes | None, wanted: str) -> None:  # fmt: skip
    files = good(folder)
    if manifest is None:
        del files["manifest.json"]
    else:
        files["manifest.json"] = manifest
    pack(files, folder / "bad.zip")
    assert main(["collect", "bad.zip", "--store", "store"]) == 3
    assert wanted in capsys.readouterr().out
    assert collected(folder / "store") == (0, 0)


def write_entry(path: Path, files: Files, name: str, *, mode: int = 0, compression: int = zipfile.ZIP_DEFLATED) -> None:
    """A bundle in which one entry has another file type or compression."""
    with zipfile.ZipFile(path, "w") as archive:
        for one, content in files.items():
            entry = zipfile.ZipInfo(one)
            entry.compress_type = compression if one == name else zipfile.ZIP_DEFLATED
            entry.external_attr = (mode if one == name else 0) << 16
            archive.writestr(entry, content)


@pytest.mark.parametrize(("options", "wanted"), [
    ({"mode": stat.S_IFLNK | 0o777}, "a link; not followed"),
    ({"compression": zipfile.ZIP_LZMA}, "compression 14"),
    ({"compression": zipfile.ZIP_BZIP2}, "compression 12"),
])  # fmt: skip
def test_links_and_other_compressions_are_refused(folder: Path, capsys: pytest.CaptureFixture[str],
                                                  options: dict[str, int], wanted: str) -> None:  # fmt: skip
    """A link has its target as content; this one would even have the right bytes."""
    files = good(folder)
    write_entry(folder / "bad.zip", files, f"records/{records_of(files)[0]}/arrays.bin", **options)
    assert main(["collect", "bad.zip", "--store", "store"]) == 3
    assert wanted in capsys.readouterr().out
    assert collected(folder / "store") == (2, 2)


def test_a_name_twice_gives_no_second_content(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Readers disagree about which of two entries of one name counts; the digest decides."""
    files = good(folder)
    name = f"records/{records_of(files)[0]}/record.json"
    pack(files, folder / "bad.zip")
    with zipfile.ZipFile(folder / "bad.zip", "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr(name, b"{}")
    assert main(["collect", "bad.zip", "--store", "store"]) == 3
    assert "not the bytes that the manifest describes" in capsys.readouterr().out
    assert collected(folder / "store") == (2, 2)


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1_200_000_000, 1_200_000_000))
from bench.cli.main import main
sys.exit(main(["collect", "bad.zip", "--observations", "bad.jsonl", "--store", "store"]))
"""


def test_bombs_and_claims_of_size_cost_no_memory(folder: Path) -> None:
    """In a process that may have 1.2 GB: a bomb of 1 GB in 4 MB that claims 4, and shapes of billions of elements."""
    files = good(folder)
    big = f"records/{records_of(files)[0]}/arrays.bin"
    raw = json.loads(files["manifest.json"])
    raw["files"][big] = {"sha256": "0" * 64, "nbytes": 4 * 10**9}
    files["manifest.json"] = json.dumps(raw).encode()
    with zipfile.ZipFile(folder / "bad.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in files.items():
            if name != big:
                archive.writestr(name, content)
        with archive.open(big, "w", force_zip64=True) as stream:
            for _ in range(100):
                stream.write(bytes(10**7))
    claim = {"schema": 1, "subject": "x", "machine": {"fingerprint": {}}, "dtype": "float64", "shape": [2**23]}
    lines = [
        {**claim, "base64": "AAAAAAAAAAAAAA=="},
        {**claim, "values": [1]},
        {**claim, "shape": [10**9], "values": []},
    ]
    (folder / "bad.jsonl").write_text("\n".join(json.dumps(one) for one in lines))
    done = subprocess.run([sys.executable, "-c", LIMITED], cwd=folder, env={"PYTHONPATH": str(ROOT)},
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert (done.returncode, done.stderr) == (3, "")
    assert "at most" in done.stdout
    assert "bad.jsonl: 0 new observations, 0 known, 3 refused" in done.stdout
    assert collected(folder / "store") == (2, 2)


def test_a_blob_that_no_guest_wrote_does_not_stop_the_report(folder: Path) -> None:
    """It is JSON, and that is all that `bench collect` asks of it; found by forging records at random."""
    for blob in (b"[]", b'{"interpreter": 5, "distributions": [""]}', b'{"distributions": null}'):
        files = {**good(folder), f"blobs/{sha256(blob)}": blob}
        pack(reforge(files, functools.partial(name_stack, blob)), folder / "odd.zip")
        assert main(["collect", "odd.zip", "--store", "store"]) == 0
    assert main(["report", "--store", "store"]) in (0, 1)


def name_stack(blob: bytes, raw: dict[str, Any]) -> None:
    raw["fingerprint"]["stack_blob"] = sha256(blob)


#: What a record may hold where nothing but JSON is asked for: of the fingerprint's parts, and of `executor`.
ODD: dict[str, Callable[[dict[str, Any]], object]] = {
    "gpus are text": lambda raw: raw["fingerprint"]["surroundings"].update(nvidia_gpus="none"),
    "gpus are a number": lambda raw: raw["fingerprint"]["surroundings"].update(nvidia_gpus=5),
    "gpus are names": lambda raw: raw["fingerprint"]["surroundings"].update(nvidia_gpus=["A100"]),
    "flags are a list": lambda raw: raw["fingerprint"]["hardware"].update(cpu_flags=["avx2", None]),
    "hardware is nested": lambda raw: raw["fingerprint"]["hardware"].update(cpu_caches={"L1": [{"a": None}]}),
    "load is text": lambda raw: raw["fingerprint"]["surroundings"].update(load="high", date=[]),
    "base is text": lambda raw: raw["executor"].update(base="debian"),
    "limits are a list": lambda raw: raw["executor"].update(limits=[1], name=None),
}
COMMANDS = (["report"], ["classes"], ["history", "--all"], ["claim", "0.5"], ["show", "--list"], ["export"])


@pytest.mark.parametrize("kind", ODD)
def test_odd_json_in_a_record_stops_no_command(folder: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Either it is refused when it is collected, or every command can do with it: never an internal error."""
    pack(reforge(good(folder), ODD[kind]), folder / "odd.zip")
    assert main(["collect", "odd.zip", "--store", "store"]) in (0, 3)
    every_command(capsys)


@pytest.mark.parametrize("blob", [
    b"[]",
    b'{"interpreter": 5, "distributions": [""]}',
    b'{"distributions": null, "debian_packages": [["a", "b"], "c", 7]}',
    b'{"distributions": "numpy 1 2"}',
])  # fmt: skip
def test_odd_json_in_a_stack_stops_no_command(folder: Path, blob: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    pack(reforge({**good(folder), f"blobs/{sha256(blob)}": blob}, functools.partial(name_stack, blob)),
         folder / "odd.zip")  # fmt: skip
    assert main(["collect", "odd.zip", "--store", "store"]) == 0
    every_command(capsys)


def every_command(capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        capsys.readouterr()
        code = main([*command, "--store", "store"])
        assert code in (0, 1), (command, code, capsys.readouterr())
    record = min((Path("store") / "records").iterdir()).name
    for command in (["show", record], ["compare", record, record]):
        assert main([*command, "--store", "store"]) in (0, 1, 2)
