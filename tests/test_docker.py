"""Real containers, real frameworks: the facts that the project stands on, and what happens when runs go wrong."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench import campaign, comparison, distance, groups, images, plan, records, verification
from bench.bound import Bound
from bench.campaign import Settings
from bench.digests import sha256
from bench.engine import LABEL, ContainerSpec, Engine
from bench.errors import RunError
from bench.executors.docker import DockerExecutor
from bench.executors.here import HereExecutor, find_python
from bench.matrix import Matrix
from bench.matrix.file import Limits
from bench.plan import Run
from bench.records import Record
from bench.store import Store, Stored
from tests.engines import ROOT, SHIPPED, built, connect, run_python

pytestmark = pytest.mark.docker

#: The tutorial's seeded Theano numbers (reference/published.yaml has them too; these were typed from its page).
THEANO = (0.169326527063, 2.75750621228e-05, 0.0183287291562, 1.93553737255e-07, 0.0549871087449,
          0.0906326807824, 0.00337575114075, 0.00414857518259, 8.14587362008e-08, 0.0522927019639)  # fmt: skip

#: TensorFlow 1.1.0, seeds 1 and 2, one thread of each kind: measured on other machines, to twelve digits.
TENSORFLOW_1 = ("0.224316076305", "0.00151651131035", "0.00386284175147", "0.0290917018537", "0.00942688378102",
                "0.0132569661096", "0.0204564977004", "0.0358303609327", "0.00439014371272",
                "0.298488191292")  # fmt: skip

CELLS = {
    "mlp/theano-cpu/numpy/native/default": 3,
    "mlp/theano-cpu/numpy/native/cold": 1,
    "mlp/theano-cpu/numpy/supplied/single-thread": 1,
    "mlp/tf1-cpu/full/native/single-thread": 2,
    "mlp/tf1-cpu/full/native/inter-8": 3,
    "mlp/tf1-cpu/numpy/supplied/single-thread": 1,
    "mlp/theano-cpu/numpy/supplied/ordered": 1,
    "mlp/tf1-cpu/numpy/supplied/ordered": 1,
    "mlp/tf1-cpu/full/native/ordered-8": 3,
    "mlp/tf-cpu/keras/native/default": 2,
    "mlp/tf-cpu/full/native/default": 2,
    "mlp/tf-cpu/numpy/supplied/single-thread": 1,
}


class Quiet:
    """A listener that keeps the notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def build(self, backend: str, line: str) -> None: ...

    def begin(self, total: int, present: int) -> None: ...

    def start(self, run: Run) -> None: ...

    def end(self, run: Run, record: Record) -> None: ...

    def note(self, text: str) -> None:
        self.notes.append(text)


def runs(cells: dict[str, int], matrix: Matrix = SHIPPED) -> tuple[Run, ...]:
    """The runs of some cells, in the order given."""
    return tuple(run for cell, count in cells.items()
                 for run in plan.plan(matrix, campaign="test", only=[cell], pool="space", runs=count))  # fmt: skip


def execute(store: Store, cells: dict[str, int], executor: Any, change: Callable[[Run], Run] = lambda run: run,
            jobs: int = 1) -> campaign.Result:  # fmt: skip
    return campaign.execute([change(run) for run in runs(cells)], executor=executor, store=store,
                            settings=Settings(machine="test", jobs=jobs), listener=Quiet())  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> Engine:
    return connect()


