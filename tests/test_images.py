"""Real images: what is in them, what a build of them costs, and the very same image on another machine."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from bench import images, matrix, resources, sharing
from bench.engine import LABEL, PROJECT, Engine, Image
from bench.errors import RefusedInput, RunError
from bench.images import Context
from bench.inventory import entries
from bench.store import Store, Stored
from tests.engines import ROOT, SHIPPED, built, connect, run_python

pytestmark = pytest.mark.docker

CPU_BACKENDS = [name for name, backend in SHIPPED.backends.items() if backend.accelerator == "cpu"]
#: What is installed, without the standard library's own entries (Python 2.7 lists argparse, wsgiref and itself).
DISTRIBUTIONS = """
import json, sys, guest.stack as stack
print(json.dumps(stack.distributions([path for path in sys.path if path.endswith("site-packages")])))
"""


@pytest.fixture(scope="module")
def engine() -> Engine:
    return connect()


def normalised(name: str) -> str:
    """A distribution's name as PyPA's specification compares them."""
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("backend", CPU_BACKENDS)
def test_lock_and_image_agree(engine: Engine, backend: str) -> None:
    """The distributions inside an image are those of its locks: none more, none fewer, no other version."""
    code, output = run_python(engine, built(engine, backend), ["-c", DISTRIBUTIONS], {})
    assert code == 0, output
    inside = {(normalised(name), version) for name, version, _ in (line.split() for line in json.loads(output))}
    locks = "\n".join(path.read_text() for path in (ROOT / "docker" / backend).glob("*.lock"))
    locked = {
        (normalised(name), version) for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", locks, re.MULTILINE)
    }
    assert inside == locked


@pytest.mark.parametrize("backend", CPU_BACKENDS)
def test_a_compiler_is_only_where_it_is_needed(engine: Engine, backend: str) -> None:
    """Theano compiles at run time; in the other images there is neither a C compiler nor one for C++."""
    look = "import os; print([c for c in ('gcc', 'g++', 'cc', 'c++', 'clang') if os.path.exists('/usr/bin/' + c)])"
    _, output = run_python(engine, built(engine, backend), ["-c", look], {})
    assert ("g++" in output) is SHIPPED.backends[backend].compile_cache, output


def test_building_what_is_there_costs_nothing(engine: Engine) -> None:
    """With every image in the engine, looking at all of them takes less than a second."""
    for backend in CPU_BACKENDS:
        built(engine, backend)
    begin = time.monotonic()
    found = images.ensure(engine, [images.context(name) for name in CPU_BACKENDS], disk_mb={},
                          on_line=lambda backend, line: pytest.fail(f"{backend} was built: {line}"))  # fmt: skip
    assert time.monotonic() - begin < 1
    assert all(one.image is not None and not one.fresh for one in found.values())


@pytest.fixture
def small(engine: Engine, tmp_path: Path) -> Iterator[list[Context]]:
    """Two backends of our own, small and slow to build; never built before, and removed at the end."""
    contexts = []
    for name in ("small-one", "small-two"):
        (tmp_path / name).mkdir()
        lines = ["FROM debian:trixie-slim", f"# {time.time_ns()}", f"RUN sleep 3 && echo {tmp_path} > /made-up"]
        (tmp_path / name / "Dockerfile").write_text("\n".join(lines))
        contexts.append(images.context(name, tmp_path))
    yield contexts
    remove(engine, *(one.tag for one in contexts))


def remove(engine: Engine, *names: str) -> None:
    """Removes images under all of their names, a registry's included."""
    for name in names:
        image = engine.image(name)
        if image is not None:
            engine.client.images.remove(image.id, force=True)


def test_builds_of_different_images_overlap(engine: Engine, small: list[Context]) -> None:
    """The second build begins before the first has ended."""
    said: list[str] = []
    found = images.ensure(engine, small, disk_mb={}, on_line=lambda backend, _line: said.append(backend))
    assert all(one.fresh and one.error is None for one in found.values())
    first, second = said[0], next(name for name in said if name != said[0])
    assert said.index(second) < len(said) - 1 - said[::-1].index(first)


def test_the_label_is_the_digest_of_the_context(engine: Engine, small: list[Context]) -> None:
    """So anyone can tell from an image which files it was built of; one byte more is another image."""
    images.ensure(engine, small[:1], disk_mb={}, on_line=lambda *_: None)
    image = engine.image(small[0].tag)
    assert image is not None
    assert image.labels[f"{LABEL}.context"] == small[0].digest
    other = Context(backend="small-one", files={**small[0].files, "more": b"x"})
    assert other.digest != small[0].digest
    assert engine.image(other.tag) is None


