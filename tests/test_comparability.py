"""Comparability: each key that must match is named with both values, and a scope lets its own one thing vary."""

from collections.abc import Callable
from typing import Any

import pytest

from bench.comparability import VARIES, KeyDifference, differences, keys
from bench.records import Record
from tests.planted import Planted, fits


def record(change: Callable[[Planted], object] = lambda planted: None) -> Record:
    planted = Planted(fits=fits())
    change(planted)
    return planted.record()[0]


def put(**fields: Any) -> Callable[[Planted], None]:
    """Sets fields of the run to be."""

    def change(planted: Planted) -> None:
        for name, value in fields.items():
            assert hasattr(planted, name)
            setattr(planted, name, value)

    return change


def longer(planted: Planted) -> None:
    for fit in planted.fits:
        fit.losses.append(0.5)
        fit.trajectory.append(fit.trajectory[-1])
    planted.epochs = 5


def doubled(planted: Planted) -> None:
    for fit in planted.fits:
        fit.initial[0] = fit.initial[0].astype("<f8")
        for weights in fit.trajectory:
            weights[0] = weights[0].astype("<f8")


CELL = "mlp/theano-cpu/numpy/native/default"

#: One change of a run and every key that it moves, with the value before and after.
CHANGES: list[tuple[Callable[[Planted], object], dict[str, tuple[str, str]]]] = [
    (lambda planted: planted.data.update(X="9" * 64), {"data.X": ("c" * 64, "9" * 64)}),
    (lambda planted: planted.data.update(extra="9" * 64), {"data.extra": ("(none)", "9" * 64)}),
    (lambda planted: planted.hyperparameters.update(epsilon="0x1p-27"),
     {"hyperparameters.epsilon": ("0x1p-24", "0x1p-27")}),
    (lambda planted: planted.hyperparameters.pop("epsilon"), {"hyperparameters.epsilon": ("0x1p-24", "(none)")}),
    (lambda planted: planted.seeds.update(numpy=5), {"seed.numpy": ("1", "5")}),
    (lambda planted: planted.seeds.update(backend=5), {"seed.backend": ("2", "5")}),
    (lambda planted: planted.fits.pop(), {"repeats": ("2", "1")}),
    (longer, {"epochs": ("4", "5"), "losses": ("<f8[4]", "<f8[5]")}),
    (doubled, {"weights": ("0.dense/kernel:<f4[1, 3] 0.dense/bias:<f4[3]",
                           "0.dense/kernel:<f8[1, 3] 0.dense/bias:<f4[3]")}),
    (put(machine="lab"), {"machine": ("box", "lab")}),
    (put(hardware="9" * 64), {"hardware": ("a" * 64, "9" * 64)}),
    (put(stack="9" * 64), {"stack": ("b" * 64, "9" * 64)}),
    (put(campaign="2026-11-24"), {"campaign": ("2026-11-23", "2026-11-24")}),
    (put(cell=CELL.replace("theano-cpu", "tf-cpu")), {"backend": ("theano-cpu", "tf-cpu")}),
    (put(cell=CELL.replace("numpy", "unseeded")), {"seeding": ("numpy", "unseeded")}),
    (put(cell=CELL.replace("native", "supplied")), {"init": ("native", "supplied")}),
    (put(cell=CELL.replace("default", "cold")), {"preset": ("default", "cold")}),
    (put(cell=CELL.replace("mlp", "cnn")), {"workload": ("mlp", "cnn")}),
]  # fmt: skip


@pytest.mark.parametrize(("change", "moved"), CHANGES)
def test_every_key_that_differs_is_named_with_both_values(
    change: Callable[[Planted], object], moved: dict[str, tuple[str, str]]
) -> None:
    """At scope `run` exactly these keys, no other one; with the sides changed the values change places."""
    found = differences(record(), record(change), "run")
    assert {one.key: (one.left, one.right) for one in found} == moved
    back = differences(record(change), record(), "run")
    assert {one.key: (one.right, one.left) for one in back} == moved


@pytest.mark.parametrize("scope", sorted(VARIES))
@pytest.mark.parametrize(("change", "moved"), CHANGES)
def test_a_scope_lets_its_own_keys_differ_and_no_others(
    scope: str, change: Callable[[Planted], object], moved: dict[str, tuple[str, str]]
) -> None:
    named = {one.key for one in differences(record(), record(change), scope)}
    free = {
        "run": set(),
        "machine": {"machine", "hardware"},
        "backend": {"backend", "stack"},
        "control": {"preset"},
        "night": {"campaign", "stack"},
    }[scope]
    assert named == set(moved) - free


@pytest.mark.parametrize("scope", sorted(VARIES))
def test_runs_of_another_index_are_comparable_at_every_scope(scope: str) -> None:
    assert differences(record(), record(put(index=3)), scope) == ()


def test_a_trace_level_keeps_no_runs_apart() -> None:
    """Recording more must not make a run another one."""
    assert differences(record(), record(put(trace="scores")), "run") == ()


def test_results_are_no_key() -> None:
    """What was computed, when, and in which attempt is compared and not matched."""
    assert keys(record()) == keys(record(put(fits=fits(8), started="2027-01-01T00:00:00.000Z", attempt="1" * 32)))


def test_a_sentence_names_key_and_values() -> None:
    text = KeyDifference(key="epochs", left="4", right="5").sentence()
    assert all(part in text for part in ("epochs", "4", "5"))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0x1.5798ee0000000p-27", "1e-08"),  # float32
        ("0x1.5798ee2308c3ap-27", "1e-08"),  # float64
        ("0x1.5798ee2308c3bp-27", "1.0000000000000002e-08"),
        ("adam", "adam"),
    ],
)
def test_a_difference_shows_numbers_and_not_their_bits(value: str, shown: str) -> None:
    assert KeyDifference(key="epsilon", left=value, right="?").sentence() == f"epsilon: {shown} and ?"


def test_two_values_never_look_equal_where_they_differ() -> None:
    one, other = "0x1.5798ee0000000p-27", "0x1.5798ee2308c3ap-27"
    assert KeyDifference(key="epsilon", left=one, right=other).sentence() == f"epsilon: {one} and {other}"
