"""Records, stores and bundles: whole or refused, never half read."""

import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import bundle, digests, records, supplied, verification
from bench.digests import array_digest, sha256
from bench.errors import RefusedInput, RunError, UsageError
from bench.records import Record
from bench.store import Refused, Store, Stored
from tests.engines import ROOT
from tests.planted import Planted, fits


def plant(store: Store, count: int = 1) -> list[str]:
    """Digests of records that were added to a store, each with a blob of its own."""
    found = []
    for index in range(count):
        planted = Planted(fits=fits(index), index=index)
        planted.stack_blob = store.add_blob(b'{"stack": %d}' % index)
        planted.sbom = store.add_blob(b'{"bill": %d}' % index)
        found.append(store.add(*planted.record()))
    return found


def scan(store: Store) -> tuple[list[Stored], list[Refused]]:
    everything = list(store.scan())
    return (
        [one for one in everything if isinstance(one, Stored)],
        [one for one in everything if isinstance(one, Refused)],
    )


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    record, content = Planted(fits=fits()).record()
    store = Store(tmp_path)
    found = store.read(store.add(record, content))
    assert (found.record, found.content) == (record, content)


def test_guest_and_host_state_the_same_digests() -> None:
    """Each side has its own code for a digest; both give what hashlib gives for the stated bytes."""
    bits: Any = importlib.import_module("bench.guest.bits")  # the guest is untyped, and another program
    array = np.arange(6, dtype="<f4").reshape(2, 3)
    guest = bits.ArrayFile().add("x", array)
    assert guest["sha256"] == array_digest("<f4", (2, 3), array.tobytes()) == sha256(b"<f4 2,3\n" + array.tobytes())
    record, _ = Planted(fits=fits()).record()
    assert record.outcome is not None
    repeats = [json.loads(repeat.model_dump_json()) for repeat in record.outcome.repeats]
    assert bits.result_lines(repeats) == records.result_lines(record.outcome.repeats)
    assert bits.result_digest(repeats) == digests.lines_digest(records.result_lines(record.outcome.repeats))


def test_adding_twice_changes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first, second = plant(store)[0], plant(store)[0]
    assert first == second
    assert len(list((tmp_path / "records").iterdir())) == 1


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_one_changed_byte_is_refused(data: st.DataObject) -> None:
    """Wherever it lies, in record.json or arrays.bin: the record is named and nothing of it is read."""
    with tempfile.TemporaryDirectory() as name:
        store = Store(Path(name))
        digest = plant(store, 2)[0]
        path = store.folder / "records" / digest / data.draw(st.sampled_from(["record.json", "arrays.bin"]))
        content = bytearray(path.read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(bytes(content))
        good, bad = scan(store)
        assert [one.name for one in bad] == [digest]
        assert len(good) == 1


def tamper(change: Callable[[dict[str, Any]], object], store: Store) -> str:
    """Stores a changed record under the right digest of its bytes: what a careful forger would do."""
    record, content = Planted(fits=fits()).record()
    raw = json.loads(record.to_json())
    change(raw)
    body = json.dumps(raw).encode()
    folder = store.folder / "records" / sha256(body)
    folder.mkdir()
    (folder / "record.json").write_bytes(body)
    (folder / "arrays.bin").write_bytes(content)
    return folder.name


def first_array(raw: dict[str, Any]) -> Any:
    return raw["outcome"]["repeats"][0]["predictions"]


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda raw: raw.update(schema=99), "schema 99"),
        (lambda raw: raw.update(schema="1"), "schema '1'"),
        (lambda raw: raw.update(schema=True), "schema True"),
        (lambda raw: raw.update(extra=1), "extra"),
        (lambda raw: raw.pop("run"), "run"),
        (lambda raw: raw["run"].update(cell="../../etc/passwd"), "run.cell"),
        (lambda raw: raw["run"].update(cell="mlp/tf-cpu/keras/native/default"), "but the guest ran"),
        (lambda raw: raw["outcome"].update(result_digest="0" * 64), "result_digest"),
        (lambda raw: raw["outcome"]["repeats"][0].update(score="0x1.8p-1"), "result_digest"),
        (lambda raw: raw["outcome"]["repeats"][0].update(score="0.5"), "score"),
        (lambda raw: first_array(raw).update(shape=[10**9]), "the limit is"),
        (lambda raw: first_array(raw).update(shape=[10**9, 10**9]), "the limit is"),
        (lambda raw: first_array(raw).update(shape=[10**6]), "ends at byte"),
        (lambda raw: first_array(raw).update(shape=[0, 10**30]), "the limit is"),
        (lambda raw: first_array(raw).update(shape=[1] * 33), "at most 32"),
        (lambda raw: first_array(raw).update(shape=[1, 5]), "do not have the digest"),
        (lambda raw: first_array(raw).update(dtype="|O"), "dtype '|O'"),
        (lambda raw: first_array(raw).update(offset=-4), "offset"),
        (lambda raw: raw["outcome"].update(repeats=[]), "result_digest"),
        (lambda raw: raw.update(outcome=None), "no result"),
        (lambda raw: raw["arrays"].update(nbytes=1), "arrays.bin"),
    ],
)
def test_a_forged_record_is_refused_with_the_reason(tmp_path: Path, change: Any, wanted: str) -> None:
    store = Store(tmp_path)
    name = tamper(change, store)
    good, bad = scan(store)
    assert good == []
    assert [one.name for one in bad] == [name]
    assert wanted in bad[0].reason


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"schema": 1, "x": NaN}', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_record_is_refused(body: bytes) -> None:
    with pytest.raises(RefusedInput):
        records.from_json(body)


