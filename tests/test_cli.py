"""The command line: exit codes, messages, and what a person sees; on planted stores, without an engine."""

import json
import re
from pathlib import Path

import pytest

from bench.cli.main import COMMANDS, main
from bench.store import Store
from tests.engines import ROOT
from tests.planted import Planted, fits
from tests.test_observations import parsed

THEANO = "mlp/theano-cpu/numpy/native/default"
SINGLE = "mlp/tf1-cpu/full/native/single-thread"


def plant(folder: Path, *runs: tuple[str, int, int], label: str = "box") -> Store:
    """A store with runs of (cell, index, seed of their numbers)."""
    store = Store(folder)
    stack = {"digest": "b" * 64, "interpreter": {"version": "2.7.18"}, "distributions": ["numpy 1.12.1 x"]}
    blob = store.add_blob(json.dumps(stack).encode())
    for cell, index, seed in runs:
        store.add(*Planted(cell=cell, index=index, fits=fits(seed), stack_blob=blob, machine=label).record())
    return store


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_command_helps_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0
        assert f"example: bench {command}" in capsys.readouterr().out


def test_a_bad_matrix_is_exit_2_and_nothing_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "matrix.yaml").read_text(encoding="utf-8").replace("runs: 3\n", "runs: 3\nrunz: 4\n", 1)
    (folder / "bad.yaml").write_text(text, encoding="utf-8")
    for command in ("plan", "build", "run"):
        assert main([command, "--matrix", "bad.yaml"]) == 2
        error = capsys.readouterr().err
        for part in ("bad.yaml", "$.runz", "unknown key 'runz'", "legal:", "did you mean 'runs'?"):
            assert part in error
    assert [path.name for path in folder.iterdir()] == ["bad.yaml"]


