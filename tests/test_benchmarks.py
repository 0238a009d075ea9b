"""The benchmarks run, and what they count is right; their figures are another matter (docs/performance.md)."""

import subprocess
import sys

from tests.engines import ROOT


def run(name: str, *words: str) -> str:
    command = [sys.executable, str(ROOT / "benchmarks" / name), *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_planted_faults_are_found_and_placed_and_clean_pairs_are_not_flagged() -> None:
    said = run("faults.py", "--trials", "10", "--seed", "11")
    assert "| nothing (a clean pair) | 10 | 0 flagged | 10 IDENTICAL |" in said
    assert said.count("| 10 | 10 | 10 |") == 8


def test_a_thousand_runs_are_classified_and_explained() -> None:
    """The benchmark itself checks that the planted key explains every split."""
    assert "| 1,000 |" in run("classes.py", "--records", "0", "--rows", "1000")
