"""Emulators: found or told how to get, in force by their effect, and never taken for the machine that they run on."""

import json
import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench import campaign, cpus, emulators, hostsettings, images, plan, process
from bench.cli.main import main
from bench.cli.show import repeat_command
from bench.emulators import Emulator
from bench.engine import ContainerResult, ContainerSpec, tar
from bench.errors import RunError
from bench.executors import Job
from bench.executors.docker import DockerExecutor
from bench.executors.here import HereExecutor
from bench.matrix import Backend
from bench.matrix.file import EmulatorEntry
from bench.store import Store
from tests.engines import ROOT, SHIPPED
from tests.planted import Planted, fits
from tests.test_campaign import Memory, Quiet, runs

PROGRAM = emulators.program("x86_64")
needs_qemu = pytest.mark.skipif(shutil.which(PROGRAM) is None,
                                reason=f"no {PROGRAM} on PATH; scripts/emulator installs it")  # fmt: skip

X86 = [name for name, cpu in cpus.CPUS.items() if cpu.architecture == "x86_64"]

#: The guest's own look at what computes, as JSON.
LOOK = "import json; from guest import emulation; emulation.check(); print('\\n' + json.dumps(emulation.hardware()))"


def emulator(**changes: Any) -> Emulator:
    """An emulator that is not there, for what is decided before it would start."""
    values: dict[str, Any] = {"emulation": "haswell-qemu", "cpu": "Haswell", "slower": 40.0, "path": Path("/usr/bin/q"),
                              "version": "q 7", "content": b"\x7fELF"}  # fmt: skip
    return Emulator(**(values | changes))


def look(words: tuple[str, ...], variables: dict[str, str], folder: Path) -> tuple[int | None, str]:
    """Exit code and output of the guest's look, under some words and variables."""
    if not (folder / "guest").exists():
        (folder / "guest").symlink_to(ROOT / "bench" / "guest")
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **variables}
    finished = process.run([*words, sys.executable, "-c", LOOK], environment=environment, folder=folder, seconds=120)
    return finished.exit_code, finished.output.decode()


@needs_qemu
@pytest.mark.parametrize("cpu", X86)
def test_each_cpu_of_the_table_shows_itself_and_no_other(cpu: str, tmp_path: Path) -> None:
    """Under QEMU the features of the table are there and those with a `-` are not, by CPUID; the CPU next in the table
    is told from it."""
    found = emulators.find("x", cpu=cpu, slower=2)
    code, output = look(found.command(found.path), found.variables(found.path), tmp_path)
    assert code == 0, output
    hardware = json.loads(output.splitlines()[-1])
    assert hardware["cpu_hypervisor"] == "TCGTCGTCGTCG"
    assert hardware["emulator"] == f"{found.version} -cpu {cpu}"
    following = [*X86, X86[0]]
    other = emulators.find("x", cpu=following[following.index(cpu) + 1], slower=2)
    code, output = look(other.command(other.path), found.variables(found.path), tmp_path)
    assert code != 0
    assert "NotInForce: asked to compute as x" in output


def test_the_shipped_emulators_are_of_the_table_and_have_a_factor() -> None:
    shipped = {name: one for name, one in SHIPPED.file.emulations.items() if isinstance(one, EmulatorEntry)}
    assert {one.qemu for one in shipped.values()} >= {"Haswell", "Nehalem", "EPYC"}
    assert all(one.slower >= 3 for one in shipped.values())


def test_a_missing_emulator_is_exit_3_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert main(["run", "--emulate", "haswell-qemu", "--executor", "here"]) == 3
    said = capsys.readouterr().err
    assert "--emulate haswell-qemu: no qemu-x86_64-static on PATH; scripts/emulator installs it" in said
    assert list(tmp_path.iterdir()) == []


