"""What must never get in: refused with the reason, exit 3, the rest taken, nothing written beside the store."""

import functools
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.cli.main import main
from bench.digests import sha256
from tests.engines import ROOT
from tests.forged import FORGED, collected, outside
from tests.forgery import good, pack, records_of, reforge


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", FORGED)
def test_what_is_forged_is_refused_and_the_rest_is_taken(folder: Path, capsys: pytest.CaptureFixture[str],
                                                         name: str) -> None:  # fmt: skip
    one = FORGED[name]
    one.write(good(folder), folder / "bad.zip")
    before = outside(folder)
    assert main(["collect", "bad.zip", "--store", "store"]) == 3
    captured = capsys.readouterr()
    assert one.wanted in captured.out
    assert captured.err == ""
    assert collected(folder / "store") == one.taken
    assert outside(folder) == before
    assert main(["collect", "good.zip", "--store", "store"]) == 0
    assert collected(folder / "store") == (3, 2)


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
