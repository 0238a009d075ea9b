"""Each backend's controls in its own image: what is asked for is in force, or the record says that it is not."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from bench import campaign, plan
from bench.campaign import Settings
from bench.executors.docker import DockerExecutor
from bench.plan import Run
from bench.records import Record
from bench.store import Store
from tests.engines import SHIPPED, connect
from tests.test_docker import Quiet

pytestmark = pytest.mark.docker

#: Of every backend. Docker's own seccomp profile lets no process switch off address randomization.
COMMON: dict[str, tuple[Any, str]] = {
    "hash_seed": (7, "in force"), "aslr": (False, "not in force"), "cpu_affinity": (1, "in force"),
    "load": (1, "in force"), "openblas_coretype": ("Nehalem", "in force"),
}  # fmt: skip

#: Python 2.7's images have glibc 2.31, which does not tell, and a NumPy that does not ask.
OLD = {"glibc_tunables": ("glibc.cpu.hwcaps=-AVX2", "unverified"), "numpy_cpu_features": ("AVX512F", "not in force")}
TODAY = {"numpy_cpu_features": ("X86_V4 AVX512_ICL AVX512_SPR", "in force")}

ASKED: dict[str, dict[str, tuple[Any, str]]] = {
    "theano-cpu": {"theano_cxxflags": ("-march=core2", "in force"), "theano_optimizer": ("fast_compile", "in force"),
                   "theano_openmp": (True, "in force"), "dtype": ("float64", "in force"), **OLD},
    "theano-1.0": {"theano_cxxflags": ("-march=core2", "in force"), "theano_optimizer": ("None", "in force"),
                   "theano_openmp": (False, "in force"), "dtype": ("float64", "in force"), **OLD},
    "tf1-cpu": {"onednn": (False, "not in force"), "onednn_isa": ("AVX2", "not in force"),
                "jit": (True, "not in force"), **OLD},
    "tf1.15-cpu": {"eager": (True, "not in force"), "onednn_isa": ("AVX2", "not in force"), **OLD},
    "cntk-cpu": {"mkl_cbwr": ("COMPATIBLE", "in force"), "omp_wait_policy": ("PASSIVE", "in force"), **OLD},
    "tf-cpu": {"jit": (True, "in force"), "onednn": (False, "in force"), "onednn_isa": ("AVX2", "not in force"),
               "glibc_tunables": ("glibc.cpu.hwcaps=-AVX2", "in force"), **TODAY},
    "jax-cpu": {"jit": (False, "in force"), "xla_cpu_isa": ("SSE4_2", "in force"),
                "xla_vector_width": (128, "in force"), "op_determinism": (True, "not in force"),
                "glibc_tunables": ("glibc.cpu.hwcaps=-AVX2", "in force"), "dtype": ("mixed_bfloat16", "in force"),
                **TODAY},
    "torch-cpu": {"onednn": (False, "in force"), "onednn_isa": ("SSE41", "in force"), "eager": (True, "in force"),
                  "aten_cpu_capability": ("default", "in force"), "mkl_cbwr": ("COMPATIBLE", "in force"),
                  "omp_wait_policy": ("PASSIVE", "unverified"), "dtype": ("mixed_bfloat16", "in force"),
                  "glibc_tunables": ("glibc.cpu.hwcaps=-AVX2", "in force"), **TODAY},
}  # fmt: skip


def short(lane: str, controls: Mapping[str, Any], **fields: Any) -> Run:
    """A short run of a backend and seeding with these controls."""
    run = plan.plan(SHIPPED, campaign="controls", only=[f"mlp/{lane}/native/default"], pool="space", runs=1)[0]
    return dataclasses.replace(run, controls=tuple(controls.items()), repeats=1, epochs=2, **fields)


def execute(folder: Path, runs: Sequence[Run]) -> dict[str, Record]:
    """The records of such runs by backend; made two at a time, since nothing here is timed."""
    executor = DockerExecutor(connect(), limits=SHIPPED.limits)
    settings = Settings(machine="test", jobs=2)
    result = campaign.execute(runs, executor=executor, store=Store(folder), settings=settings, listener=Quiet())
    return {record.run.cell.split("/")[1]: record for record in result.records}


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Record]:
    """A record of each backend that was asked for everything at once."""
    runs = [
        short(f"{backend}/numpy", {name: value for name, (value, _) in {**COMMON, **own}.items()})
        for backend, own in ASKED.items()
    ]
    return execute(tmp_path_factory.mktemp("controls"), runs)


@pytest.mark.parametrize("backend", ASKED)
def test_every_control_of_a_backend_says_what_became_of_it(records: dict[str, Record], backend: str) -> None:
    record = records[backend]
    assert record.status == "ok", record.reason
    assert record.outcome is not None
    found = {one.name: one.state for one in record.outcome.controls}
    told = {one.name: one.evidence for one in record.outcome.controls}
    assert found == {name: state for name, (_, state) in {**COMMON, **ASKED[backend]}.items()}, told
    assert "errno 1 (EPERM)" in told["aslr"]


def test_a_preset_that_fails_closed_fails_where_its_backend_has_not_the_switch(tmp_path: Path) -> None:
    asked = SHIPPED.file.presets["deterministic"]
    # TensorFlow with op determinism draws nothing without a seed.
    lanes = ("jax-cpu/keras", "tf-cpu/keras", "torch-cpu/keras", "cntk-cpu/numpy")
    found = execute(tmp_path, [short(lane, asked, fail_closed=True) for lane in lanes])
    assert found["jax-cpu"].status == "failed"
    assert "op_determinism is not in force (XLA has this switch for GPUs alone)" in str(found["jax-cpu"].reason)
    assert {name: record.status for name, record in found.items() if name != "jax-cpu"} == dict.fromkeys(
        ("tf-cpu", "torch-cpu", "cntk-cpu"), "ok"
    ), [record.reason for record in found.values()]
