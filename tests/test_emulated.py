"""One box as several machines, for real: as it is, under caps and under QEMU, in the classes that are there."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from bench import bundle, campaign, classes, cpus, emulators, index
from bench.campaign import Settings
from bench.emulators import Emulator
from bench.engine import OUTPUT, ContainerSpec, Engine
from bench.executors.docker import DockerExecutor
from bench.matrix.file import EmulatorEntry, Limits
from bench.records import Record
from bench.store import Store, Stored
from tests.engines import SHIPPED, built, connect
from tests.test_docker import Quiet, runs

pytestmark = pytest.mark.docker

#: The kernel's entry for programs of 64-bit ARM, which building an image of that architecture starts.
REGISTERED = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")

FLOAT64, EXTENDED = (f"mlp/numpy-reference/numpy/supplied/{preset}" for preset in ("float64", "extended"))


@pytest.fixture(scope="module")
def engine() -> Engine:
    return connect()


def shipped(emulation: str) -> Emulator:
    """A shipped emulator; without its program the test is skipped, or fails where BENCH_REQUIRE_EMULATOR is set."""
    entry = SHIPPED.file.emulations[emulation]
    assert isinstance(entry, EmulatorEntry)
    program = emulators.program(cpus.CPUS[entry.qemu].architecture)
    if shutil.which(program) is None and not os.environ.get("BENCH_REQUIRE_EMULATOR"):
        pytest.skip(f"no {program} on PATH; scripts/emulator installs it")
    return emulators.find(emulation, cpu=entry.qemu, slower=entry.slower)


def machine(store: Store, executor: DockerExecutor, emulation: str | None) -> dict[str, Record]:
    """The records that this box leaves as one of its machines, by cell."""
    settings = Settings(machine="lab", emulation=emulation)
    result = campaign.execute(runs({FLOAT64: 1, EXTENDED: 1}), executor=executor, store=store, settings=settings,
                              listener=Quiet())  # fmt: skip
    assert [record.reason for record in result.records if not record.ok] == []
    return {record.run.cell: record for record in result.records}


def digest(record: Record) -> str:
    assert record.outcome is not None
    return str(record.outcome.result_digest)


def test_one_box_is_three_machines_in_the_classes_that_are_there(engine: Engine, tmp_path: Path) -> None:
    """QEMU's Haswell and the caps of one are one class in float64; the record of the emulated run says which CPU was
    really seen."""
    haswell = shipped("haswell-qemu")
    caps = SHIPPED.file.emulations["haswell-caps"]
    assert isinstance(caps, dict)
    executors = {
        None: DockerExecutor(engine, limits=SHIPPED.limits),
        "haswell-caps": DockerExecutor(
            engine, limits=SHIPPED.limits, variables={**caps, emulators.NAME: "haswell-caps"}
        ),
        "haswell-qemu": DockerExecutor(engine, limits=SHIPPED.limits, emulator=haswell),
    }
    stores = {name: Store(tmp_path / str(name)) for name in executors}
    found = {name: machine(stores[name], executor, name) for name, executor in executors.items()}

    emulated = found["haswell-qemu"][FLOAT64]
    assert emulated.run.machine.label == "lab as haswell-qemu"
    assert len({records[FLOAT64].run.machine.hardware for records in found.values()}) == 3
    assert len({records[FLOAT64].run.stack for records in found.values()}) == 1  # the same image, seen from inside
    assert emulated.fingerprint is not None
    hardware = emulated.fingerprint.hardware
    assert (hardware["cpu_model"], hardware["cpu_hypervisor"]) == ("Intel Core Processor (Haswell)", "TCGTCGTCGTCG")
    assert hardware["emulator"] == f"{haswell.version} -cpu Haswell"
    assert "avx2" in hardware["cpu_flags"].split()
    assert "avx512" not in hardware["cpu_flags"]
    assert emulated.executor["emulator"] == haswell.facts()

    team = Store(tmp_path / "team")
    for name, store in stores.items():
        whole = [one for one in store.scan() if isinstance(one, Stored)]
        bundle.export(whole, store, tmp_path / f"{name}.zip")
        bundle.collect(tmp_path / f"{name}.zip", team)
    splits = {one.subject.split()[0]: one for one in classes.splits(index.refresh(team))}
    assert len(splits[EXTENDED].classes) == 1  # no instruction beyond x87
    together = {one.machines for one in splits[FLOAT64].classes}
    native = found[None][FLOAT64]
    if digest(native) == digest(emulated):
        assert together == {("lab", "lab as haswell-caps", "lab as haswell-qemu")}
    else:
        assert together == {("lab",), ("lab as haswell-caps", "lab as haswell-qemu")}


def test_a_cpu_of_another_architecture_has_its_own_image_and_bits_of_its_own(engine: Engine, tmp_path: Path) -> None:
    """64-bit ARM under QEMU: the image's own interpreter and packages, a CPU that shows itself, float64 within rounding
    of x86-64, and a long double so wide that the yardstick moves."""
    neoverse = shipped("neoverse-qemu")
    if engine.image("arm64v8/debian:trixie-slim") is None:
        pytest.skip("no arm64v8/debian:trixie-slim in the engine; scripts/base-images --arm64 makes it")
    if not REGISTERED.exists():
        pytest.skip("programs of 64-bit ARM do not run here, so their image cannot be built; scripts/emulator --arm64")
    found = machine(Store(tmp_path), DockerExecutor(engine, limits=SHIPPED.limits, emulator=neoverse), "neoverse-qemu")
    for cell, record in found.items():
        seen, outcome = record.fingerprint, record.outcome
        assert seen is not None, cell
        assert outcome is not None, cell
        assert (seen.hardware["architecture"], seen.hardware["cpu_model_number"]) == ("aarch64", "0xd0c")
        assert "atomics" in seen.hardware["cpu_flags"].split()
        assert record.run.machine.label == "lab as neoverse-qemu"
        assert outcome.framework["numpy.longdouble.mantissa_bits"] == "112"
        stack = json.loads(Store(tmp_path).blob(seen.stack_blob))
        assert [line for line in stack["debian_packages"] if line.endswith(" arm64")]


#: Put into a job, it makes the guest's first step an instruction that no CPU has (ud2), as a library built for a later
#: CPU would.
ILLEGAL = b"""
import sys
sys.path.insert(0, "/opt/bench")
from guest import cpuid, emulation
cpuid.CODE = b"\\x0f\\x0b"
"""


def test_what_kills_an_emulated_guest_ends_its_container(engine: Engine) -> None:
    """QEMU passes the fatal signal on to itself, and the first process of a container gets none: it waited forever."""
    haswell = shipped("haswell-qemu")
    variables = {**haswell.variables("/bench/job/qemu"), "PYTHONPATH": "/bench/job"}
    limits = Limits(memory_mb=1024, processes=64, seconds=60)
    spec = ContainerSpec(image=built(engine, "numpy-reference"), command=("probe", OUTPUT), labels={}, limits=limits,
                         files={"sitecustomize.py": ILLEGAL}, programs={"qemu": haswell.content},
                         prefix=haswell.command("/bench/job/qemu"), variables=variables)  # fmt: skip
    result = engine.run(spec)
    assert (result.end, result.exit_code) == ("exited", 128 + signal.SIGILL), result.tail
    assert result.files == {}