def test_an_emulator_that_does_not_know_the_cpu_is_refused_before_any_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / PROGRAM
    old.write_text("#!/bin/sh\necho 'qemu-x86_64 version 0.9'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RunError, match=r"qemu-x86_64 version 0\.9 knows no CPU EPYC; a newer qemu-user-static does"):
        emulators.find("epyc-qemu", cpu="EPYC", slower=40)


class Recorder:
    """An engine that notes what it is to run; nothing runs."""

    code: int | None = None

    def __init__(self, architecture: str | None = None) -> None:
        self.info = {"Architecture": architecture or emulator().host, "NCPU": 2}
        self.id = "engine"
        self.asked: list[ContainerSpec] = []

    def image(self, name: str) -> Any:
        return SimpleNamespace(id=name, labels={})

    def facts(self) -> dict[str, Any]:
        return {}

    def run(self, spec: ContainerSpec) -> ContainerResult:
        self.asked.append(spec)
        end: Any = "timeout" if self.code is None else "exited"
        return ContainerResult(end=end, exit_code=self.code, files={}, tail="", container="c", pid=1, image="i")


def docker(engine: Recorder, **changes: Any) -> DockerExecutor:
    return DockerExecutor(cast("Any", engine), limits=SHIPPED.limits, build=False, emulator=emulator(**changes))


def quiet(backend: str, line: str) -> None: ...


def test_what_an_emulator_cannot_speak_for_is_skipped_with_the_reason(tmp_path: Path) -> None:
    """Theano's modules would be compiled for the real CPU, and there is no GPU behind an emulated CPU."""
    asked = [SHIPPED.backends[name] for name in ("theano-cpu", "theano-1.0", "jax-gpu", "tf-cpu")]
    here = HereExecutor(limits=SHIPPED.limits, folder=tmp_path, interpreter=Path(sys.executable), emulator=emulator())
    for executor in (docker(Recorder()), here):
        refused = executor.prepare(asked, quiet)
        assert {name: one.status for name, one in refused.items()} == {
            "theano-cpu": "skipped", "theano-1.0": "skipped", "jax-gpu": "skipped"}  # fmt: skip
        assert "would be for the real CPU" in refused["theano-cpu"].reason
        assert "no gpu behind it" in refused["jax-gpu"].reason


NEOVERSE = {"emulation": "neoverse-qemu", "cpu": "neoverse-n1"}


def test_a_cpu_of_another_architecture_runs_its_own_images_and_only_those_that_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plain names of Debian's images stay those of the engine's own architecture."""
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    own, foreign = images.context("numpy-reference"), images.context("numpy-reference", None, "aarch64")
    assert (own.base, own.platform) == ("debian:trixie-slim", None)
    assert (foreign.base, foreign.platform) == ("arm64v8/debian:trixie-slim", "linux/arm64")
    assert foreign.tag != own.tag
    assert {name for name in own.files if own.files[name] != foreign.files[name]} == {"Dockerfile"}

    asked = [SHIPPED.backends["numpy-reference"], SHIPPED.backends["jax-cpu"]]
    executor = docker(Recorder("x86_64"), **NEOVERSE)
    refused = executor.prepare(asked, quiet)
    assert {name: one.status for name, one in refused.items()} == {"jax-cpu": "skipped"}
    assert (
        "runs programs for aarch64, and jax-cpu has an image for x86_64 (`architectures`" in refused["jax-cpu"].reason
    )
    assert executor.image(SHIPPED.backends["numpy-reference"]).id == foreign.tag
    here = HereExecutor(limits=SHIPPED.limits, folder=tmp_path, emulator=emulator(**NEOVERSE))
    assert "in containers only" in here.prepare(asked, quiet)["numpy-reference"].reason


def test_a_foreign_image_is_built_for_its_platform_and_a_failure_says_what_the_kernel_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Refusing(Recorder):
        def image(self, name: str) -> Any:
            return SimpleNamespace(repo_digests=()) if name.startswith("arm64v8/") else None

        def build(self, context: bytes, *, platform: str | None, **_: Any) -> str:
            raise RunError(f"exec format error for {platform}")

    monkeypatch.setattr(hostsettings, "pip_settings", dict)
    one = images.context("numpy-reference", None, "aarch64")
    with pytest.raises(RunError, match=r"exec format error for linux/arm64\n.*`scripts/emulator --arm64`"):
        images.build(cast("Any", Refusing()), one, lambda _line: None)


def test_an_engine_of_another_architecture_gets_no_program_of_this_host() -> None:
    refused = docker(Recorder("riscv64")).prepare([SHIPPED.backends["tf-cpu"]], quiet)
    assert (refused["tf-cpu"].status, "riscv64" in refused["tf-cpu"].reason) == ("unavailable", True)


def ready(engine: Recorder, backend: Backend, **changes: Any) -> DockerExecutor:
    executor = docker(engine, **changes)
    assert executor.prepare([backend], quiet) == {}
    return executor


def test_a_container_gets_the_emulator_as_a_program_of_its_own_and_the_time_it_needs() -> None:
    """No bind mount: the program travels like the job. Probe and run go through it, and limits are stretched."""
    engine, backend = Recorder(), SHIPPED.backends["numpy-reference"]
    executor = ready(engine, backend)
    run = plan.plan(SHIPPED, campaign="x", only=["mlp/numpy-reference/numpy/supplied/float64"], pool="space", runs=1)[0]
    attempt = executor.run(run, Job(files={"job.json": b"{}"}), {})
    executor.probe(backend)
    for spec, seconds in zip(engine.asked, (SHIPPED.limits.seconds, 120), strict=True):
        assert spec.prefix == ("/bench/job/qemu", "-cpu", "Haswell")
        assert spec.programs == {"qemu": b"\x7fELF"}
        assert spec.variables == {"BENCH_EMULATION": "haswell-qemu", "BENCH_EMULATOR": "/bench/job/qemu -cpu Haswell",
                                  "BENCH_EMULATED_FLAGS": cpus.CPUS["Haswell"].features}  # fmt: skip
        assert spec.limits.seconds == 40 * seconds
    assert str(attempt.facts["emulator"]).startswith("q 7 sha256:")


def test_a_signal_that_ended_a_guest_is_named() -> None:
    """As by a framework that was built for a later CPU than the emulated one."""
    engine, backend = Recorder(), SHIPPED.backends["numpy-reference"]
    executor = ready(engine, backend)
    engine.code = 132
    assert "ended with exit code 132 (Illegal instruction); its last output" in str(executor.probe(backend).reason)
    engine.code = 1
    assert "ended with exit code 1; its last output" in str(executor.probe(backend).reason)


def test_another_emulator_is_asked_anew() -> None:
    """A probe is kept as long as nothing it could say changes: CPU and program of the emulator are part of that."""
    backend = SHIPPED.backends["numpy-reference"]
    changes: list[dict[str, Any]] = [{}, {"cpu": "EPYC"}, {"content": b"another"}, {"emulation": "mine"}]
    assert len({ready(Recorder(), backend, **one).identity(backend) for one in changes}) == 4


def test_a_program_in_a_job_can_be_started() -> None:
    import io
    import tarfile

    with tarfile.open(fileobj=io.BytesIO(tar({"job.json": b"{}"}, {"qemu": b"x"}))) as archive:
        assert {one.name: one.mode for one in archive} == {"job.json": 0o644, "qemu": 0o755}


@needs_qemu
def test_here_the_guest_is_probed_under_the_emulator(tmp_path: Path) -> None:
    """Without containers too, the hardware is that of the emulated CPU, and another than the machine's own."""
    found = emulators.find("haswell-qemu", cpu="Haswell", slower=20)
    backend = SHIPPED.backends["numpy-reference"]
    probes = []
    for one in (None, found):
        here = HereExecutor(limits=SHIPPED.limits, folder=tmp_path, interpreter=Path(sys.executable), emulator=one)
        assert here.prepare([backend], quiet) == {}
        attempt = here.probe(backend)
        assert attempt.status == "ok", attempt.tail
        probes.append(json.loads(attempt.files["probe.json"]))
    real, emulated = (one["hardware"] for one in probes)
    assert emulated["cpu_model"] == "Intel Core Processor (Haswell)"
    assert emulated["emulation"] == "haswell-qemu"
    assert "emulation" not in real
    assert real["digest"] != emulated["digest"]
    assert probes[0]["stack"]["digest"] == probes[1]["stack"]["digest"]


def test_runs_that_are_refused_bear_the_emulated_machines_name_too(tmp_path: Path) -> None:
    """Nobody was asked what it is; still nothing is noted of the machine itself."""
    refused = docker(Recorder()).prepare([SHIPPED.backends["theano-cpu"]], quiet)
    result = campaign.execute(
        runs("mlp/theano-cpu/numpy/native/default", count=1),
        executor=Memory(refused=refused),
        store=Store(tmp_path),
        settings=campaign.Settings(machine="box", emulation="haswell-qemu"),
        listener=Quiet(),
    )
    assert [(one.status, one.run.machine.label) for one in result.records] == [("skipped", "box as haswell-qemu")]


def test_show_repeats_a_run_under_the_same_emulation() -> None:
    record, _ = Planted(cell="mlp/tf-cpu/keras/native/default", fits=fits()).record()
    assert "--emulate" not in repeat_command(record)
    assert record.fingerprint is not None
    seen = record.fingerprint.model_copy(update={"hardware": {**record.fingerprint.hardware, "emulation": "epyc-qemu"}})
    assert repeat_command(record.model_copy(update={"fingerprint": seen})).endswith(" --emulate epyc-qemu")


def test_images_of_an_emulation_are_not_sent_as_the_engines_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "--emulate", "neoverse-qemu", "--push", "registry.invalid"]) == 2
    assert "give them without --emulate" in capsys.readouterr().err
