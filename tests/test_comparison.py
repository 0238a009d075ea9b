"""Two runs: all five verdicts, and faults planted anywhere are found where they were planted."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench import comparison, divergence
from bench.comparison import Comparison, compare
from bench.matrix import Bound
from bench.store import Stored
from tests.planted import NAMES, Fit, Planted, fits

ULPS = Bound(kind="ulp", limit=4)
DIGITS = Bound(kind="digits", limit=3)


def stored(planted: Planted) -> Stored:
    record, content = planted.record()
    return Stored(digest="f" * 64, record=record, content=content)


def run(change: Callable[[Planted], object] = lambda planted: None, **fields: Any) -> Stored:
    planted = Planted(fits=fits(), **fields)
    change(planted)
    return stored(planted)


def flip(array: NDArray[Any], element: int) -> None:
    """Flips the last bit of one element of a float32 array."""
    flat = array.reshape(-1).view("<u4")
    flat[element] ^= 1


@dataclasses.dataclass(frozen=True)
class Fault:
    """Where one bit is flipped."""

    repeat: int
    stage: str
    epoch: int
    tensor: int
    element: int

    def plant(self, planted: Planted) -> None:
        fit: Fit = planted.fits[self.repeat]
        if self.stage == "init":
            flip(fit.initial[self.tensor], self.element)
        elif self.stage == "weights":
            flip(fit.trajectory[self.epoch][self.tensor], self.element)
        elif self.stage == "loss":
            fit.losses[self.epoch] = float(np.nextafter(fit.losses[self.epoch], 2.0))
        elif self.stage == "predictions":
            flip(fit.predictions, self.element)
        else:
            fit.score = float(np.nextafter(fit.score, 1.0))


faults = st.builds(
    Fault, repeat=st.integers(0, 1), stage=st.sampled_from(["init", "weights", "loss", "predictions", "score"]),
    epoch=st.integers(0, 3), tensor=st.integers(0, 1), element=st.integers(0, 2))  # fmt: skip


@given(faults)
def test_a_planted_fault_is_found_and_placed(fault: Fault) -> None:
    """One flipped bit anywhere: DIFFERENT, at its repeat, stage, epoch, tensor and element, 1 ULP."""
    for result in (compare(run(), run(fault.plant), "run"), compare(run(fault.plant), run(), "run")):
        assert result.verdict == "DIFFERENT"
        found = result.divergence
        assert found is not None
        assert found.repeat == fault.repeat + 1
        stage = {"weights": "update 1" if fault.epoch == 0 else "epoch"}.get(fault.stage, fault.stage)
        assert found.stage == stage
        if fault.stage in ("weights", "loss"):
            assert found.epoch == fault.epoch + 1
        if fault.stage in ("init", "weights"):
            place = (0, fault.element) if fault.tensor == 0 else (fault.element,)
            assert (found.tensor, found.element, found.ulp) == (NAMES[fault.tensor], place, 1)
        if fault.stage == "predictions":
            assert (found.element, found.ulp) == ((fault.element, 0), 1)


@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(1, 5))
def test_clean_pairs_are_never_flagged(seed: int, repeats: int, epochs: int) -> None:
    made = [stored(Planted(fits=fits(seed, repeats=repeats, epochs=epochs), index=index)) for index in (0, 1)]
    result = compare(made[0], made[1], "run")
    assert (result.verdict, result.divergence) == ("IDENTICAL", None)
    assert result.measures is not None
    assert result.measures.weights_ulp == result.measures.predictions_ulp == 0
    assert set(result.measures.growth or ()) == {0}


def small(planted: Planted) -> None:
    """Two ULP in a final weight, nothing else."""
    weights = planted.fits[1].trajectory[-1][0]
    weights.reshape(-1).view("<u4")[0] += 2


def test_rounding_needs_a_declared_bound() -> None:
    assert compare(run(), run(small), "run").verdict == "DIFFERENT"
    assert compare(run(), run(small), "run", ULPS).verdict == "ROUNDING"
    assert compare(run(), run(small), "run", Bound(kind="ulp", limit=1)).verdict == "DIFFERENT"
    assert compare(run(), run(small), "run", Bound(kind="identical")).verdict == "DIFFERENT"


def test_rounding_needs_the_same_start() -> None:
    """One flipped bit in an initial weight is DIFFERENT whatever the bound."""
    start = Fault(repeat=0, stage="init", epoch=0, tensor=0, element=1)
    for bound in (Bound(kind="ulp", limit=1e18), Bound(kind="digits", limit=0)):
        assert compare(run(), run(start.plant), "run", bound).verdict == "DIFFERENT"


def test_digits_bound_the_worst_score() -> None:
    def score(planted: Planted) -> None:
        planted.fits[1].score *= 1.0005

    assert compare(run(), run(score), "run", DIGITS).verdict == "ROUNDING"
    assert compare(run(), run(score), "run", Bound(kind="digits", limit=4)).verdict == "DIFFERENT"


def test_the_sign_of_zero_alone_is_named() -> None:
    """0 ULP, yet not the same bits: ROUNDING if a bound is declared, else DIFFERENT; never IDENTICAL."""

    def plus(planted: Planted) -> None:
        planted.fits[0].predictions[2, 0] = 0.0

    def minus(planted: Planted) -> None:
        planted.fits[0].predictions[2, 0] = -0.0

    plain = compare(run(plus), run(minus), "run")
    assert plain.verdict == "DIFFERENT"
    assert any("sign of zero" in remark for remark in plain.remarks)
    assert compare(run(plus), run(minus), "run", Bound(kind="ulp", limit=0)).verdict == "ROUNDING"


def test_a_nan_on_one_side_is_beyond_every_bound() -> None:
    def spoil(planted: Planted) -> None:
        planted.fits[0].predictions[1, 0] = np.nan

    result = compare(run(), run(spoil), "run", Bound(kind="ulp", limit=1e18))
    assert result.verdict == "DIFFERENT"
    assert any("NaN" in remark for remark in result.remarks)
    assert compare(run(spoil), run(spoil), "run").verdict == "IDENTICAL"


def test_an_error_is_neither_equal_nor_different(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("the fault")

    monkeypatch.setattr(comparison, "measure", broken)
    result = compare(run(), run(), "run")
    assert result.verdict == "ERROR"
    assert "the fault" in str(result.reason)


def other_dtype(planted: Planted) -> None:
    for fit in planted.fits:
        fit.predictions = fit.predictions.astype("<f8")


def other_epochs(planted: Planted) -> None:
    planted.epochs = 5


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("data.X", lambda planted: planted.data.update(X="9" * 64)),
        ("hyperparameters.epsilon", lambda planted: planted.hyperparameters.update(epsilon="0x1p-27")),
        ("hyperparameters.decay", lambda planted: planted.hyperparameters.update(decay="0x1p-9")),
        ("seed.numpy", lambda planted: planted.seeds.update(numpy=2)),
        ("epochs", other_epochs),
        ("predictions", other_dtype),
        ("preset", lambda planted: setattr(planted, "cell", "mlp/theano-cpu/numpy/native/cold")),
        ("machine", lambda planted: setattr(planted, "machine", "other")),
        ("hardware", lambda planted: setattr(planted, "hardware", "9" * 64)),
        ("stack", lambda planted: setattr(planted, "stack", "9" * 64)),
        ("repeats", lambda planted: planted.fits.pop()),
    ],
)
def test_what_must_match_and_does_not_is_named(key: str, change: Callable[[Planted], object]) -> None:
    """INCOMPARABLE names the key and both values, even where all results are equal."""
    left, right = run(), run(change)
    result: Comparison = compare(left, right, "run")
    assert result.verdict == "INCOMPARABLE"
    named = {difference.key: (difference.left, difference.right) for difference in result.differences}
    assert key in named
    assert named[key][0] != named[key][1]
    assert key in str(result.reason)


@pytest.mark.parametrize(
    ("scope", "change"),
    [
        ("backend", lambda planted: planted.__dict__.update(cell="mlp/tf1-cpu/numpy/native/default", stack="9" * 64)),
        ("machine", lambda planted: planted.__dict__.update(machine="other", hardware="9" * 64)),
        ("control", lambda planted: planted.__dict__.update(cell="mlp/theano-cpu/numpy/native/cold")),
        ("night", lambda planted: planted.__dict__.update(campaign="2026-11-24")),
    ],
)
def test_a_scope_varies_its_one_thing(scope: str, change: Callable[[Planted], object]) -> None:
    """What a scope varies does not make two runs incomparable, and only at that scope."""
    assert compare(run(), run(change), scope).verdict == "IDENTICAL"
    assert compare(run(), run(change), "run").verdict == "INCOMPARABLE"


def test_growth_is_the_largest_distance_after_each_epoch() -> None:
    def plant(planted: Planted) -> None:
        planted.fits[0].trajectory[1][0].reshape(-1).view("<u4")[2] += 5
        planted.fits[1].trajectory[1][1].reshape(-1).view("<u4")[0] += 9
        planted.fits[1].trajectory[3][1].reshape(-1).view("<u4")[1] += 2

    measures = compare(run(), run(plant), "run").measures
    assert measures is not None
    assert measures.growth == (0, 0, 9, 0, 2)
    assert measures.weights_ulp == 2


def test_without_a_trajectory_the_place_is_an_interval() -> None:
    """With trace `scores` a loss that differs says between which epochs the weights parted."""
    fault = Fault(repeat=1, stage="loss", epoch=2, tensor=0, element=0)
    result = compare(run(trace="scores"), run(fault.plant, trace="scores"), "run")
    assert result.divergence is not None
    assert (result.divergence.stage, result.divergence.epoch, result.divergence.between) == ("loss", 3, (1, 2))
    assert "unobserved" in result.divergence.sentence()


def test_a_loss_alone_does_not_hide_where_weights_part() -> None:
    def plant(planted: Planted) -> None:
        Fault(repeat=0, stage="loss", epoch=0, tensor=0, element=0).plant(planted)
        Fault(repeat=0, stage="weights", epoch=2, tensor=1, element=1).plant(planted)

    result = compare(run(), run(plant), "run")
    assert result.divergence is not None
    assert result.weights_divergence is not None
    assert (result.divergence.stage, result.divergence.epoch) == ("loss", 1)
    assert (result.weights_divergence.stage, result.weights_divergence.epoch) == ("epoch", 3)


def test_a_divergence_of_one_kind_only_is_no_divergence_of_clean_sides() -> None:
    side = divergence.Side(repeats=run().record.outcome.repeats, content=run().content)  # type: ignore[union-attr]
    assert divergence.first(side, side, steps_per_epoch=1) is None
