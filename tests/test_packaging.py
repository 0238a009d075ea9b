"""The wheel is whole: what a checkout has at its top, the package carries inside."""

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import resources
from bench.cli.main import main
from tests.engines import ROOT


def installed() -> set[str]:
    """Files of the installed package; skipped where the tests run from a checkout alone."""
    try:
        distribution = importlib.metadata.distribution("keras-repro-bench")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("keras-repro-bench is not installed here (tox installs its wheel)")
    if json.loads(distribution.read_text("direct_url.json") or "{}").get("dir_info", {}).get("editable"):
        pytest.skip("keras-repro-bench is installed as an editable checkout: there is no wheel to look at")
    return {str(file) for file in distribution.files or ()}


def test_the_wheel_ships_every_backend_matrix_reference_guest_and_template() -> None:
    files = installed()
    wanted = {f"bench/shipped/{path.relative_to(ROOT)}" for folder in ("docker", "reference")
              for path in (ROOT / folder).rglob("*") if path.is_file()}  # fmt: skip
    wanted |= {"bench/shipped/matrix.yaml", "bench/report/templates/index.html"}
    wanted |= {str(path.relative_to(ROOT)) for path in (ROOT / "bench" / "guest").rglob("*.py")}
    assert wanted - files == set()


def test_the_installed_command_plans_the_shipped_matrix(tmp_path: Path) -> None:
    installed()
    command = Path(sys.executable).with_name("bench")
    done = subprocess.run([command, "plan"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "mlp/theano-cpu/numpy/native/default" in done.stdout


def test_a_missing_resource_says_what_to_do() -> None:
    with pytest.raises(FileNotFoundError, match="install keras-repro-bench again"):
        resources.find("nothing")


def test_python_m_bench_is_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    done = subprocess.run([sys.executable, "-m", "bench", "--version"], cwd=ROOT, capture_output=True, text=True,
                          check=False)  # fmt: skip
    with pytest.raises(SystemExit):
        main(["--version"])
    assert done.stdout == capsys.readouterr().out
