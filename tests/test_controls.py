"""The table of controls: what it says of the guest is what the guest does, and matrix.yaml asks for nothing else."""

import importlib
import os
from typing import Any

import pytest

from bench.controls import CONTROLS, EVERY
from tests.engines import SHIPPED

#: The guest is another program, whose types nobody checks.
guest_controls, libraries, process, frameworks = (
    importlib.import_module(f"bench.guest.{name}") for name in ("controls", "libraries", "process", "frameworks")
)
FRAMEWORKS: dict[str, Any] = frameworks.FRAMEWORKS


def named(name: str) -> Any:
    return frameworks.named(name)


#: A value for each control, other than what is there without it.
EXAMPLES: dict[str, Any] = {
    "aten_cpu_capability": "avx2", "cublas_workspace": ":16:8", "glibc_tunables": "glibc.cpu.hwcaps=-AVX2",
    "hash_seed": 0, "mkl_cbwr": "SSE2", "numpy_cpu_features": "X86_V4", "omp_wait_policy": "PASSIVE",
    "onednn_isa": "AVX", "openblas_coretype": "Zen",
}  # fmt: skip


def test_the_table_knows_every_framework_of_the_guest() -> None:
    assert sorted(FRAMEWORKS) == sorted(EVERY)


@pytest.mark.parametrize("control", CONTROLS)
def test_a_control_is_of_the_frameworks_that_can_tell_of_it(control: str) -> None:
    """The declared frameworks are those whose class of the guest says what became of the control."""
    telling = tuple(name for name in sorted(FRAMEWORKS) if named(name).teller(control) is not None)
    assert CONTROLS[control].frameworks == telling


def test_the_guest_has_no_control_that_is_not_declared() -> None:
    found = set(process.STATES) | set(libraries.STATES) | set(guest_controls.VARIABLES)
    for name in FRAMEWORKS:
        found |= {one.removeprefix("state_of_") for one in dir(named(name)) if one.startswith("state_of_")}
    assert found - {"variable"} == set(CONTROLS)


@pytest.mark.parametrize("control", guest_controls.VARIABLES)
def test_a_variable_is_set_to_the_value_that_is_asked_for(control: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """... and the value is legal, and the table names the variable."""
    value = EXAMPLES[control]
    variable = guest_controls.VARIABLES[control]
    assert CONTROLS[control].problem(value) is None
    assert variable in CONTROLS[control].how
    monkeypatch.setattr(os, "environ", {})
    process.begin({control: value})
    assert os.environ == {variable: str(value)}


def test_presets_that_promise_something_ask_only_for_what_their_backends_have() -> None:
    """A preset that fails closed would fail every run of a backend that has not all of its controls."""
    for backend in SHIPPED.backends.values():
        for preset in set(backend.presets) & set(SHIPPED.file.fail_closed):
            for control in SHIPPED.file.presets[preset]:
                assert backend.framework in CONTROLS[control].frameworks, (backend.name, preset, control)


def test_a_backends_presets_switch_what_it_has() -> None:
    """A preset of one control is listed where the framework has the control: elsewhere it is never in force."""
    for backend in SHIPPED.backends.values():
        for preset in backend.presets:
            if len(SHIPPED.file.presets[preset]) == 1:
                (control,) = SHIPPED.file.presets[preset]
                assert backend.framework in CONTROLS[control].frameworks, (backend.name, preset, control)


@pytest.mark.parametrize(
    ("control", "legal", "illegal"),
    [
        ("jit", [True, False], [1, "true", None]),
        ("load", [1, 8], [0, -1, True, 1.0, "1"]),
        ("hash_seed", [0, 1, 2**32 - 1], [-1, 2**32, True, "random"]),
        ("xla_vector_width", [128, 512], [True, 64, "128", 128.0]),
        ("dtype", ["float64", "mixed_bfloat16"], ["bfloat16", "", None, 64]),
        ("glibc_tunables", ["glibc.malloc.check=1", "glibc.cpu.hwcaps=-AVX,-FMA:glibc.malloc.check=1"],
         ["", "check=1", "glibc.malloc.check", "glibc.malloc.check=1:", "glibc.malloc.check=1\n"]),
        ("numpy_cpu_features", ["X86_V4", "AVX2 FMA3"], ["", "avx2", "AVX2,FMA3", "AVX2 ", " AVX2"]),
        ("theano_cxxflags", ["-march=core2", "-O3 -ffast-math"], ["", "O3", "-O3,-g", "-O3\n"]),
    ],
)  # fmt: skip
def test_values_are_legal_or_not(control: str, legal: list[Any], illegal: list[Any]) -> None:
    assert [value for value in legal if CONTROLS[control].problem(value) is not None] == []
    assert [value for value in illegal if CONTROLS[control].problem(value) is None] == []
