"""Campaigns: what is missing runs, what is there stays, and one run's fault is that run's alone."""

import base64
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from bench import attempts, campaign, hostsettings, images, plan, process
from bench.campaign import Settings
from bench.digests import sha256
from bench.errors import RunError
from bench.executors import Attempt, Job, NotReady
from bench.executors.here import HereExecutor, find_python
from bench.images import Context
from bench.matrix import Backend
from bench.plan import Run
from bench.records import Machine, Record
from bench.store import Store, Stored
from tests.engines import SHIPPED
from tests.planted import Planted, fits

CELL = "mlp/tf1-cpu/full/native/single-thread"
OTHER = "mlp/theano-cpu/numpy/native/default"


def environment() -> dict[str, Any]:
    stack = {"digest": "b" * 64, "guest": "c" * 64, "interpreter": {"implementation": "CPython", "version": "3.13.1"},
             "distributions": ["keras 3.15.1 aaa"], "debian_packages": None}  # fmt: skip
    return {"stack": stack, "hardware": {"digest": "a" * 64, "cpu_model": "Some CPU @ 3GHz", "cpus": 2},
            "surroundings": {}, "variables": {}, "libraries": []}  # fmt: skip


def guest_files(cell: str, status: str = "ok", reason: str | None = None) -> dict[str, bytes]:
    """What a guest of a cell leaves."""
    record, content = Planted(cell=cell, fits=fits()).record()
    assert record.outcome is not None
    body = {**json.loads(record.outcome.model_dump_json()), "schema": attempts.GUEST_SCHEMA,
            "status": status, "reason": reason, "environment": environment()}  # fmt: skip
    return {"record.json": json.dumps(body).encode(), "arrays.bin": content}


class Memory:
    """An executor without processes: each run does what the test says."""

    name = "memory"

    def __init__(
        self, do: Callable[[Run], Attempt] | None = None, refused: Mapping[str, NotReady] | None = None
    ) -> None:
        self.do = do or (lambda run: done(guest_files(str(run.cell))))
        self.refused = refused or {}
        self.ran: list[tuple[str, int]] = []
        self.swept: list[Mapping[str, str]] = []

    def prepare(self, backends: Sequence[Backend], say: Callable[[str, str], None]) -> Mapping[str, NotReady]:
        return self.refused

    def identity(self, backend: Backend) -> str | None:
        return None

    def probe(self, backend: Backend) -> Attempt:
        return done({"probe.json": json.dumps(environment()).encode()})

    def warm(self, run: Run, job: Job, labels: Mapping[str, str]) -> Attempt | None:
        return None

    def run(self, run: Run, job: Job, labels: Mapping[str, str]) -> Attempt:
        self.ran.append((str(run.cell), run.index))
        return self.do(run)

    def sweep(self, labels: Mapping[str, str]) -> list[str]:
        self.swept.append(labels)
        return []


class Quiet:
    def build(self, backend: str, line: str) -> None: ...

    def begin(self, total: int, present: int) -> None: ...

    def start(self, run: Run) -> None: ...

    def end(self, run: Run, record: Record) -> None: ...

    def note(self, text: str) -> None: ...


def done(files: Mapping[str, bytes], status: Any = "ok", reason: str | None = None) -> Attempt:
    return Attempt(status=status, reason=reason, files=files, tail="printed", facts={"pid": 7})


def runs(*cells: str, count: int = 3, name: str = "monday") -> tuple[Run, ...]:
    return plan.plan(SHIPPED, campaign=name, only=cells or [CELL], runs=count)


def execute(store: Store, executor: Memory, planned: Sequence[Run], jobs: int = 1) -> campaign.Result:
    return campaign.execute(planned, executor=executor, store=store, settings=Settings(machine="box", jobs=jobs),
                            listener=Quiet())  # fmt: skip


def stored(store: Store) -> list[Record]:
    found = list(store.scan())
    assert all(isinstance(one, Stored) for one in found)
    return [one.record for one in found if isinstance(one, Stored)]


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_second_call_runs_only_what_is_missing(tmp_path: Path, jobs: int) -> None:
    store, executor = Store(tmp_path), Memory()
    assert execute(store, executor, runs(count=2), jobs).present == 0
    assert execute(store, executor, runs(count=3), jobs).present == 2
    assert execute(store, executor, runs(count=3), jobs).present == 3
    assert sorted(executor.ran) == [(CELL, 0), (CELL, 1), (CELL, 2)]
    assert len(stored(store)) == 3


def test_another_campaign_runs_anew(tmp_path: Path) -> None:
    store, executor = Store(tmp_path), Memory()
    execute(store, executor, runs(name="monday"))
    execute(store, executor, runs(name="tuesday"))
    assert len(executor.ran) == 6
    assert campaign.current(store) == "tuesday"


