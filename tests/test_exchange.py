"""`bench collect` and `bench export`: what SOURCE may be, again and again, and machines of one label."""

import json
import os
import sys
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from fsspec.registry import _registry

from bench import machines, sources
from bench.cli.main import main
from bench.records import Machine
from bench.store import Store, Stored
from tests.planted import Planted, fits
from tests.test_cli import SINGLE, THEANO, plant
from tests.test_observations import line


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def memory() -> Iterator[str]:
    """A URL of a folder in fsspec's memory filesystem."""
    url = f"memory://{uuid.uuid4().hex}"
    yield url
    fsspec.filesystem("memory").rm(url, recursive=True)


def exported(folder: Path, name: str = "b.zip", count: int = 2) -> Path:
    """A bundle of records and one observation, exported from a store of its own."""
    plant(folder / "source", *((SINGLE, index, index) for index in range(count)))
    (folder / "o.jsonl").write_text(json.dumps(line()) + "\n")
    assert main(["collect", "--observations", "o.jsonl", "--store", "source"]) == 0
    assert main(["export", "--store", "source", "-o", name]) == 0
    return folder / name


def everything(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Each file of a folder with its bytes and its time."""
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def digests(folder: str = "results") -> list[str]:
    return [one.digest for one in Store(Path(folder)).scan() if isinstance(one, Stored)]


def test_the_same_bundle_twice_changes_no_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exported(folder)
    assert main(["collect", "b.zip"]) == 0
    before = everything(folder)
    capsys.readouterr()
    assert main(["collect", "b.zip", "source", "."]) == 0
    assert everything(folder) == before
    assert capsys.readouterr().out.splitlines() == [
        "b.zip: 0 new records, 2 known, 0 new observations, 1 known, 0 refused",
        "source: 0 new records, 2 known, 0 new observations, 1 known, 0 refused",
        "./b.zip: 0 new records, 2 known, 0 new observations, 1 known, 0 refused",
    ]


def test_runs_that_are_alike_have_their_bytes_in_a_bundle_once(folder: Path) -> None:
    plant(folder / "source", *((SINGLE, index, 0) for index in range(3)))
    assert main(["export", "--store", "source", "-o", "b.zip"]) == 0
    with zipfile.ZipFile("b.zip") as archive:
        assert json.loads(archive.read("manifest.json"))["schema"] == 3
        assert len([name for name in archive.namelist() if name.endswith("arrays.bin")]) == 1
    assert main(["collect", "b.zip"]) == 0
    assert digests() == digests("source")
    assert len(digests()) == 3
    assert main(["export", "-o", "again.zip"]) == 0
    assert Path("again.zip").read_bytes() == Path("b.zip").read_bytes()


def test_observations_twice_change_no_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "o.jsonl").write_text("\n".join(json.dumps(one) for one in (line(), line(run="b"), line(shape=[7]))))
    assert main(["collect", "--observations", "o.jsonl"]) == 3
    before = everything(folder)
    assert main(["collect", "--observations", "o.jsonl"]) == 3
    assert everything(folder) == before
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "o.jsonl: 2 new observations, 0 known, 1 refused"
    assert out[1].startswith("  refused line 3: $.values: 2 of them")
    assert out[2] == "o.jsonl: 0 new observations, 2 known, 1 refused"


@pytest.mark.parametrize("source", ["b.zip", "source", ".", "file", "memory", "memory folder", "memory store"])
def test_every_kind_of_source_gives_the_same_records(folder: Path, memory: str, source: str) -> None:
    path = exported(folder)
    there = fsspec.filesystem("memory")
    there.put_file(str(path), f"{memory}/bundles/b.zip")
    there.put(str(folder / "source"), f"{memory}/store/", recursive=True)
    known = {
        "file": path.as_uri(),
        "memory": f"{memory}/bundles/b.zip",
        "memory folder": f"{memory}/bundles",
        "memory store": f"{memory}/store/source" if there.exists(f"{memory}/store/source") else f"{memory}/store",
    }
    assert main(["collect", known.get(source, source)]) == 0
    assert digests() == digests("source")
    assert len(list(Store(Path("results")).observations())) == 1


def test_export_and_observations_take_urls(folder: Path, memory: str, capsys: pytest.CaptureFixture[str]) -> None:
    exported(folder)
    assert main(["export", "--store", "source", "-o", f"{memory}/x.zip"]) == 0
    assert f"{memory}/x.zip: 2 records, 1 observations" in capsys.readouterr().out
    assert main(["collect", f"{memory}/x.zip"]) == 0
    assert digests() == digests("source")
    fsspec.filesystem("memory").put_file("o.jsonl", f"{memory}/o.jsonl")
    assert main(["collect", "--observations", f"{memory}/o.jsonl", "--store", "other"]) == 0
    assert len(list(Store(Path("other")).observations())) == 1


def test_export_selects_observations_by_subject_and_none_by_campaign(folder: Path) -> None:
    exported(folder)
    for options, records, observations in (
        (["--only", "cnn*"], 0, 1),
        (["--only", "mlp/*"], 2, 0),
        (["--campaign", "2026-11-23"], 2, 0),
        (["--only", "mlp/*", "--only", "cnn*"], 2, 1),
    ):
        name = uuid.uuid4().hex
        assert main(["export", "--store", "source", "-o", "x.zip", *options]) == 0
        assert main(["collect", "x.zip", "--store", name]) == 0
        store = Store(folder / name)
        assert (len(list(store.scan())), len(list(store.observations()))) == (records, observations)


@pytest.mark.parametrize(("source", "wanted"), [
    ("nothing.zip", "no such file"),
    ("memory://nothing.zip", "no such file"),
    ("empty", "neither a store (store.json) nor a bundle (*.zip)"),
    ("nix://x/y", "no such kind of address"),
    ("pipe", "a file or a folder is needed"),
])  # fmt: skip
def test_a_source_that_is_none_is_exit_2_and_the_others_are_taken(folder: Path, capsys: pytest.CaptureFixture[str],
                                                                  source: str, wanted: str) -> None:  # fmt: skip
    exported(folder)
    (folder / "empty").mkdir()
    os.mkfifo(folder / "pipe")
    assert main(["collect", source, "b.zip"]) == 2
    assert f"refused: {source}: " in (out := capsys.readouterr().out)
    assert wanted in out
    assert len(digests()) == 2


def test_nothing_to_collect_is_exit_2(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["collect"]) == 2
    assert "give a SOURCE or `--observations FILE`" in capsys.readouterr().err
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("protocol", "module", "package"), [("sftp", "paramiko", "paramiko"), ("s3", "s3fs", "s3fs")])
def test_a_protocol_without_its_package_says_what_to_install(folder: Path, capsys: pytest.CaptureFixture[str],
                                                             monkeypatch: pytest.MonkeyPatch, protocol: str,
                                                             module: str, package: str) -> None:  # fmt: skip
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(_registry, protocol, raising=False)  # what another test has loaded
    sources._sftp.cache_clear()
    assert main(["collect", f"{protocol}://box/b.zip"]) == 2
    assert f"`pip install {package}`" in capsys.readouterr().out


def test_a_password_in_a_url_is_not_shown() -> None:
    assert sources.shown("sftp://me:secret@box:22/x@y") == "sftp://me:...@box:22/x@y"
    assert sources.shown("s3://bucket/a:b@c") == "s3://bucket/a:b@c"


def test_a_damaged_store_gives_what_is_good_of_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A foreign store: one record changed, one file a link to elsewhere, one name that is no digest."""
    plant(folder / "source", *((SINGLE, index, index) for index in range(4)))
    first, second, third, _ = sorted((folder / "source" / "records").iterdir())
    (first / "record.json").write_bytes(b"{}")
    (folder / "secret").write_bytes((second / "arrays.bin").read_bytes())
    (second / "arrays.bin").unlink()
    (second / "arrays.bin").symlink_to(folder / "secret")
    (third / "arrays.bin").unlink()
    (folder / "source" / "records" / "..evil").mkdir()
    assert main(["collect", "source"]) == 3
    out = capsys.readouterr().out
    assert "source: 1 new records, 0 known, 3 refused" in out
    for name, reason in ((first, "do not have the digest"), (second, "a link or no file"), (third, "missing")):
        assert any(name.name[:40] in one and reason in one for one in out.splitlines())
    assert len(digests()) == 1


def test_a_store_of_another_schema_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(folder / "source", (SINGLE, 0, 0))
    (folder / "source" / "store.json").write_text('{"schema": 9, "id": "x"}')
    assert main(["collect", "source"]) == 3
    assert "store.json: schema 9; this bench reads 1" in capsys.readouterr().out


def add(store: Store, hardware: str, index: int = 0, label: str = "lab") -> None:
    stack = {"digest": "b" * 64, "interpreter": {"version": "2.7.18"}, "distributions": ["numpy 1.12.1 x"]}
    blob = store.add_blob(json.dumps(stack).encode())
    planted = Planted(cell=THEANO, index=index, fits=fits(1), stack_blob=blob, machine=label, hardware=hardware)
    record, content = planted.record()
    assert record.fingerprint is not None
    seen = record.fingerprint.model_copy(
        update={"hardware": {"digest": hardware, "cpu_model": f"CPU {hardware[0]}", "cpus": 8, "gpus": []}}
    )
    store.add(record.model_copy(update={"fingerprint": seen}), content)


NOTE = "machine `lab` stands for 2 different machines: aaaaaaaa (CPU a, 8 CPUs) and bbbbbbbb (CPU b, 8 CPUs)"


def test_two_machines_of_one_label_are_told_apart(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the note after collecting, now and the next time; and by their names in the report."""
    for name, hardware in (("one", "a"), ("two", "b")):
        store = Store(folder / name)
        for index in range(2):
            add(store, hardware * 64, index)
        add(store, hardware * 64, label="other-" + hardware)
        assert main(["export", "--store", name, "-o", f"{name}.zip"]) == 0
    assert main(["collect", "one.zip"]) == 0
    assert "note:" not in capsys.readouterr().out
    for _ in range(2):
        assert main(["collect", "two.zip"]) == 0
        assert f"note: {NOTE}" in capsys.readouterr().out
    main(["report"])
    page = json.loads((folder / "report" / "report.json").read_text())
    assert page["machines"] == ["lab (aaaaaaaa)", "lab (bbbbbbbb)", "other-a", "other-b"]
    assert sorted({cell["machine"] for cell in page["cells"]}) == page["machines"]
    assert len(page["environment_columns"]) == 4


def test_a_run_of_one_machine_makes_not_up_for_that_of_its_namesake(folder: Path) -> None:
    """Run 1 failed on one of the two machines called `lab`, and became ok on the other: the report still says so."""
    store = Store(folder / "results")
    for index in (0, 1):
        add(store, "a" * 64, index)
    add(store, "b" * 64, 0)
    record, _ = Planted(cell=THEANO, index=1, machine="lab").record()
    for hardware in ("b" * 64, None):
        key = record.run.model_copy(update={"machine": Machine(label="lab", hardware=hardware)})
        gone = {"status": "failed", "reason": f"on {hardware}", "fingerprint": None, "outcome": None, "arrays": None}
        store.add(record.model_copy(update={"run": key, **gone}), b"")
    main(["report"])
    page = json.loads((folder / "report" / "report.json").read_text())
    assert [one["reason"] for one in page["not_ok"]] == [f"on {'b' * 64}"]


def test_the_register_of_machines_follows_the_records(tmp_path: Path) -> None:
    """Whoever adds or removes a record, and whatever became of the cache."""
    store = Store(tmp_path)
    add(store, "a" * 64)
    assert list(machines.seen(store)["lab"]) == ["a" * 64]
    add(store, "b" * 64)
    assert sorted(machines.seen(store)["lab"]) == ["a" * 64, "b" * 64]
    for rubbish in (b"", b"[]", b'{"stamp": 0}', b'{"machines": {}}'):
        (tmp_path / "cache" / machines.CACHE).write_bytes(rubbish)
        assert len(machines.seen(store)["lab"]) == 2
    (tmp_path / "cache" / machines.CACHE).unlink()
    assert machines.notes(machines.seen(store))[0].startswith(NOTE)


def test_names_of_files_move_no_cursor(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "\x1b[2Jx.zip").write_bytes(b"x")
    assert main(["collect", "."]) == 3
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\\x1b[2Jx.zip" in out
