"""Each backend's controls in its own image: what is asked for is in force, or the record says that it is not."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from bench import campaign, plan
from bench.campaign import Settings
from bench.engine import Engine
from bench.executors.docker import DockerExecutor
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


@pytest.fixture(scope="module")
def engine() -> Engine:
    return connect()


def execute(engine: Engine, folder: Path, lane: str, controls: dict[str, Any], **fields: Any) -> Record:
    """One short run of a backend and seeding with these controls."""
    run = plan.plan(SHIPPED, campaign="controls", only=[f"mlp/{lane}/native/default"], pool="space", runs=1)[0]
    run = dataclasses.replace(run, controls=tuple(controls.items()), repeats=1, epochs=2, **fields)
    result = campaign.execute([run], executor=DockerExecutor(engine, limits=SHIPPED.limits), store=Store(folder),
                              settings=Settings(machine="test"), listener=Quiet())  # fmt: skip
    return result.records[0]


@pytest.mark.parametrize("backend", ASKED)
def test_every_control_of_a_backend_says_what_became_of_it(engine: Engine, backend: str, tmp_path: Path) -> None:
    asked = {**COMMON, **ASKED[backend]}
    record = execute(engine, tmp_path, f"{backend}/numpy", {name: value for name, (value, _) in asked.items()})
    assert record.status == "ok", record.reason
    assert record.outcome is not None
    found = {one.name: one.state for one in record.outcome.controls}
    told = {one.name: one.evidence for one in record.outcome.controls}
    assert found == {name: state for name, (_, state) in asked.items()}, told
    assert "errno 1 (EPERM)" in told["aslr"]


def test_a_preset_that_fails_closed_fails_where_its_backend_has_not_the_switch(engine: Engine, tmp_path: Path) -> None:
    asked = SHIPPED.file.presets["deterministic"]
    record = execute(engine, tmp_path, "jax-cpu/keras", asked, fail_closed=True)
    assert record.status == "failed"
    assert "op_determinism is not in force (XLA has this switch for GPUs alone)" in str(record.reason)
    for lane in ("tf-cpu/keras", "torch-cpu/keras", "cntk-cpu/numpy"):  # TensorFlow then draws nothing without a seed
        record = execute(engine, tmp_path, lane, asked, fail_closed=True)
        assert record.status == "ok", record.reason