def test_an_epoch_digest_must_be_that_of_its_weights() -> None:
    planted = Planted(fits=fits(repeats=1))
    record, content = planted.record()
    raw = json.loads(record.to_json())
    raw["outcome"]["repeats"][0]["epoch_digests"] = ["0" * 64] * 4
    with pytest.raises(RefusedInput, match="epoch 1: its digest"):
        verification.verify(records.from_json(json.dumps(raw).encode()), content)


def test_epoch_digests_of_no_weights_at_all_are_refused() -> None:
    """A record that names epochs and keeps no weight for them is bad input with a reason, as any other."""
    record, content = Planted(fits=fits(repeats=1)).record()
    raw = json.loads(record.to_json())
    raw["outcome"]["repeats"][0] |= {"trajectory": [], "epoch_digests": ["0" * 64] * 4}
    with pytest.raises(RefusedInput, match="epoch 1: its digest"):
        verification.verify(records.from_json(json.dumps(raw).encode()), content)


def test_a_leftover_of_a_killed_process_is_never_read_and_goes(tmp_path: Path) -> None:
    store = Store(tmp_path)
    digest = plant(store)[0]
    shutil.copytree(tmp_path / "records" / digest, tmp_path / "records" / f".{digest}.123")
    assert len(list(store.scan())) == 1
    with store.locked():
        assert [path.name for path in (tmp_path / "records").iterdir()] == [digest]


ADDING = """
import sys
from pathlib import Path
from bench.store import Store
from tests.planted import Planted, fits
store = Store(Path(sys.argv[1]))
for index in range(100000):
    store.add(*Planted(fits=fits(index), index=index).record())
"""


@pytest.mark.parametrize("moment", [0.0, 0.01, 0.05])
def test_kill_9_leaves_whole_records_only(tmp_path: Path, moment: float) -> None:
    """A process that is killed while it adds records leaves nothing that a reader would refuse."""
    adding = subprocess.Popen([sys.executable, "-c", ADDING, str(tmp_path)], cwd=ROOT)
    deadline = time.monotonic() + 60
    while not (list((tmp_path / "records").glob("[0-9a-f]*")) if (tmp_path / "records").is_dir() else []):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    time.sleep(moment)
    adding.send_signal(signal.SIGKILL)
    adding.wait()
    good, bad = scan(Store(tmp_path))
    assert good
    assert bad == []