@pytest.fixture(scope="module")
def real(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> dict[str, groups.Group]:
    """One campaign of real runs that several tests look at, two runs at a time; the groups by cell."""
    store = Store(tmp_path_factory.mktemp("real"))
    result = execute(store, CELLS, DockerExecutor(engine, limits=SHIPPED.limits), jobs=2)
    assert [record.reason for record in result.records if not record.ok] == []
    found = groups.group(one for one in store.scan() if isinstance(one, Stored))
    assert len(found) == len(CELLS)
    return {str(group.cell): group for group in found}


def scores(stored: Stored) -> list[float]:
    assert stored.record.outcome is not None
    return [repeat.score_value for repeat in stored.record.outcome.repeats]


def test_theano_prints_the_tutorials_numbers(real: dict[str, groups.Group]) -> None:
    """Every run of the seeded Theano recipe is within 5e-4 of the published numbers, the first to 6.9 digits."""
    group = real["mlp/theano-cpu/numpy/native/default"]
    assert group.verdict == "IDENTICAL"
    ours = scores(group.first)
    assert all(abs(one - known) <= 5e-4 * known for one, known in zip(ours, THEANO, strict=True))
    assert distance.digits(ours[0], THEANO[0]) >= 6.9


def test_runs_are_fresh_containers_and_processes(real: dict[str, groups.Group]) -> None:
    """IDENTICAL is about three containers, three processes and three start times, not one run seen thrice."""
    group = real["mlp/theano-cpu/numpy/native/default"]
    seen = [one.record for one in group.runs]
    assert len({record.executor["container"] for record in seen}) == 3
    assert len({record.executor["pid"] for record in seen}) == 3
    assert len({record.started for record in seen}) == 3


def test_one_flipped_bit_of_a_real_run_is_different(real: dict[str, groups.Group]) -> None:
    """A guest whose output differs by one bit of one prediction is found and placed."""
    left, right = real["mlp/theano-cpu/numpy/native/default"].runs[:2]
    outcome = right.record.outcome
    assert outcome is not None
    array = outcome.repeats[4].predictions
    content = bytearray(right.content)
    content[array.offset + 8] ^= 1  # the last bit of the third prediction of the fifth fit
    raw = right.record.model_dump(mode="json", by_alias=True)
    entry = raw["outcome"]["repeats"][4]["predictions"]
    changed = bytes(content[array.offset : array.offset + array.nbytes])
    entry["sha256"] = sha256(b"<f4 9,1\n" + changed)
    patched = records.from_json(json.dumps(raw).encode())
    assert patched.outcome is not None
    lines = "".join(line + "\n" for line in records.result_lines(patched.outcome.repeats))
    raw["outcome"]["result_digest"] = sha256(lines.encode())
    raw["arrays"]["sha256"] = sha256(bytes(content))
    patched = records.from_json(json.dumps(raw).encode())
    verification.verify(patched, bytes(content))
    found = comparison.compare(left, replace(right, record=patched, content=bytes(content)), "run")
    assert found.verdict == "DIFFERENT"
    assert found.divergence is not None
    assert (found.divergence.repeat, found.divergence.stage) == (5, "predictions")
    assert (found.divergence.element, found.divergence.ulp) == ((2, 0), 1)


def test_cold_and_warm_compile_cache_give_the_same_bits(real: dict[str, groups.Group]) -> None:
    """Theano compiling anew and Theano using what an earlier run compiled end with one result."""
    cold = real["mlp/theano-cpu/numpy/native/cold"].first.record.outcome
    warm = real["mlp/theano-cpu/numpy/native/default"].first.record.outcome
    assert cold is not None
    assert warm is not None
    assert cold.compile_cache is None
    assert str(warm.compile_cache).startswith("mlp-native-default.")
    assert cold.result_digest == warm.result_digest


def test_tensorflow_1_repeats_with_one_thread_only(real: dict[str, groups.Group]) -> None:
    """Seeded TensorFlow 1 repeats with one thread of each kind, and does not with eight operations at a time."""
    single = real["mlp/tf1-cpu/full/native/single-thread"]
    assert single.verdict == "IDENTICAL"
    assert tuple(f"{score:.12g}" for score in scores(single.first)) == TENSORFLOW_1
    assert real["mlp/tf1-cpu/full/native/inter-8"].verdict == "DIFFERENT"


def test_keras_3_needs_its_own_recipe(real: dict[str, groups.Group]) -> None:
    """In Keras 3 the tutorial's recipe does not even fix the initial weights; set_random_seed does."""
    assert real["mlp/tf-cpu/keras/native/default"].verdict == "IDENTICAL"
    full = real["mlp/tf-cpu/full/native/default"]
    assert full.verdict == "DIFFERENT"
    assert full.comparisons[0].divergence is not None
    assert full.comparisons[0].divergence.stage == "init"


def test_supplied_lane_starts_identical_everywhere(real: dict[str, groups.Group]) -> None:
    """All backends start from the bits that the bench supplies, and part at a named epoch."""
    lane = [group for cell, group in real.items() if "/supplied/single-thread" in cell]
    assert {group.cell.backend for group in lane} == {"theano-cpu", "tf1-cpu", "tf-cpu"}
    for other in lane[1:]:
        found = comparison.compare(lane[0].first, other.first, "backend")
        assert found.verdict == "DIFFERENT", found.reason
        assert found.measures is not None
        assert found.measures.same_init
        assert found.weights_divergence is not None
        assert found.weights_divergence.epoch is not None


def test_ordered_updates_are_why_tensorflow_1_parts(real: dict[str, groups.Group]) -> None:
    """With no weight assigned before all gradients are there, TensorFlow 1 repeats with eight operations at a time,
    and stays within rounding of Theano; without, it does neither."""
    assert real["mlp/tf1-cpu/full/native/ordered-8"].verdict == "IDENTICAL"
    bound = Bound(kind="digits", limit=4)
    found = {}
    for preset in ("single-thread", "ordered"):
        theano, tensorflow = (real[f"mlp/{name}/numpy/supplied/{preset}"].first for name in ("theano-cpu", "tf1-cpu"))
        found[preset] = comparison.compare(theano, tensorflow, "backend", bound).verdict
    assert found == {"single-thread": "DIFFERENT", "ordered": "ROUNDING"}


PLAIN = """
import sys
SEEDING, THREADS = sys.argv[1], sys.argv[2]
if SEEDING in ("numpy", "full"):
    from numpy.random import seed
    seed(1)
if SEEDING == "full":
    from tensorflow import set_random_seed
    set_random_seed(2)
if SEEDING == "keras":
    import keras
    keras.utils.set_random_seed(1)
from pandas import DataFrame, concat
from keras.models import Sequential
from keras.layers import Dense
from sklearn.metrics import mean_squared_error
if THREADS == "1":
    import tensorflow
    from keras import backend
    backend.set_session(tensorflow.Session(config=tensorflow.ConfigProto(
        intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)))
frame = DataFrame([step / 10.0 for step in range(10)])
frame = concat([frame.shift(1), frame], axis=1)
frame.dropna(inplace=True)
X, y = frame.values[:, 0], frame.values[:, 1]
for repeat in range(10):
    model = Sequential()
    model.add(Dense(10, input_dim=1))
    model.add(Dense(1))
    model.compile(loss="mean_squared_error", optimizer="adam")
    model.fit(X, y, epochs=100, batch_size=len(X), verbose=0)
    error = mean_squared_error(y, model.predict(X, verbose=0)[:, 0])
    print("SCORE " + float(error).hex())
"""


@pytest.mark.parametrize(
    ("cell", "framework", "threads"),
    [
        ("mlp/theano-cpu/numpy/native/default", "theano", "0"),
        ("mlp/tf1-cpu/full/native/single-thread", "tensorflow", "1"),
        ("mlp/tf-cpu/keras/native/default", "tensorflow", "0"),
    ],
)
def test_recording_moves_no_bit(engine: Engine, real: dict[str, groups.Group], cell: str, framework: str,
                                threads: str) -> None:  # fmt: skip
    """A plain script that records nothing ends with the very scores of the recorded runs."""
    group = real[cell]
    start = (f"import os; os.environ['KERAS_BACKEND'] = '{framework}'\n"
             "os.environ['THEANO_FLAGS'] = 'base_compiledir=/bench/scratch/plain'\n")  # fmt: skip
    words = ["/bench/job/plain.py", group.cell.seeding, threads]
    files = {"plain.py": (start + PLAIN).encode()}
    code, output = run_python(engine, built(engine, group.cell.backend), words, files)
    assert code == 0, output
    plain = [float.fromhex(line.split()[1]) for line in output.splitlines() if line.startswith("SCORE ")]
    assert plain == scores(group.first)


def test_records_say_where_the_base_image_came_from(real: dict[str, groups.Group]) -> None:
    """Pulled by digest or made by debootstrap: a record never leaves it open."""
    for group in real.values():
        base = group.first.record.executor["base"]
        assert base["name"].startswith("debian:")
        assert base["origin"] == "debootstrap" or base["origin"].startswith("registry ")


def test_isolation(engine: Engine) -> None:
    """No network, read-only root, no capability, no new privilege, an unprivileged user, limits, no bind mount."""
    spec = ContainerSpec(image=built(engine, "tf1-cpu"), command=("probe", "/bench/output"), labels={},
                         limits=Limits(memory_mb=512, processes=64, seconds=60.0))  # fmt: skip
    container = engine._create(spec)
    try:
        container.reload()
        host, config = container.attrs["HostConfig"], container.attrs["Config"]
        assert host["NetworkMode"] == "none"
        assert host["ReadonlyRootfs"] is True
        assert host["CapDrop"] == ["ALL"]
        assert host["SecurityOpt"] == ["no-new-privileges"]
        assert config["User"] == "bench"
        assert (host["Memory"], host["PidsLimit"]) == (512 * 2**20, 64)
        assert {mount["Type"] for mount in container.attrs["Mounts"]} == {"volume"}
        volumes = {mount["Name"] for mount in container.attrs["Mounts"]}
    finally:
        container.remove(force=True, v=True)
    left = {volume.name for volume in engine.client.volumes.list()}
    assert not volumes & left


def test_nothing_of_the_host_is_in_an_image(engine: Engine) -> None:
    """Neither pip settings nor certificates of the building machine reach the final image or its history."""
    for backend in (name for name, one in SHIPPED.backends.items() if one.accelerator == "cpu"):
        tag = built(engine, backend)
        code, output = run_python(engine, tag, ["-c", "import os; print(os.path.exists('/host'))"], {})
        assert (code, output.strip()) == (0, "False")
        history = json.dumps(engine.client.images.get(tag).history())
        assert "ca.pem" not in history
        assert "pip.conf" not in history


def test_timeout_is_a_status_and_the_others_go_on(engine: Engine, tmp_path: Path) -> None:
    """A run over its time is stopped and recorded as such; the next one runs; nothing is left in the engine."""

    def hurry(run: Run) -> Run:
        seconds = 0.5 if run.index == 0 else 120.0
        return replace(run, limits=run.limits.model_copy(update={"seconds": seconds}))

    store = Store(tmp_path)
    result = execute(store, {"mlp/tf1-cpu/full/native/single-thread": 2},
                     DockerExecutor(engine, limits=SHIPPED.limits), hurry)  # fmt: skip
    assert [record.status for record in result.records] == ["timeout", "ok"]
    assert "0.5 s" in str(result.records[0].reason)
    assert engine.remove_containers({f"{LABEL}.store": store.id}) == []


def test_out_of_memory_is_a_status(engine: Engine, tmp_path: Path) -> None:
    """A guest that the kernel kills for memory is recorded with the limit that it met."""
    limits = SHIPPED.limits.model_copy(update={"memory_mb": 64})
    result = execute(
        Store(tmp_path), {"mlp/tf1-cpu/full/native/single-thread": 1}, DockerExecutor(engine, limits=limits)
    )
    assert result.records[0].status == "failed"
    assert "64 MiB" in str(result.records[0].reason)


def made_up(tmp_path: Path, dockerfile: str, name: str = "made-up") -> tuple[Path, Matrix]:
    """A folder of backends with one of our own beside tf1-cpu, and a matrix that has both."""
    folder = tmp_path / "docker"
    (folder / name).mkdir(parents=True)
    (folder / name / "Dockerfile").write_text(dockerfile)
    (folder / "tf1-cpu").symlink_to(ROOT / "docker" / "tf1-cpu")
    entry = SHIPPED.backends["tf1-cpu"]
    file = SHIPPED.file.model_copy(update={"backends": {
        name: SHIPPED.file.backends["tf1-cpu"], "tf1-cpu": SHIPPED.file.backends["tf1-cpu"]}})  # fmt: skip
    return folder, replace(SHIPPED, file=file, backends={name: replace(entry, name=name), "tf1-cpu": entry})


def both(tmp_path: Path, engine: Engine, folder: Path, matrix: Matrix) -> tuple[Record, Record]:
    """The made-up backend's record and tf1-cpu's, from one campaign."""
    planned = [run for name in ("made-up", "tf1-cpu") for run in plan.plan(
        matrix, campaign="test", only=[f"mlp/{name}/full/native/single-thread"], pool="space", runs=1)]  # fmt: skip
    executor = DockerExecutor(engine, limits=SHIPPED.limits, docker_folder=folder)
    store = Store(tmp_path / "store")
    result = campaign.execute(
        planned, executor=executor, store=store, settings=Settings(machine="test"), listener=Quiet()
    )
    by_backend = {record.run.cell.split("/")[1]: record for record in result.records}
    return by_backend["made-up"], by_backend["tf1-cpu"]


def test_a_crash_of_the_guest_is_a_status_and_the_others_go_on(engine: Engine, tmp_path: Path) -> None:
    """A guest that dies without a record is `failed` with its exit code; the other backend is ok."""
    crash = f"""
        FROM {built(engine, "tf1-cpu")}
        ENV P=/opt/venv/bin/python
        ENTRYPOINT ["/bin/sh", "-c", "[ $0 = run ] && exec $P /etc/crash.py; exec $P -m guest $0 $@"]
        USER root
        RUN echo 'import ctypes; ctypes.string_at(0)' > /etc/crash.py
        USER bench
    """
    folder, matrix = made_up(tmp_path, crash)
    record, other = both(tmp_path, engine, folder, matrix)
    assert (record.status, other.status) == ("failed", "ok")
    assert "exit code 139" in str(record.reason)
    assert record.outcome is None


def test_a_failed_build_makes_its_runs_unavailable_and_the_others_go_on(engine: Engine, tmp_path: Path) -> None:
    """The reason has the build's last lines and the next step; nothing else is lost."""
    broken = f"FROM {built(engine, 'tf1-cpu')}\nRUN echo this is the fault && false\n"
    folder, matrix = made_up(tmp_path, broken)
    record, other = both(tmp_path, engine, folder, matrix)
    assert (record.status, other.status) == ("unavailable", "ok")
    assert "this is the fault" in str(record.reason)
    assert "bench build" in str(record.reason)


def test_a_missing_image_is_a_status(engine: Engine, tmp_path: Path) -> None:
    """Without building, a backend that has no image is `unavailable`, and the reason names the image."""
    folder, matrix = made_up(tmp_path, "FROM scratch\n# never built\n")
    executor = DockerExecutor(engine, limits=SHIPPED.limits, docker_folder=folder, build=False)
    planned = plan.plan(matrix, campaign="test", only=["mlp/made-up/full/native/single-thread"], pool="space", runs=1)
    result = campaign.execute(planned, executor=executor, store=Store(tmp_path / "store"), settings=Settings(),
                              listener=Quiet())  # fmt: skip
    assert result.records[0].status == "unavailable"
    assert "keras-repro-bench/made-up:" in str(result.records[0].reason)


def test_disk_is_checked_before_building(engine: Engine) -> None:
    """A build that needs more than there is does not start, and the message says how much is missing."""
    if not engine.is_local:
        pytest.skip("the engine is remote: its disk cannot be seen from here")
    with pytest.raises(RunError, match=r"need about 1000000000 MiB, \d+ MiB are free"):
        images.check_disk(engine, 10**9)


@pytest.fixture
def relay() -> Iterator[str]:
    """The engine's socket behind a TCP port on loopback, so that DOCKER_HOST names an engine over the network."""
    server = socket.create_server(("127.0.0.1", 0))
    stopped = threading.Event()

    def pump(source: socket.socket, target: socket.socket) -> None:
        try:
            while chunk := source.recv(65536):
                target.sendall(chunk)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def serve() -> None:
        while not stopped.is_set():
            try:
                near, _ = server.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect("/var/run/docker.sock")
            for pair in ((near, far), (far, near)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
    stopped.set()
    server.close()


def test_a_remote_engine_runs_the_same(engine: Engine, real: dict[str, groups.Group], relay: str, tmp_path: Path,
                                       monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """Over TCP, where no path of this host means anything to the engine, a run ends with the same bits."""
    assert engine.is_local
    monkeypatch.setenv("DOCKER_HOST", relay)
    remote = Engine.connect()
    assert not remote.is_local
    result = execute(Store(tmp_path), {"mlp/tf1-cpu/full/native/single-thread": 1},
                     DockerExecutor(remote, limits=SHIPPED.limits))  # fmt: skip
    outcome, local = result.records[0].outcome, real["mlp/tf1-cpu/full/native/single-thread"].first.record.outcome
    assert result.records[0].ok
    assert outcome is not None
    assert local is not None
    assert outcome.result_digest == local.result_digest


def bench(store: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "bench", "run", "--all", "--only", "mlp/tf1-cpu/full/native/single-thread", "--store",
            str(store), "--no-report", *more]  # fmt: skip


def whole(store: Path) -> list[Path]:
    return sorted((store / "records").glob("[0-9a-f]*"))


def wait_for(condition: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_kill_9_loses_no_finished_run_and_resume_runs_the_rest(engine: Engine, tmp_path: Path) -> None:
    """After a kill in the middle the same command makes only the missing runs and removes the orphan."""
    built(engine, "tf1-cpu")
    store = tmp_path / "store"
    first = subprocess.Popen(bench(store, "--runs", "3"), cwd=ROOT, stdout=subprocess.DEVNULL)
    wait_for(lambda: whole(store) and engine.client.containers.list(filters={"label": f"{LABEL}.index=1"}))
    first.send_signal(signal.SIGKILL)
    first.wait()
    kept = whole(store)
    again = subprocess.run(bench(store, "--runs", "3"), cwd=ROOT, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "removed what a killed campaign left" in again.stdout
    assert set(kept) <= set(whole(store))
    found = [one for one in Store(store).scan() if isinstance(one, Stored)]
    assert sorted(one.record.run.index for one in found) == [0, 1, 2]
    assert engine.remove_containers({f"{LABEL}.store": Store(store).id}) == []


def test_ctrl_c_stops_containers_and_exits_130(engine: Engine, tmp_path: Path) -> None:
    """An interrupt leaves neither a container nor half a record."""
    built(engine, "tf1-cpu")
    store = tmp_path / "store"
    # A shell's background job ignores SIGINT, and a child would inherit that.
    running = subprocess.Popen(bench(store), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # fmt: skip
    wait_for(lambda: (store / "store.json").exists()
             and engine.client.containers.list(filters={"label": f"{LABEL}.store={Store(store).id}"}))  # fmt: skip
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "interrupted" in said
    assert engine.remove_containers({f"{LABEL}.store": Store(store).id}) == []
    assert all(isinstance(one, Stored) for one in Store(store).scan())


def test_here_makes_the_environment_of_the_lock(engine: Engine, real: dict[str, groups.Group], tmp_path: Path) -> None:
    """Outside a container, in an environment of the same lock, a run ends with the bits of the image's runs."""
    if find_python("2.7") is None:
        pytest.skip("no Python 2.7 on PATH or under pyenv's versions")
    executor = HereExecutor(limits=SHIPPED.limits, folder=Path(os.environ.get("BENCH_TEST_CACHE") or tmp_path))
    result = execute(Store(tmp_path / "store"), {"mlp/tf1-cpu/full/native/single-thread": 1}, executor)
    record = result.records[0]
    assert record.ok, record.reason
    assert record.executor["isolation"] == "none"
    image = real["mlp/tf1-cpu/full/native/single-thread"].first.record
    assert record.run.stack != image.run.stack  # other system packages: never taken for the same stack
    assert record.outcome is not None
    assert image.outcome is not None
    assert record.outcome.result_digest == image.outcome.result_digest
