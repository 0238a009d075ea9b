"""The guest's own unit tests, run where the guest runs: each Python of this host, and each backend's image."""

import os
import re
from pathlib import Path

import pytest

from bench import process
from bench.executors.here import find_python
from tests.engines import ROOT, SHIPPED, built, connect, run_python

VERSIONS = ("2.7", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13")
TESTS = ROOT / "tests" / "guest"
DISCOVER = ["-m", "unittest", "discover", "-s"]


def ran(output: str) -> int:
    """How many tests unittest says it ran."""
    match = re.search(r"^Ran (\d+) tests?", output, re.MULTILINE)
    return int(match.group(1)) if match else 0


@pytest.mark.guest
@pytest.mark.parametrize("version", VERSIONS)
def test_guest_on_this_hosts_python(version: str, tmp_path: Path) -> None:
    """The guest compiles and passes its tests on every interpreter that it supports."""
    python = find_python(version)
    if python is None:
        pytest.skip(f"no Python {version} on PATH or under pyenv's versions")
    (tmp_path / "guest").symlink_to(ROOT / "bench" / "guest")
    variables = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    finished = process.run([python, *DISCOVER, TESTS], environment=variables, folder=tmp_path, seconds=120)
    output = finished.output.decode()
    assert finished.exit_code == 0, output
    assert ran(output) >= 20, output


def images_of(accelerator: str) -> list[str]:
    return [name for name, backend in SHIPPED.backends.items() if backend.accelerator == accelerator]


@pytest.mark.guest
@pytest.mark.parametrize(
    "backend",
    # An image with CUDA has 5 to 9 GB, so it is built by night (`tox -e guest -- -m large`) and not by every check.
    [*images_of("cpu"), *(pytest.param(name, marks=pytest.mark.large) for name in images_of("gpu"))],
)
def test_guest_inside_the_image(backend: str) -> None:
    """The guest passes its tests in its image, with that image's Python, NumPy and user."""
    engine = connect()
    files = {f"tests/{path.name}": path.read_bytes() for path in TESTS.glob("*.py")}
    code, output = run_python(engine, built(engine, backend), [*DISCOVER, "/bench/job/tests"], files)
    assert code == 0, output
    assert ran(output) >= 20, output
    assert "NumPy" not in output, f"tests that need NumPy were skipped in an image that has it:\n{output}"