def test_two_campaigns_cannot_hold_one_store(tmp_path: Path) -> None:
    with Store(tmp_path).locked(), pytest.raises(RunError, match="another `bench run`"), Store(tmp_path).locked():
        pass


def test_a_folder_that_is_no_store_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no store of records here"):
        Store.existing(tmp_path)
    (tmp_path / "store.json").write_text("{}")
    with pytest.raises(UsageError, match="not the description of a store"):
        Store(tmp_path)


def test_a_blob_with_other_bytes_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    digest = store.add_blob(b"stack")
    assert store.blob(digest) == b"stack"
    (tmp_path / "blobs" / digest).write_bytes(b"stuck")
    with pytest.raises(RefusedInput, match="another digest"):
        store.blob(digest)
    with pytest.raises(RefusedInput, match="missing"):
        store.blob("0" * 64)


def exported(tmp_path: Path, count: int = 3) -> tuple[Path, list[str]]:
    store = Store(tmp_path / "one")
    plant(store, count)
    path = tmp_path / "bundle.zip"
    good, _ = scan(store)
    assert bundle.export(good, store, path) == count
    return path, [one.digest for one in good]


def test_a_bundle_carries_records_and_their_stacks(tmp_path: Path) -> None:
    path, names = exported(tmp_path)
    store = Store(tmp_path / "two")
    assert (bundle.collect(path, store).new, bundle.collect(path, store).known) == (3, 3)
    good, bad = scan(store)
    assert [one.digest for one in good] == names
    assert bad == []
    named = {store.blob(blob) for one in good if one.record.fingerprint for blob in one.record.fingerprint.blobs()}
    assert named == {b'{"%s": %d}' % (kind, index) for kind in (b"stack", b"bill") for index in range(3)}


def test_the_same_records_give_the_same_bundle(tmp_path: Path) -> None:
    path, _ = exported(tmp_path)
    first = path.read_bytes()
    store = Store(tmp_path / "one")
    bundle.export(reversed(scan(store)[0]), store, path)
    assert path.read_bytes() == first


