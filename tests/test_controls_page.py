"""docs/controls.md is what the table of controls and the committed records say, and the command writes it."""

from pathlib import Path

import pytest

from bench import analysis
from bench.cli.main import main
from bench.controls import CONTROLS
from bench.report import controls
from tests.engines import ROOT, SHIPPED
from tests.test_switches import LANE, run

PAGE = ROOT / "docs" / "controls.md"
BUNDLE = ROOT / "docs" / "examples" / "controls.zip"


def test_the_committed_page_is_what_the_command_writes(tmp_path: Path) -> None:
    """From the committed records, where there are some: `scripts/measure-controls --report` would change nothing."""
    made = ["controls", "-o", str(tmp_path / "controls.md")]
    if BUNDLE.exists():
        assert main(["collect", str(BUNDLE), "--store", str(tmp_path / "store")]) == 0
        made += ["--store", str(tmp_path / "store")]
    assert main(made) == 0
    assert (tmp_path / "controls.md").read_text(encoding="utf-8") == PAGE.read_text(encoding="utf-8")


def test_every_control_has_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["controls"]) == 0
    printed = capsys.readouterr().out
    for name, control in CONTROLS.items():
        row = next(line for line in printed.splitlines() if line.startswith(f"| {name} |"))
        assert ", ".join(control.frameworks) in row
    assert "## What they move" not in printed


def test_every_entry_has_its_number_of_runs() -> None:
    """Switch x backend x workload; an effect never stands without the runs of both sides."""
    runs = [run("default", index, 1) for index in range(2)]
    runs += [run("jit", index, 2, {"jit": True}) for index in range(3)]
    runs += [run("busy", 0, 1, {"load": 2}, "unverified")]
    text = controls.document(analysis.analyse(runs, SHIPPED, {}))
    assert "| jit | jit = true | tf-cpu | moves bits (2, 3) |" in text
    assert "| busy | load = 2 | tf-cpu | same bits, one run (2, 1) |" in text
    assert f"{LANE.split('/')[0]}, keras, native" in text
    assert "| mlp | tf-cpu | jit | moves bits | 2, 3 |" in text
    assert "from 6 runs of campaign 2026-11-23" in text


def test_a_machine_hides_no_other_and_a_seed_no_other() -> None:
    """What a switch moves on one of them it need not move on the next."""
    seeds = {"numpy": 5, "backend": 6, "keras": 5}
    runs = [run("default", index, 1, machine=name, hardware=name * 64) for name in "ab" for index in range(2)]
    runs += [run("jit", index, 2, {"jit": True}, machine="a", hardware="a" * 64) for index in range(2)]
    runs += [run("jit", index, 1, {"jit": True}, machine="b", hardware="b" * 64) for index in range(2)]
    text = controls.document(analysis.analyse(runs, SHIPPED, {}))
    assert "| jit | jit = true | tf-cpu on a | moves bits (2, 2) |" in text
    assert "| jit | jit = true | tf-cpu on b | moves no bit (2, 2) |" in text
    assert "| mlp | tf-cpu on a | jit | moves bits | 2, 2 |" in text
    runs = [one for one in runs if one.record.run.machine.label == "a"]
    runs += [run("default", index, 3, seeds=seeds, machine="a", hardware="a" * 64) for index in range(2)]
    runs += [run("jit", index, 3, {"jit": True}, seeds=seeds, machine="a", hardware="a" * 64) for index in range(2)]
    text = controls.document(analysis.analyse(runs, SHIPPED, {}))
    (row,) = (line for line in text.splitlines() if line.startswith("| jit | jit = true"))
    assert row.split(" | ")[3].removesuffix(" |").split("; ") == [
        "backend 2, keras 1, numpy 1: moves bits (2, 2)",
        "backend 6, keras 5, numpy 5: moves no bit (2, 2)",
    ]


def test_a_switch_of_one_machine_is_not_one_of_the_others() -> None:
    """They are all named at the head of the page, also those where nothing was switched."""
    runs = [run("default", index, 1, machine=name, hardware=name * 64) for name in "ab" for index in range(2)]
    runs += [run("jit", index, 2, {"jit": True}, machine="a", hardware="a" * 64) for index in range(2)]
    text = controls.document(analysis.analyse(runs, SHIPPED, {}))
    assert "from 6 runs of campaign 2026-11-23; a, b." in text
    assert "| jit | jit = true | tf-cpu on a | moves bits (2, 2) |" in text