def test_failed_runs_are_tried_again_and_every_attempt_is_kept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    failing = Memory(lambda run: done({}, "timeout", "no end after 1 s"))
    execute(store, failing, runs(count=1))
    execute(store, failing, runs(count=1))
    execute(store, Memory(), runs(count=1))
    assert sorted(record.status for record in stored(store)) == ["ok", "timeout", "timeout"]
    after = Memory()
    execute(store, after, runs(count=1))
    assert after.ran == []


def test_one_crashing_run_does_not_stop_the_others(tmp_path: Path) -> None:
    def do(run: Run) -> Attempt:
        if run.index == 0:
            raise RunError("the engine is gone")
        if run.index == 1:
            raise KeyError("a fault of the SDK")
        return done(guest_files(str(run.cell)))

    result = execute(Store(tmp_path), Memory(do), runs())
    assert [record.status for record in result.records] == ["failed", "failed", "ok"]
    assert "the engine is gone" in str(result.records[0].reason)
    assert "KeyError" in str(result.records[1].reason)


def test_a_backend_that_cannot_run_is_recorded_once_and_others_go_on(tmp_path: Path) -> None:
    refused = {"tf1-cpu": NotReady(status="unavailable", reason="no image")}
    store = Store(tmp_path)
    for _ in range(2):
        result = execute(store, Memory(refused=refused), runs(CELL, OTHER, count=1))
        assert {record.status for record in result.records} <= {"ok", "unavailable"}
    by_status = sorted((record.status, record.run.cell, record.reason) for record in stored(store))
    assert by_status == [("ok", OTHER, None), ("unavailable", CELL, "no image")]


