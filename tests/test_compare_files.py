"""`bench compare FILE FILE` on the command line: exit codes, text, JSON."""

import json
from pathlib import Path

import numpy as np
import pytest

from bench.cli.main import main
from tests.tensorfiles import arrays, write_npz
from tests.test_cli import SINGLE, plant


@pytest.fixture
def three(tmp_path: Path) -> tuple[str, str, str]:
    """A file, the same with one element 1 ULP away, and one with another shape and one tensor more."""
    values = arrays()
    paths = [tmp_path / f"{name}.npz" for name in ("a", "b", "c")]
    write_npz(paths[0], values)
    values["dense/kernel"].reshape(-1).view(np.uint32)[37] += 1
    write_npz(paths[1], values)
    write_npz(paths[2], {**values, "step": np.arange(5), "new": np.ones(1)})
    return str(paths[0]), str(paths[1]), str(paths[2])


def test_exit_codes_and_text(three: tuple[str, str, str], capsys: pytest.CaptureFixture[str]) -> None:
    a, b, c = three
    assert main(["compare", a, a]) == 0
    assert capsys.readouterr().out.startswith("IDENTICAL\n")
    assert main(["compare", a, b]) == 1
    out = capsys.readouterr().out
    for part in ("DIFFERENT     dense/kernel  float32 [7, 5, 3]", "first [2, 2, 1]: ", "1 of 105 elements differ",
                 "largest 1 ULP, median 1 ULP", "digits agree", "7 tensors: "):  # fmt: skip
        assert part in out
    assert main(["compare", a, b, "--at-least", "1 ulp"]) == 0
    assert capsys.readouterr().out.startswith("ROUNDING  (at least 1 ulp)\n")
    assert main(["compare", a, c, "--at-least", "1 ulp"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("INCOMPARABLE")
    assert "shapes (4,) and (5,)" in out
    assert "only in B" in out


def test_json_has_the_same_keys_whatever_the_verdict(three: tuple[str, str, str],
                                                     capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    a, b, c = three
    keys = []
    for other, verdict in ((a, "IDENTICAL"), (b, "DIFFERENT"), (c, "INCOMPARABLE")):
        main(["compare", a, other, "--json"])
        found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
        assert (found["schema"], found["verdict"]) == (1, verdict)
        assert found["overall"]["largest_ulp"] == (0 if other == a else 1)
        keys.append((set(found), set(found["overall"]), {frozenset(one) for one in found["tensors"]}))
    assert keys[0] == keys[1] == keys[2]


@pytest.mark.parametrize("extra", [["--at-least", "2 ulps"], ["--at-least", "close"]])
def test_a_wrong_bound_is_exit_2(extra: list[str], three: tuple[str, str, str],
                                 capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    with pytest.raises(SystemExit) as ended:
        main(["compare", *three[:2], *extra])
    assert ended.value.code == 2
    assert "legal: identical, N ulp, N digits" in capsys.readouterr().err


def test_files_are_not_runs_and_runs_are_not_files(three: tuple[str, str, str], tmp_path: Path,
                                                   capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    """One file alone, a file that is not there, options of the other kind: exit code 2 and what is wrong."""
    for arguments, part in (([three[0], "abc"], "abc: no such file"),
                            (["gone.npy", "gone.npz"], "gone.npy: no such file"),
                            ([three[0], three[1], "--scope", "run"], "--scope is for runs"),
                            (["abc", "abd", "--json"], "are for files")):  # fmt: skip
        assert main(["compare", *arguments, "--store", str(tmp_path)]) == 2
        assert part in capsys.readouterr().err


def test_two_runs_are_compared_as_ever(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(tmp_path / "store", (SINGLE, 0, 1), (SINGLE, 1, 1))
    assert main(["compare", f"{SINGLE}:0", f"{SINGLE}:1", "--store", str(tmp_path / "store")]) == 0
    assert "scope: run" in capsys.readouterr().out


def test_names_of_a_file_command_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"\\u001b[2J": 1, "b": 2}', encoding="utf-8")
    assert main(["compare", str(path), str(path)]) == 0
    assert "\x1b" not in capsys.readouterr().out
