"""The baseline file: what it holds, what blessing again replaces, and what of it is refused."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from bench import baseline, index
from bench.baseline import Baseline
from bench.cli import options
from bench.cli.main import main
from bench.errors import RefusedInput
from bench.store import Store, Stored
from tests.planted import Planted, fits
from tests.test_gate import CELL, OTHER, night

TODAY = dt.date(2026, 12, 1)


def made(*runs: Stored, why: str = "first") -> Baseline:
    return baseline.merged(None, baseline.entries(runs, when=TODAY, why=why))


def test_an_entry_has_whole_digests_counts_and_the_reason() -> None:
    runs = night(1), night(1, 1), night(1, 2, seed=8)
    (entry,) = made(*runs).entries
    results = [run.record.outcome.result_digest for run in runs if run.record.outcome]
    assert [(one.result, one.runs) for one in entry.classes] == sorted([(results[0], 2), (results[2], 1)])
    assert {one.record for one in entry.classes} == {runs[0].digest, runs[2].digest}
    assert (entry.key, entry.campaign) == ((index.subject(runs[0].record), "b" * 64, "a" * 64), "2026-11-01")
    assert (entry.blessed, entry.reason, entry.machines, entry.runs) == ("2026-12-01", "first", ("box",), 3)


def test_the_same_runs_in_any_order_are_the_same_bytes_and_nothing_in_them_is_a_number_of_a_result() -> None:
    runs = [night(1, cell=cell) for cell in (CELL, OTHER)]
    content = made(*runs).to_json()
    assert content == made(*reversed(runs)).to_json()
    assert baseline.from_json(content).to_json() == content
    numbers = [
        value for entry in json.loads(content)["entries"] for value in entry.values() if isinstance(value, float)
    ]
    assert numbers == []
    assert b"." not in content.replace(b"2026", b"").replace(b"/native/", b"")


@pytest.mark.parametrize("fields", [{"stack": "f" * 64}, {"hardware": "f" * 64}, {"cell": OTHER}, {"epochs": 9},
                                    {"seeds": {"numpy": 5, "backend": 6, "keras": 5}}])  # fmt: skip
def test_what_is_of_another_subject_stack_or_machine_class_is_another_entry(fields: dict[str, Any]) -> None:
    first = made(night(1))
    both = baseline.merged(first, baseline.entries([night(2, seed=8, **fields)], when=TODAY, why="second"))
    assert first.entries[0] in both.entries
    assert len(both.entries) == 2


def test_blessing_again_replaces_what_it_speaks_of() -> None:
    both = made(night(1), night(1, cell=OTHER))
    again = baseline.merged(both, baseline.entries([night(2, seed=8)], when=TODAY, why="second"))
    assert [(one.subject.split()[0], one.reason) for one in again.entries] == [(OTHER, "first"), (CELL, "second")]


def test_machines_of_one_class_share_an_entry() -> None:
    (entry,) = made(night(1), night(1, machine="lab", seed=8)).entries
    assert (entry.machines, len(entry.classes)) == (("box", "lab"), 2)


def test_a_trace_that_keeps_less_splits_no_class() -> None:
    (whole,) = made(night(1)).entries[0].classes
    (entry,) = made(night(1), night(1, 1, trace="scores")).entries
    assert [(one.runs, one.way) for one in entry.classes] == [(2, whole.way)]


def damaged(change: Any) -> bytes:
    raw = json.loads(made(night(1)).to_json())
    change(raw)
    return json.dumps(raw).encode()


@pytest.mark.parametrize(("content", "wanted"), [
    (b"", "not JSON"),
    (b"[]", "schema None"),
    (damaged(lambda raw: raw.update(schema=2)), "schema 2; this bench reads 1"),
    (damaged(lambda raw: raw.update(schema=True)), "schema True"),
    (damaged(lambda raw: raw["entries"][0].pop("reason")), r"\$.entries.0.reason"),
    (damaged(lambda raw: raw["entries"][0].update(stack="bbb")), r"\$.entries.0.stack"),
    (damaged(lambda raw: raw["entries"][0].update(classes=[])), r"\$.entries.0.classes"),
    (damaged(lambda raw: raw["entries"][0].update(tolerance=1)), r"\$.entries.0.tolerance"),
    (damaged(lambda raw: raw["entries"][0]["classes"][0].update(result="0.169326527063")), "classes.0.result"),
    (damaged(lambda raw: raw["entries"].append(raw["entries"][0])), "two entries for mlp/"),
])  # fmt: skip
def test_what_is_damaged_is_refused_with_the_reason(tmp_path: Path, content: bytes, wanted: str) -> None:
    path = tmp_path / "baseline.json"
    path.write_bytes(content)
    with pytest.raises(RefusedInput, match=wanted) as caught:
        baseline.read(path)
    assert str(path) in str(caught.value)


def test_no_file_is_no_baseline(tmp_path: Path) -> None:
    assert baseline.read(tmp_path / "none.json") is None


# bench bless


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(options, "today", lambda: TODAY)
    return Store(Path("team"))


def add(store: Store, *runs: Stored) -> None:
    for one in runs:
        store.add(one.record, one.content)


def test_bless_records_the_latest_campaign_and_tells_what_changed(
    team: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    add(team, night(1), night(1, cell=OTHER))
    assert main(["bless", "--store", "team", "--reason", "first"]) == 0
    assert "blessed 2: 2 new, 0 changed, 0 as they were" in capsys.readouterr().out
    add(team, night(2, seed=8), night(2, cell=OTHER))
    assert main(["bless", "--store", "team", "--reason", "new kernel"]) == 0
    said = capsys.readouterr().out
    assert "blessed 2: 0 new, 1 changed, 1 as they were" in said
    before, after = (run.record.outcome.result_digest[:12] for run in (night(1), night(2, seed=8))
                     if run.record.outcome and run.record.outcome.result_digest)  # fmt: skip
    assert f"{before} -> {after}" in said


def test_bless_of_some_cells_leaves_the_others(team: Store) -> None:
    add(team, night(1), night(1, cell=OTHER))
    assert main(["bless", "--store", "team", "--reason", "all"]) == 0
    add(team, night(2, seed=8), night(2, cell=OTHER, seed=8))
    assert main(["bless", "--store", "team", "--reason", "one", "--only", CELL]) == 0
    known = baseline.read(Path("baseline.json"))
    assert known is not None
    assert {one.subject.split()[0]: one.reason for one in known.entries} == {CELL: "one", OTHER: "all"}


@pytest.mark.parametrize(("arguments", "wanted"), [
    (["--reason", " "], "--reason: empty"),
    (["--reason", "x", "--campaign", "none"], "campaign none: no runs that are ok; the store has the campaigns 2026"),
    (["--reason", "x", "--only", "mlq/*"], "none of a cell of --only"),
])  # fmt: skip
def test_bless_of_nothing_is_exit_2(team: Store, capsys: pytest.CaptureFixture[str], arguments: list[str],
                                    wanted: str) -> None:  # fmt: skip
    add(team, night(1))
    assert main(["bless", "--store", "team", *arguments]) == 2
    assert wanted in capsys.readouterr().err
    assert not Path("baseline.json").exists()


def test_nothing_is_blessed_beside_a_record_that_cannot_be_trusted(
    team: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """The damaged one may be the one that is otherwise."""
    add(team, night(1), night(1, 1))
    (next((team.folder / "records").iterdir()) / "arrays.bin").write_bytes(b"x")
    assert main(["bless", "--store", "team", "--reason", "x"]) == 3
    assert "nothing blessed" in capsys.readouterr().out
    assert not Path("baseline.json").exists()


def test_a_damaged_baseline_is_not_written_over(team: Store) -> None:
    add(team, night(1))
    Path("baseline.json").write_text("{")
    assert main(["bless", "--store", "team", "--reason", "x"]) == 3
    assert Path("baseline.json").read_text() == "{"


def test_only_runs_that_are_ok_are_blessed(team: Store) -> None:
    add(team, night(1))
    record, _ = Planted(cell=OTHER, fits=fits(), campaign="2026-11-01", started="2026-11-01T03:00:00.000Z").record()
    team.add(record.model_copy(update={"status": "failed", "reason": "x", "outcome": None, "arrays": None}), b"")
    assert main(["bless", "--store", "team", "--reason", "x"]) == 0
    known = baseline.read(Path("baseline.json"))
    assert known is not None
    assert [one.subject.split()[0] for one in known.entries] == [CELL]