def test_an_interrupt_keeps_what_is_finished(tmp_path: Path) -> None:
    def do(run: Run) -> Attempt:
        if run.index == 1:
            raise KeyboardInterrupt
        return done(guest_files(str(run.cell)))

    store = Store(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        execute(store, Memory(do), runs())
    assert [record.run.index for record in stored(store)] == [0]


def test_orphans_of_this_store_are_swept_first(tmp_path: Path) -> None:
    store, executor = Store(tmp_path), Memory()
    execute(store, executor, runs(count=1))
    assert executor.swept == [{"org.keras-repro-bench.store": store.id}]


def test_the_key_says_what_the_guest_found(tmp_path: Path) -> None:
    record = execute(Store(tmp_path), Memory(), runs(count=1)).records[0]
    assert (record.run.stack, record.run.machine.hardware) == ("b" * 64, "a" * 64)
    assert (record.run.machine.label, record.executor["jobs"]) == ("box", 1)


def test_a_machine_without_a_label_gets_one_from_its_hardware() -> None:
    label = campaign.label_of({"cpu_model": "Intel(R) Xeon(R) CPU @ 2.20GHz", "cpus": 4, "digest": "abcdef0123"})
    assert label == "intel-xeon-4cpu-abcdef"


def record_of(attempt: Attempt) -> Record:
    key = campaign._key(runs(count=1)[0], {"tf1-cpu": campaign._Place(
        stack=None, machine=Machine(label="box", hardware=None))})  # fmt: skip
    made, _ = attempts.to_record(key, attempt, identity="x", started="s", ended="e", executor="memory",
                                 add_blob=lambda content: "e" * 64)  # fmt: skip
    return made


def spoiled(**changes: Any) -> dict[str, bytes]:
    files = guest_files(CELL)
    body = {**json.loads(files["record.json"]), **changes}
    return {**files, "record.json": json.dumps(body).encode()}


@pytest.mark.parametrize(
    ("attempt", "status", "reason"),
    [
        (done({}), "failed", "without leaving a record"),
        (done({}, "failed", "killed for memory"), "failed", "killed for memory"),
        (done(guest_files(CELL), "timeout", "no end"), "timeout", "no end"),
        (done({"record.json": b"{"}), "failed", "cannot be read"),
        (done({"record.json": b"[]"}), "failed", "cannot be read"),
        (done(spoiled(schema=99)), "failed", "schema 99"),
        (done(spoiled(surprise=1)), "failed", "surprise"),
        (done(spoiled(status="great")), "failed", "great"),
        (done({**guest_files(CELL), "arrays.bin": b""}), "failed", "cannot be trusted"),
        (done(spoiled(result_digest="0" * 64)), "failed", "cannot be trusted"),
        (done(guest_files(OTHER)), "failed", "but the guest ran"),
        (done(guest_files(CELL), "failed", "exit code 139"), "ok", "after its record was complete"),
        (done(guest_files(CELL)), "ok", ""),
    ],
)
def test_whatever_a_guest_leaves_becomes_a_status_with_a_reason(attempt: Attempt, status: str, reason: str) -> None:
    record = record_of(attempt)
    assert record.status == status
    assert reason in (record.reason or "")
    assert record.output_tail == "printed"


def test_a_context_is_its_files_and_nothing_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pip settings and certificates change no digest; any file of the folder or the guest does."""
    first = images.context("tf1-cpu")
    monkeypatch.setenv("PIP_INDEX_URL", "https://example.invalid/simple")
    assert images.context("tf1-cpu").digest == first.digest
    assert not [name for name in first.files if name.startswith("host/")]
    for name in first.files:
        changed = Context(backend="tf1-cpu", files={**first.files, name: first.files[name] + b"#"})
        assert changed.tag != first.tag


def test_the_base_is_found_through_stages() -> None:
    text = b"ARG X=1\nFROM debian:bullseye-slim AS base\nFROM base AS build\nRUN x\nFROM base\n"
    assert Context(backend="x", files={"Dockerfile": text}).base == "debian:bullseye-slim"


def test_a_backend_without_a_folder_says_so() -> None:
    with pytest.raises(RunError, match="docker/nothing: no Dockerfile"):
        images.context("nothing")


def test_host_settings_carry_certificates_index_and_locked_wheels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only remote indexes and only wheels whose hash the lock allows travel into a build."""
    bundle, wheels = tmp_path / "ca.pem", tmp_path / "wheels"
    bundle.write_bytes(b"certificates")
    wheels.mkdir()
    (wheels / "six-1.0-py3-none-any.whl").write_bytes(b"good")
    (wheels / "six-1.1-py3-none-any.whl").write_bytes(b"not in the lock")
    (wheels / "torch-2-py3-none-any.whl").write_bytes(b"good")
    monkeypatch.setattr(hostsettings, "pip_settings", lambda: {
        "cert": str(bundle), "index-url": "https://example.invalid/simple", "find-links": str(wheels),
        "extra-index-url": f"file://{tmp_path} https://other.invalid/simple"})  # fmt: skip
    lock = f"six==1.0 --hash=sha256:{sha256(b'good')}\n"
    files = hostsettings.build_files(lock, {})
    assert sorted(files) == ["ca.pem", "pip.conf", "wheels/six-1.0-py3-none-any.whl"]
    assert files["pip.conf"].decode().splitlines() == [
        "[global]", "cert = /host/ca.pem", "index-url = https://example.invalid/simple",
        "extra-index-url = https://other.invalid/simple", "find-links = /host/wheels"]  # fmt: skip


LOCAL = f"keras==3.0 --hash=sha256:{'0' * 64}\ntorch==2.13.0+cpu --hash=sha256:{sha256(b'built here')}\n"


def test_a_build_that_no_index_keeps_must_be_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the wheel the sentence names it and the option; a wheel of another hash is no help."""
    monkeypatch.setattr(hostsettings, "pip_settings", dict)
    with pytest.raises(RunError, match=r"^torch==2\.13\.0\+cpu: .*`--wheels DIR`"):
        hostsettings.build_files(LOCAL, {})
    wheel = tmp_path / "torch-2.13.0+cpu-cp311-cp311-linux_x86_64.whl"
    wheel.write_bytes(b"another")
    with pytest.raises(RunError, match="--wheels DIR"):
        hostsettings.build_files(LOCAL, {}, tmp_path)
    wheel.write_bytes(b"built here")
    assert sorted(hostsettings.build_files(LOCAL, {}, tmp_path)) == ["pip.conf", f"wheels/{wheel.name}"]


def test_a_page_or_an_index_of_ones_own_may_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then pip is left to find it."""
    for key in ("find-links", "extra-index-url", "index-url"):
        monkeypatch.setattr(hostsettings, "pip_settings", lambda key=key: {key: "https://example.invalid/cpu"})
        assert "pip.conf" in hostsettings.build_files(LOCAL, {})


def test_a_backend_without_its_wheel_is_unavailable_before_anything_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostsettings, "pip_settings", dict)
    context = images.context("torch-cpu")

    class Engine:
        info: dict[str, str] = {}  # noqa: RUF012 (stands in for an engine that must not be asked to build)

        def image(self, name: str) -> None:
            return None

    built = images.ensure(cast("Any", Engine()), [context], disk_mb={}, on_line=lambda *_: None)["torch-cpu"]
    assert built.image is None
    assert "--wheels DIR" in str(built.error)


def test_without_settings_a_build_gets_an_empty_pip_conf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostsettings, "pip_settings", dict)
    assert hostsettings.build_files("", {}) == {"pip.conf": b"[global]\n"}