def rewrite(path: Path, change: Callable[[dict[str, bytes]], object]) -> None:
    """Changes a bundle's files, and leaves its manifest as it was unless the change does not."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def manifest(files: dict[str, bytes], **entries: Any) -> None:
    """Adds entries to a manifest, as a forger would."""
    raw = json.loads(files["manifest.json"])
    raw["files"].update(entries)
    files["manifest.json"] = json.dumps(raw).encode()


def evil(files: dict[str, bytes]) -> None:
    for name in ("../outside", "/tmp/outside", "records/../../outside", "blobs/x", "a.pickle"):
        files[name] = b"evil"
        manifest(files, **{name: {"sha256": sha256(b"evil"), "nbytes": 4}})


def record_path(files: dict[str, bytes], part: str = "record.json") -> str:
    return min(name for name in files if name.endswith(part))


@pytest.mark.parametrize(
    ("change", "kept", "refused"),
    [
        (evil, 3, 5),
        (lambda files: files.update({record_path(files): b"{}"}), 2, 1),
        (lambda files: files.update({record_path(files, "arrays.bin"): b"short"}), 2, 1),
        (lambda files: files.pop(record_path(files, "arrays.bin")), 2, 1),
        (lambda files: files.pop(next(name for name in files if name.startswith("blobs/"))), 2, 1),
        (lambda files: files.update({record_path(files, "arrays.bin"): b"\0" * 10_000_000}), 2, 1),
    ],
)
def test_bad_parts_of_a_bundle_are_named_and_the_rest_collected(tmp_path: Path, change: Any, kept: int,
                                                                refused: int) -> None:  # fmt: skip
    path, _ = exported(tmp_path)
    rewrite(path, change)
    before = set(os.listdir(tmp_path))
    store = Store(tmp_path / "two")
    result = bundle.collect(path, store)
    assert (result.new, len(result.refused)) == (kept, refused)
    assert all(one.reason for one in result.refused)
    assert set(os.listdir(tmp_path)) - before == {"two"}
    assert len(scan(store)[0]) == kept


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 truncated"])
def test_what_is_no_bundle_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    with pytest.raises(RefusedInput, match="not a bundle"):
        bundle.collect(path, Store(tmp_path / "two"))


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=30)
def test_a_truncated_bundle_never_gives_a_wrong_record(cut: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        path, names = exported(Path(name))
        content = path.read_bytes()
        path.write_bytes(content[: cut % len(content)])
        store = Store(Path(name) / "two")
        with pytest.raises(RefusedInput):
            bundle.collect(path, store)
        assert {one.digest for one in scan(store)[0]} <= set(names)


def first_schema(one: Stored, store: Store) -> bytes:
    """A record as a bench of schema 1 wrote it."""
    raw = json.loads(store.body(one.digest))
    raw["schema"] = 1
    del raw["fingerprint"]["sbom"]
    for repeat in raw["outcome"]["repeats"]:
        for new in ("steps", "replay", "optimizer_digest"):
            del repeat[new]
    return (json.dumps(raw, sort_keys=True) + "\n").encode()


def test_a_record_of_the_first_schema_keeps_its_bytes_and_its_name(tmp_path: Path) -> None:
    """It is read, exported and collected; nothing of it is written anew."""
    store = Store(tmp_path / "store")
    one = store.read(plant(store)[0])
    body = first_schema(one, store)
    old = Store(tmp_path / "old")
    assert one.record.fingerprint is not None
    old.add_blob(store.blob(one.record.fingerprint.stack_blob))
    digest = old.keep(body, one.content)
    assert digest == sha256(body)
    read = old.read(digest)
    assert read.record.fingerprint is not None
    assert read.record.fingerprint.sbom is None
    assert read.record.outcome == one.record.outcome
    bundle.export([read], old, tmp_path / "old.zip")
    new = Store(tmp_path / "new")
    assert bundle.collect(tmp_path / "old.zip", new).new == 1
    assert new.body(digest) == body


def test_a_bundle_without_a_manifest_or_of_another_schema_is_refused(tmp_path: Path) -> None:
    path, _ = exported(tmp_path)
    rewrite(path, lambda files: files.update({"manifest.json": b'{"schema": 9, "files": {}}'}))
    with pytest.raises(RefusedInput, match="schema 9"):
        bundle.collect(path, Store(tmp_path / "two"))
    rewrite(path, lambda files: files.pop("manifest.json"))
    with pytest.raises(RefusedInput, match="manifest"):
        bundle.collect(path, Store(tmp_path / "two"))


def test_supplied_weights_are_the_same_bytes_with_every_numpy() -> None:
    """NumPy's legacy stream is frozen: these bytes were drawn with NumPy 1.12 and typed here."""
    drawn = supplied.draw("mlp", 1, 2).weights
    assert [name for name, _ in drawn[0]] == ["0.dense/kernel", "0.dense/bias", "1.dense/kernel", "1.dense/bias"]
    assert [array.shape for _, array in drawn[0]] == [(1, 10), (10,), (10, 1), (1,)]
    limit = np.sqrt(6 / 11)
    expected = ((2 * 0.417022004702574 - 1) * limit, (2 * 0.7203244934421581 - 1) * limit)
    assert drawn[0][0][1][0, :2] == pytest.approx(expected, rel=1e-7)
    assert not drawn[0][1][1].any()
    assert not np.array_equal(drawn[0][0][1], drawn[1][0][1])


def test_an_unknown_workload_has_no_weights() -> None:
    with pytest.raises(UsageError, match="legal: mlp"):
        supplied.draw("cnm", 1, 1)


def test_no_record_is_ok_without_a_result() -> None:
    record, _ = Planted(fits=fits()).record()
    empty: Record = record.model_copy(update={"outcome": None, "arrays": None})
    with pytest.raises(RefusedInput, match="no result"):
        verification.verify(empty, b"")