@pytest.fixture(scope="module")
def registry(engine: Engine) -> Iterator[str]:
    """A registry of Debian's on the engine's loopback, `127.0.0.1:PORT`."""
    context = Context(backend="registry", files={"Dockerfile": (ROOT / "tests/registry/Dockerfile").read_bytes()})
    image = engine.image(context.tag) or images.build(engine, context, lambda _line: None)
    port: Any = ("127.0.0.1", None)  # a free one; the SDK's types forget that it takes this
    container = engine.client.containers.run(image.id, detach=True, ports={"5000/tcp": port},
                                             labels={f"{LABEL}.project": PROJECT})  # fmt: skip
    try:
        container.reload()
        (bound,) = container.ports["5000/tcp"] or ({},)
        address = f"127.0.0.1:{bound['HostPort']}"
        deadline = time.monotonic() + 30
        while not answers(address):
            assert time.monotonic() < deadline, container.logs().decode()
            time.sleep(0.2)
        yield address
    finally:
        container.remove(force=True, v=True)


def answers(address: str) -> bool:
    try:
        return requests.get(f"http://{address}/v2/", timeout=5).ok
    except requests.exceptions.RequestException:
        return False


def forget(engine: Engine, image: Image) -> None:
    """Removes an image under all of its names, as if this were another machine."""
    engine.client.images.remove(image.id, force=True)
    assert engine.image(image.id) is None


def bench(*words: str | Path) -> str:
    finished = subprocess.run([sys.executable, "-m", "bench", *map(str, words)], cwd=ROOT, capture_output=True,
                              text=True, check=False)  # fmt: skip
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_two_machines_use_the_very_same_image(engine: Engine, registry: str, tmp_path: Path) -> None:
    """Pushed, forgotten, taken by digest: the same image id, and a run of it ends with the same bits."""
    cell = ["--only", "mlp/numpy-reference/numpy/supplied/float64"]
    run = ["run", *cell, "--runs", "1", "--no-report", "--store"]
    bench(*run, tmp_path / "near")
    image = engine.image(images.context("numpy-reference").tag)
    assert image is not None
    pushed = bench("build", *cell, "--push", registry).split()[-1]
    assert re.fullmatch(rf"{registry}/keras-repro-bench/numpy-reference@sha256:[0-9a-f]{{64}}", pushed)
    forget(engine, image)
    assert f"numpy-reference: taken from {pushed}" in " ".join(bench("build", *cell, "--from", pushed).split())
    there = engine.image(images.context("numpy-reference").tag)
    assert there is not None
    assert there.id == image.id
    bench(*run, tmp_path / "far")
    near, far = ([one for one in Store(tmp_path / name).scan() if isinstance(one, Stored)] for name in ("near", "far"))
    assert near[0].record.outcome is not None
    assert far[0].record.outcome is not None
    assert near[0].record.outcome.result_digest == far[0].record.outcome.result_digest
    assert near[0].record.executor["image"] == far[0].record.executor["image"]
    assert near[0].record.fingerprint is not None
    assert far[0].record.fingerprint is not None
    assert near[0].record.fingerprint.sbom == far[0].record.fingerprint.sbom
    bill = json.loads(Store(tmp_path / "far").blob(str(far[0].record.fingerprint.sbom)))
    assert "pkg:pypi/numpy" in json.dumps(bill)


def test_a_registry_is_asked_for_each_backend_and_the_rest_is_built(engine: Engine, registry: str,
                                                                     small: list[Context]) -> None:  # fmt: skip
    """A tag of the registry is the context's digest, so what it gives is what would have been built."""
    images.ensure(engine, small[:1], disk_mb={}, on_line=lambda *_: None)
    sharing.push(engine, small[0], registry, lambda _line: None)
    contexts = {one.backend: one for one in small}
    assert sharing.pull(engine, sharing.remote(registry, small[0]), contexts) is small[0]
    with pytest.raises(RunError, match=r"small-two.*cannot be pulled"):
        sharing.pull(engine, sharing.remote(registry, small[1]), contexts)


def test_an_image_of_another_context_is_refused(engine: Engine, registry: str, small: list[Context]) -> None:
    """It would be taken for what this checkout builds: the message names both contexts."""
    images.ensure(engine, small[:1], disk_mb={}, on_line=lambda *_: None)
    reference = sharing.push(engine, small[0], registry, lambda _line: None)
    other = Context(backend="small-one", files={**small[0].files, "more": b"x"})
    with pytest.raises(RefusedInput, match=f"{small[0].digest[:16]}.*{other.digest[:16]}"):
        sharing.pull(engine, reference, {"small-one": other})
    with pytest.raises(RefusedInput, match=r"backend 'small-one'; legal: small-two"):
        sharing.pull(engine, reference, {"small-two": small[1]})
    assert engine.image(other.tag) is None