def here(tmp_path: Path, source: str, seconds: float = 30.0) -> Record:
    """The record of a run in an adopted environment whose Python is a script of the test."""
    fake = tmp_path / "python"
    probe = base64.b64encode(json.dumps(environment()).encode()).decode()
    fake.write_text(f"#!{sys.executable}\nimport base64, os, sys, time\nPROBE = base64.b64decode({probe!r})\n"
                    "if sys.argv[3] == 'probe':\n    open(sys.argv[4] + '/probe.json', 'wb').write(PROBE)\n"
                    f"    sys.exit()\n{source}")  # fmt: skip
    fake.chmod(0o755)
    executor = HereExecutor(limits=SHIPPED.limits, folder=tmp_path / "cache", interpreter=fake)
    planned = [plan.Run(**{**vars(run), "limits": run.limits.model_copy(update={"seconds": seconds})})
               for run in runs(count=1)]  # fmt: skip
    result = campaign.execute(planned, executor=executor, store=Store(tmp_path / "store"), settings=Settings(),
                              listener=Quiet())  # fmt: skip
    return result.records[0]


def test_here_a_crash_a_hang_and_silence_are_statuses(tmp_path: Path) -> None:
    crash = here(tmp_path, "os.kill(os.getpid(), 11)")
    assert (crash.status, "signal 11" in str(crash.reason)) == ("failed", True)
    hang = here(tmp_path, "time.sleep(60)", seconds=0.5)
    assert (hang.status, "0.5 s" in str(hang.reason)) == ("timeout", True)
    silent = here(tmp_path, "print('nothing to say')")
    assert (silent.status, "nothing to say" in silent.output_tail) == ("failed", True)
    assert "adopted" in silent.executor


def test_here_the_guest_gets_a_home_of_its_own_and_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    record = here(tmp_path, "print(os.environ.get('SECRET_TOKEN'), os.environ['HOME'] == os.environ['TMPDIR'])")
    assert record.output_tail.strip() == "None True"


def test_here_a_missing_python_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    executor = HereExecutor(limits=SHIPPED.limits, folder=tmp_path)
    refused = executor.prepare([SHIPPED.backends["tf1-cpu"]], lambda _backend, _line: None)
    assert (refused["tf1-cpu"].status, "no Python 2.7" in refused["tf1-cpu"].reason) == ("skipped", True)


def test_a_shim_that_does_not_answer_is_no_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shim = tmp_path / "python2.7"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert find_python("2.7") is None


def test_a_program_that_fails_says_what_it_was_for(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"the purpose: .* ended with 3:\n  why"):
        process.check([sys.executable, "-c", "print('why'); raise SystemExit(3)"], purpose="the purpose")
    with pytest.raises(RunError, match="cannot be started"):
        process.run([tmp_path / "missing"])


def test_a_machine_that_passes_for_another_says_so_in_its_name(tmp_path: Path) -> None:
    """Whatever label its owner gives: runs under caps are never taken for those of the machine itself."""

    class Capped(Memory):
        def probe(self, backend: Backend) -> Attempt:
            seen = environment()
            seen["hardware"] = {**seen["hardware"], "emulation": "haswell-caps", "digest": "f" * 64}
            return done({"probe.json": json.dumps(seen).encode()})

    result = execute(Store(tmp_path), Capped(), runs(count=1))
    assert {record.run.machine.label for record in result.records} == {"box as haswell-caps"}


def test_a_run_that_failed_closed_keeps_what_became_of_its_controls(tmp_path: Path) -> None:
    """The guest's `failed` names the control; the record has its state, and no result."""
    files = guest_files(CELL)
    body = json.loads(files["record.json"])
    for key in ("repeats", "result_digest", "workload"):
        body.pop(key)
    state = {"name": "op_determinism", "asked": True, "state": "not in force", "evidence": "for GPUs alone"}
    body |= {"status": "failed", "reason": "preset 'deterministic' fails closed: op_determinism", "controls": [state]}
    failed = {"record.json": json.dumps(body).encode(), "arrays.bin": b""}
    record = execute(Store(tmp_path), Memory(lambda run: done(failed)), runs(count=1)).records[0]
    assert (record.status, record.reason) == ("failed", body["reason"])
    assert record.outcome is not None
    assert [one.model_dump() for one in record.outcome.controls] == [state]
    assert record.outcome.result_digest is None


def test_only_presets_of_the_matrix_fail_closed() -> None:
    closed = plan.plan(SHIPPED, campaign="x", only=["mlp/tf-cpu/keras/native/*"], pool="space", runs=1)
    assert {run.cell.preset for run in closed if run.job()["fail_closed"]} == {"deterministic"}
