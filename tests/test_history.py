"""Nights on planted machines: a changed result is found on the night it changed, with what else changed."""

from pathlib import Path

import pytest

from bench import history, index
from bench.cli.main import main
from bench.history import Change
from bench.store import Store
from tests.planted import Planted
from tests.test_classes import observation, planted


def night(day: int, *, seed: int = 7, number: int = 0, kernel: str = "6.1") -> Planted:
    """A run of the machine `box` on a night of November."""
    one = planted("box", seed=seed, number=number, campaign=f"2026-11-{day:02d}", surroundings={"kernel": kernel})
    one.started = f"2026-11-{day:02d}T02:00:{number:02d}.000Z"
    return one


def found(tmp_path: Path, runs: list[Planted]) -> tuple[Change, ...]:
    store = Store(tmp_path / "store")
    for one in runs:
        store.add(*one.record())
    return history.changes(index.refresh(store))


def test_a_new_kernel_with_a_new_result(tmp_path: Path) -> None:
    (one,) = found(tmp_path, [night(1), night(2), night(3, seed=8, kernel="6.2"), night(4, seed=8, kernel="6.2")])
    assert (one.before, one.after, one.results, one.machine) == ("2026-11-02", "2026-11-03", "changed", "box")
    assert history.brief(one.keys) == ("surroundings.kernel: 6.1 -> 6.2",)


def test_a_new_kernel_with_the_same_result(tmp_path: Path) -> None:
    (one,) = found(tmp_path, [night(1), night(2, kernel="6.2")])
    assert one.results == "same"


def test_nights_alike_are_no_change(tmp_path: Path) -> None:
    assert found(tmp_path, [night(1), night(2), night(3)]) == ()


def test_runs_that_no_longer_agree(tmp_path: Path) -> None:
    """One result, then two, then one: came apart, came together; and a second night that does not repeat is no news."""
    runs = [night(1), night(1, number=1), night(2), night(2, number=1, seed=8), night(3, seed=9),
            night(3, number=1, seed=10), night(4)]  # fmt: skip
    assert [(one.after, one.results) for one in found(tmp_path, runs)] == [
        ("2026-11-02", "came apart"), ("2026-11-04", "came together")]  # fmt: skip


def test_campaigns_go_by_time_and_not_by_name(tmp_path: Path) -> None:
    first, second = night(1), night(2, seed=8)
    first.campaign, second.campaign = "zebra", "ant"
    (one,) = found(tmp_path, [second, first])
    assert (one.before, one.after) == ("zebra", "ant")


def test_a_pattern_passes_over_observations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The subject of another tool is no cell, and no fault of a pattern for cells."""
    (tmp_path / "thesis.jsonl").write_text(
        "\n".join(observation("a", bits, "avx2", run=run) for bits, run in (("0x1.0p0", "a"), ("0x1.8p0", "b"))) + "\n"
    )
    store = str(tmp_path / "store")
    assert main(["collect", "--observations", str(tmp_path / "thesis.jsonl"), "--store", store]) == 0
    assert main(["history", "--store", store, "--only", "mlp/*"]) == 0
    assert "changes of results: 0" in capsys.readouterr().out
    assert main(["history", "--store", store, "--only", "sum*"]) == 0
    assert "sum of the thesis on a: a -> b: changed" in capsys.readouterr().out


def test_the_command_names_the_night_and_the_comparison(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found(tmp_path, [night(1), night(2, seed=8, kernel="6.2"), night(3, seed=8, kernel="6.3")])
    assert main(["history", "--store", str(tmp_path / "store")]) == 0
    said = capsys.readouterr().out
    assert "on box: 2026-11-01 -> 2026-11-02: changed" in said
    assert "surroundings.kernel: 6.1 -> 6.2" in said
    assert "6.3" not in said
    assert "changes of results: 1; of the fingerprint alone: 1" in said
    compared = next(line.split() for line in said.splitlines() if "bench compare" in line)
    assert main(["compare", *compared[2:]]) == 1