def test_an_image_travels_as_a_file(engine: Engine, small: list[Context], tmp_path: Path) -> None:
    """Saved, forgotten, loaded: the same image id under the same name."""
    images.ensure(engine, small[:1], disk_mb={}, on_line=lambda *_: None)
    image = engine.image(small[0].tag)
    assert image is not None
    path = sharing.save(engine, small[0], tmp_path / "files")
    assert [one.name for one in path.parent.iterdir()] == [f"small-one-{small[0].digest[:16]}.tar"]
    forget(engine, image)
    assert sharing.load(engine, path, {one.backend: one for one in small}) == [small[0]]
    again = engine.image(small[0].tag)
    assert again is not None
    assert again.id == image.id
    with pytest.raises(RunError, match=r"small-two: no image .*bench build"):
        sharing.save(engine, small[1], tmp_path)
    (tmp_path / "other.tar").write_bytes(b"no tar at all")
    with pytest.raises(RunError, match=r"other\.tar: .*(cannot be loaded|no image)"):
        sharing.load(engine, tmp_path / "other.tar", {})


def test_the_list_says_what_each_image_is(engine: Engine, tmp_path: Path) -> None:
    """Asked of the guest inside, not of a file name."""
    (_, entry), (_, missing) = entries(
        engine,
        [images.context("tf1-cpu"), Context(backend="tf1-cpu", files={"Dockerfile": b"FROM nothing"})],
        tmp_path,
    )
    assert missing is None
    assert entry is not None
    assert entry.python == "2.7.18"
    assert {"Keras 2.0.3", "tensorflow 1.1.0"} <= set(entry.frameworks)
    assert entry.base.startswith("debian:bullseye-slim (")
    assert 100e6 < entry.size < 2e9


#: The next release of Keras after the tutorial's.
KERAS_2_0_4 = "1cbe62af6821963321b275d5598fd94e63c11feaa1d4deaa79c9eb9ee0e1d68a"


def test_a_backend_is_one_folder_and_one_entry(engine: Engine, tmp_path: Path) -> None:
    """Another pin of Keras: really built, run, compared and reported, and no line of code knows of it."""
    folder = tmp_path / "docker" / "keras-2.0.4"
    shutil.copytree(ROOT / "docker" / "tf1-cpu", folder)
    (tmp_path / "docker" / "tf1-cpu").symlink_to(ROOT / "docker" / "tf1-cpu")
    for name in ("requirements.in", "requirements.lock"):
        text, count = re.subn(r"keras==2\.0\.3( \\\n *--hash=sha256:)?(?(1)[0-9a-f]{64})",
                              lambda found: "keras==2.0.4" + (found.group(1) or "") + (KERAS_2_0_4 if found.group(1)
                                                                                      else ""),
                              (folder / name).read_text())  # fmt: skip
        assert count == 1
        (folder / name).write_text(text)
    entry = '\n  keras-2.0.4: {title: Keras 2.0.4, framework: tensorflow, python: "2.7"}\n'
    text = resources.find("matrix.yaml").read_text().replace("\nbackends:\n", f"\nbackends:{entry}", 1)
    (tmp_path / "matrix.yaml").write_text(text)
    assert "keras-2.0.4" in matrix.load(tmp_path / "matrix.yaml").backends
    cells = [f"mlp/{name}/full/native/single-thread" for name in ("keras-2.0.4", "tf1-cpu")]
    said = bench("run", "--matrix", tmp_path / "matrix.yaml", "--docker-folder", tmp_path / "docker", "--all", "--runs",
                 "2", *(word for cell in cells for word in ("--only", cell)), "--store", tmp_path / "store",
                 "--report", tmp_path / "report")  # fmt: skip
    found = [one.record for one in Store(tmp_path / "store").scan() if isinstance(one, Stored)]
    assert sorted(record.run.cell for record in found) == sorted(cells * 2)
    assert len({record.run.stack for record in found}) == 2
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert "keras-2.0.4" in said
    assert {cell["cell"]: cell["run_verdict"] for cell in report["cells"]} == dict.fromkeys(cells, "IDENTICAL")
    assert [{pair["left"], pair["right"]} for pair in report["pairs"]] == [{"keras-2.0.4", "tf1-cpu"}]
    assert report["pairs"][0]["verdict"] == "IDENTICAL"
