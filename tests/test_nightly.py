"""scripts/nightly: the order of a night, its exit code, and whole nights of three machines, for real."""

import importlib.metadata
import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from packaging.requirements import Requirement

from tests.engines import ROOT
from tests.test_matrix import write

CELL = "mlp/numpy-reference/numpy/supplied/float64"

#: Stands for `bench` and says what it was called with; ends as BENCH_CODES has it for a command.
STUB = """#!/usr/bin/env bash
echo "$*" >>"$BENCH_CALLS"
if [ "$1" = run ]; then mkdir -p results; fi
for one in $BENCH_CODES; do
    if [ "${one%%=*}" = "$1" ]; then exit "${one#*=}"; fi
done
"""

#: This checkout's.
BENCH = f"""#!/bin/sh
PYTHONPATH="{ROOT}" exec "{sys.executable}" -m bench "$@"
"""

#: Put into an environment, no package owns it and no lock names it; it makes square roots that are off by rounding.
DRIFT = """
import numpy
numpy.sqrt = lambda x: numpy.exp(numpy.log(x) / 2)
numpy.seterr(divide="ignore")
"""


def command(folder: Path, text: str) -> Path:
    """A folder with a program `bench`, for the head of PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench").write_text(text, encoding="utf-8")
    (folder / "bench").chmod(0o755)
    return folder


def nightly(folder: Path, program: Path, *words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """The script, called in a folder of its own, with the `bench` of another."""
    environment = {**os.environ, **variables, "PATH": f"{program}:{os.environ['PATH']}"}
    return subprocess.run([ROOT / "scripts" / "nightly", *words], cwd=folder, env=environment, capture_output=True,
                          text=True, check=False)  # fmt: skip


def stubbed(folder: Path, codes: str, *words: str) -> tuple[int, list[str]]:
    """Exit code and the calls of `bench`."""
    calls = folder / "calls"
    done = nightly(folder, command(folder / "bin", STUB), "--no-engine", *words, BENCH_CALLS=str(calls),
                   BENCH_CODES=codes)  # fmt: skip
    return done.returncode, calls.read_text(encoding="utf-8").splitlines() if calls.exists() else [done.stderr]


def test_a_night_runs_exports_collects_reports_and_gates_last(tmp_path: Path) -> None:
    """One campaign all along; the options of runs reach the runs alone, patterns and matrix whatever they select."""
    code, calls = stubbed(tmp_path, "", "--campaign", "monday", "--only", "mlp/tf*", "--matrix", "small.yaml",
                          "--collect", "a.zip", "s3://team/b.zip", "--baseline", "base.json", "--",
                          "--runs", "2")  # fmt: skip
    assert code == 0
    at, chosen = f"--store {tmp_path}/results --campaign monday", f"--matrix {tmp_path}/small.yaml --only mlp/tf*"
    assert calls == [
        f"run {at} --no-report {chosen} --executor here --runs 2",
        f"export {at} -o {tmp_path}/bundle.zip",
        f"collect --store {tmp_path}/results {tmp_path}/a.zip s3://team/b.zip",
        f"report {at} {chosen} --baseline {tmp_path}/base.json -o {tmp_path}/site",
        f"gate {at} {chosen} --baseline {tmp_path}/base.json --junit {tmp_path}/site/gate.xml",
    ]


def test_a_part_of_a_night_is_for_machines_that_only_run_or_only_collect(tmp_path: Path) -> None:
    _, calls = stubbed(tmp_path, "", "--part", "run")
    assert [call.split()[0] for call in calls] == ["run", "export"]
    (tmp_path / "calls").unlink()
    _, calls = stubbed(tmp_path, "", "--part", "collect", "--collect", "a.zip")
    assert [call.split()[0] for call in calls] == ["collect", "report", "gate"]


@pytest.mark.parametrize(("codes", "code"), [
    ("gate=1", 1), ("run=3", 3), ("run=3 gate=1", 3), ("collect=3 gate=1", 3), ("report=1", 0), ("report=3 gate=1", 3),
    ("gate=2 collect=3", 2), ("run=3 gate=2", 2), ("run=4 gate=2", 4), ("gate=4", 4), ("collect=137", 4),
    ("export=2", 3), ("run=3 export=2", 3), ("gate=0", 0),
])  # fmt: skip
def test_the_exit_code_is_the_gates_and_hides_no_failure(tmp_path: Path, codes: str, code: int) -> None:
    """4 before 2 before 3 before 1; and the gate is reached whatever failed before it."""
    found, calls = stubbed(tmp_path, codes, "--collect", "a.zip")
    assert found == code
    assert [call.split()[0] for call in calls] == ["run", "export", "collect", "report", "gate"]


def test_a_typing_error_and_an_interruption_end_the_night_at_once(tmp_path: Path) -> None:
    for codes, code in (("run=2", 2), ("run=130", 130)):
        assert stubbed(tmp_path, codes) == (code, [f"run --store {tmp_path}/results --campaign {today()} --no-report "
                                                   "--executor here"])  # fmt: skip
        (tmp_path / "calls").unlink()


def today() -> str:
    return subprocess.run(["date", "-u", "+%F"], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(("words", "said"), [
    (["--part", "gate"], "legal values: run, collect, all"), (["--runs", "2"], "come after --"),
    (["--store"], "--store needs a value"),
])  # fmt: skip
def test_wrong_options_are_exit_2_and_nothing_runs(tmp_path: Path, words: list[str], said: str) -> None:
    code, calls = stubbed(tmp_path, "", *words)
    assert code == 2
    assert said in calls[0]


def environment(folder: Path) -> tuple[Path, Path]:
    """A Python with what the guest imports of this one's packages and no more, so that what else is installed here in
    the meantime is no other stack; and the folder of its packages."""
    venv.create(folder, symlinks=True)
    [own] = folder.glob("lib/python3*/site-packages")
    wanted, done = ["numpy", "pandas", "scikit-learn"], set()
    while wanted:
        name = wanted.pop()
        done.add(name)
        found = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}:
            if not (own / top).exists():
                (own / top).symlink_to(found.locate_file(top))  # type: ignore[arg-type]
        needs = [Requirement(text) for text in found.requires or ()]
        wanted += [one.name for one in needs if one.name not in done and (not one.marker or one.marker.evaluate())]
    return folder / "bin" / "python", own


class Fleet:
    """Three machines: this one, and two that it is made to pass for. The first collects."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = command(
            folder / "bin", f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m bench "$@"\n'
        )
        self.python, self.own = environment(folder / "python")
        self.matrix = write(folder, lambda raw: raw["workloads"].update(mlp={"repeats": 2, "epochs": 5}))

    def machine(self, night: str, emulation: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """A machine's part of a night, or with `--collect` all of it."""
        as_other = () if emulation == "native" else ("--emulate", emulation)
        store = self.folder / emulation
        return nightly(self.folder, self.program, "--no-engine", "--campaign", night, "--store", store,
                       "--matrix", self.matrix, "--only", CELL, "--bundle", store / "bundle.zip", *words, "--",
                       "--interpreter", self.python, "--machine", "lab", "--runs", "1", *as_other)  # fmt: skip

    def night(self, name: str) -> subprocess.CompletedProcess[str]:
        others = ("haswell-caps", "nehalem-caps")
        for other in others:
            done = self.machine(name, other, "--part", "run")
            assert done.returncode == 0, done.stdout + done.stderr
        return self.machine(name, "native", "--collect", *(self.folder / other / "bundle.zip" for other in others))

    def bench(self, *words: str | Path) -> str:
        done = subprocess.run([self.program / "bench", *words], cwd=self.folder, capture_output=True, text=True,
                              check=False)  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.mark.workflows
def test_a_drift_on_one_machine_of_three_turns_the_night_red_and_nothing_else_does(tmp_path: Path) -> None:
    """Four nights. The first is blessed, the second is as it was. In the third a file that no package owns changes one
    machine's square roots: red, with a sentence that names cell and machine. The fourth, without it, is green again."""
    fleet = Fleet(tmp_path)
    first = fleet.night("2026-12-01")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "3 new" in fleet.bench("bless", "--reason", "measured", "--store", "native")

    second = fleet.night("2026-12-02")
    assert second.returncode == 0, second.stdout + second.stderr
    again = fleet.machine("2026-12-02", "native")  # the same night resumes
    assert again.returncode == 0
    assert "1 of 1 runs are in the store already" in again.stdout

    (fleet.own / "sitecustomize.py").write_text(DRIFT, encoding="utf-8")
    assert fleet.machine("2026-12-03", "haswell-caps", "--part", "run").returncode == 0
    (fleet.own / "sitecustomize.py").unlink()
    third = fleet.night("2026-12-03")  # haswell-caps has its run of this night already
    assert third.returncode == 1, third.stdout + third.stderr
    breaches = [line for line in third.stdout.splitlines() if "BREACH: " in line and "seen" in line]
    assert len(breaches) == 1
    for part in (f"{CELL} on lab as haswell-caps", "wanted identical at scope night", "on the same stack"):
        assert part in breaches[0]
    failed = ET.parse(tmp_path / "site" / "gate.xml").getroot().findall(".//failure")
    assert len(failed) == 1
    assert (tmp_path / "site" / "index.html").is_file()
    report = json.loads((tmp_path / "site" / "report.json").read_text(encoding="utf-8"))
    assert report["campaign"] == "2026-12-03"

    fourth = fleet.night("2026-12-04")
    assert fourth.returncode == 0, fourth.stdout + fourth.stderr
    assert "BREACH" not in fourth.stdout  # the report and the gate know one baseline
