"""What container tests share: the engine, or the reason why there is none."""

import os
from pathlib import Path
from typing import Any

from bench import images, matrix, resources
from bench.engine import Engine
from bench.errors import RunError

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = matrix.load(resources.find("matrix.yaml"))


def connect() -> Engine:
    """The engine; without one the test is skipped, or fails where BENCH_REQUIRE_ENGINE is set (as in CI)."""
    try:
        return Engine.connect()
    except RunError as error:
        if os.environ.get("BENCH_REQUIRE_ENGINE"):
            raise
        import pytest  # benchmarks use this module too, without pytest

        pytest.skip(str(error))


def run_python(engine: Engine, image: str, arguments: list[str], files: dict[str, bytes]) -> tuple[int, str]:
    """Exit code and output of the image's own Python, with files under /bench/job, isolated as a run is."""
    from bench.engine import JOB, tar

    options: dict[str, Any] = {"entrypoint": ["/opt/venv/bin/python"], "network_mode": "none", "read_only": True}
    container = engine.client.containers.create(image, arguments, **options)
    try:
        container.put_archive(JOB, tar(files))
        container.start()
        code = int(container.wait()["StatusCode"])
        return code, container.logs().decode("utf-8", "replace")
    finally:
        container.remove(force=True, v=True)


def built(engine: Engine, backend: str) -> str:
    """The tag of a backend's image, built if it is missing."""
    context = images.context(backend)
    found = images.ensure(engine, [context], disk_mb={}, on_line=lambda _backend, _line: None)[backend]
    if found.error is not None:
        raise found.error
    return context.tag