def test_no_engine_is_exit_3_and_says_what_to_do(folder: Path, capsys: pytest.CaptureFixture[str],
                                                 monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/no.sock")
    assert main(["run"]) == 3
    error = capsys.readouterr().err
    for part in ("no container engine answers", "scripts/engine", "DOCKER_HOST", "--executor here"):
        assert part in error
    assert list(folder.iterdir()) == []


def test_a_wrong_pattern_is_exit_2_before_an_engine_is_looked_for(folder: Path, capsys: pytest.CaptureFixture[str],
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/no.sock")
    assert main(["run", "--only", "nlp/*"]) == 2
    assert "no cell at all" in capsys.readouterr().err


def test_an_internal_error_is_exit_4(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the fault")

    monkeypatch.setattr("bench.plan.plan", broken)
    assert main(["plan"]) == 4
    assert "internal error" in capsys.readouterr().err


def test_plan_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--only", "mlp/tf-cpu/keras/*", "--runs", "5"]) == 0
    out = capsys.readouterr().out
    assert "mlp/tf-cpu/keras/native/default  5 runs" in out
    assert "1 cells, 5 runs" in out


def test_report_writes_a_site_with_its_forms_and_exits_0_or_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As expected: 0. A breach of `expect:`: 1, with a sentence that names cell and runs."""
    plant(folder / "good", (SINGLE, 0, 1), (SINGLE, 1, 1))
    assert main(["report", "--store", "good"]) == 0
    names = {path.name for path in (folder / "report").iterdir()}
    assert names >= {
        "index.html",
        "pair.html",
        "method.html",
        "cells",
        "machines",
        "assets",
        "report.json",
        "report.md",
        "junit.xml",
    }
    plant(folder / "bad", (SINGLE, 0, 1), (SINGLE, 1, 2))
    capsys.readouterr()
    assert main(["report", "--store", "bad"]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert f"BREACH: {SINGLE}: run at least identical" in out
    assert "run 0 against run 1" in out


def test_a_refused_record_is_exit_3_and_the_others_are_reported(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = plant(folder / "store", (SINGLE, 0, 1), (SINGLE, 1, 1), (SINGLE, 2, 1))
    victim = min((folder / "store" / "records").iterdir())
    (victim / "record.json").write_bytes((victim / "record.json").read_bytes()[:-20])
    assert main(["report", "--store", "store"]) == 3
    out = capsys.readouterr().out
    assert f"refused: record {victim.name[:12]}" in out
    assert len(list(store.scan())) == 3
    assert json.loads((folder / "report" / "report.json").read_text())["runs"] == 2


def test_a_damaged_record_that_is_asked_for_is_exit_3(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And not `no such record`."""
    plant(folder / "store", (SINGLE, 0, 1), (SINGLE, 1, 1))
    victim, other = sorted((folder / "store" / "records").iterdir())
    (victim / "arrays.bin").write_bytes(b"")
    for command in (["compare", victim.name[:12], other.name[:12]], ["show", victim.name]):
        assert main([*command, "--store", "store"]) == 3
        assert f"record {victim.name[:12]}: arrays.bin" in capsys.readouterr().err


@pytest.mark.parametrize("victim", ["observations", "blobs"])
def test_a_damaged_observation_is_named_as_a_damaged_record_is(
    folder: Path, victim: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own bytes, or those of its value: exit code 3, and the reason on the terminal and in all forms."""
    store = plant(folder / "store", (SINGLE, 0, 1), (SINGLE, 1, 1))
    name = store.add_observation(*parsed())
    path = store.folder / "observations" / f"{name}.json"
    if victim == "blobs":
        path = store.folder / "blobs" / store.read_observation(name).observation.value.blob
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert main(["report", "--store", "store"]) == 3
    assert f"refused: observation {name[:12]}: " in capsys.readouterr().out
    assert json.loads((folder / "report" / "report.json").read_text())["refused"][0][:2] == ["observation", name]
    for form in ("index.html", "report.md"):
        text = (folder / "report" / form).read_text()
        assert name in text
        assert "have another digest" in text or "do not have the digest" in text
    for command in ("classes", "history", "export"):
        assert main([command, "--store", "store"]) == 3
        assert f"refused: observation {name[:12]}: " in capsys.readouterr().out


def test_a_store_of_nothing_but_damage_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 3 and the reason, and not that there are no records."""
    store = Store(folder / "store")
    name = store.add_observation(*parsed())
    (store.folder / "observations" / f"{name}.json").write_bytes(b"{}")
    assert main(["report", "--store", "store"]) == 3
    assert f"observation {name[:12]}: its bytes do not have the digest" in capsys.readouterr().err


def test_a_damaged_blob_is_named_and_the_report_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = plant(folder / "store", (SINGLE, 0, 1), (SINGLE, 1, 1))
    (blob,) = (store.folder / "blobs").iterdir()
    for damage in (lambda: blob.write_bytes(b"{}"), blob.unlink):
        damage()
        assert main(["report", "--store", "store"]) == 3
        assert f"refused: blob {blob.name[:12]}: " in capsys.readouterr().out
        assert json.loads((folder / "report" / "report.json").read_text())["runs"] == 2


def test_report_bytes_depend_on_the_records_alone(folder: Path) -> None:
    """The same records added in another order give the same bytes of all forms."""
    runs = [(cell, index, index) for cell in (SINGLE, THEANO) for index in range(3)]
    plant(folder / "one", *runs)
    plant(folder / "two", *reversed(runs))
    for store in ("one", "two"):
        main(["report", "--store", store, "-o", f"report-{store}"])
    for name in ("index.html", "report.md", "report.json"):
        assert (folder / "report-one" / name).read_bytes() == (folder / "report-two" / name).read_bytes()


EVIL = "<script>alert(1)</script>|x"


def test_text_of_records_stays_text(folder: Path) -> None:
    """A label with markup shows as text in HTML and breaks no table in Markdown."""
    plant(folder / "store", (SINGLE, 0, 1), (SINGLE, 1, 1), label=EVIL)
    main(["report", "--store", "store"])
    html = (folder / "report" / "index.html").read_text()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html
    markdown = (folder / "report" / "report.md").read_text()
    assert "<script>" not in markdown
    rows = [line for line in markdown.splitlines() if line.startswith("|") and "alert" in line]
    assert rows
    assert all("\\|x" in row for row in rows)


def test_the_page_asks_for_nothing(folder: Path) -> None:
    """Every link, script and style of every page is a file of the site; none has a script of its own inside."""
    plant(folder / "store", ("mlp/tf1-cpu/numpy/supplied/single-thread", 0, 1), (THEANO, 0, 1))
    main(["report", "--store", "store"])
    pages = list((folder / "report").rglob("*.html"))
    assert len(pages) == 8 + 2 + 1
    for path in pages:
        text = path.read_text()
        for target in re.findall(r"""(?:src|href|action)="([^"]*)""", text):
            inside = (path.parent / target.partition("#")[0]).resolve()
            assert target == "data:," or target.startswith("#") or inside.is_file(), f"{path.name}: {target}"
        assert len(re.findall("<script", text)) == len(
            re.findall(r"<script (?:defer src=|type=.application/json)", text)
        )
        assert "@import" not in text
        assert "url(" not in text
    assert "url(" not in (folder / "report" / "assets" / "report.css").read_text()


def test_compare_says_where_two_runs_part(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(folder / "results", (SINGLE, 0, 1), (SINGLE, 1, 1), (SINGLE, 2, 2))
    assert main(["compare", f"{SINGLE}:0", f"{SINGLE}:1"]) == 0
    assert capsys.readouterr().out.startswith("IDENTICAL  (scope: run)")
    assert main(["compare", f"{SINGLE}:0", f"{SINGLE}:2"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("DIFFERENT")
    assert "first divergence: fit 1, init: 0.dense/kernel[0, 0]" in out
    assert main(["compare", f"{SINGLE}:0", "zzz"]) == 2


def test_show_ends_with_the_command_that_repeats_the_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(folder / "results", (SINGLE, 1, 1))
    assert main(["show", f"{SINGLE}:1"]) == 0
    out = capsys.readouterr().out
    assert f"bench run --all --only '{SINGLE}' --seeds 1 --runs 2 --campaign again" in out
    assert main(["show", "--list"]) == 0
    assert SINGLE in capsys.readouterr().out


def test_export_and_collect_move_records(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(folder / "results", (SINGLE, 0, 1), (THEANO, 0, 1))
    assert main(["export", "--only", "mlp/tf1*", "-o", "b.zip"]) == 0
    assert main(["collect", "b.zip", "--store", "other"]) == 0
    assert "1 new records, 0 known, 0 refused" in capsys.readouterr().out
    (folder / "bad.zip").write_bytes(b"x")
    assert main(["collect", "bad.zip", "b.zip", "--store", "other"]) == 3
    out = capsys.readouterr().out
    assert "refused: bad.zip: not a bundle" in out
    assert "0 new records, 1 known" in out
    assert main(["export", "--only", "nothing*"]) == 2


def test_a_store_that_is_not_there_is_exit_2(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["report"], ["show", "--list"], ["compare", "a", "b"], ["export"]):
        assert main(command) == 2
        assert "no store of records here" in capsys.readouterr().err
    assert list(folder.iterdir()) == []


def test_an_unknown_emulation_is_told_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """Before any engine is looked for."""
    assert main(["run", "--emulate", "haswel-caps", "--executor", "here"]) == 2
    assert "haswell-caps" in capsys.readouterr().err
