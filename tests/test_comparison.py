"""Two runs: all five verdicts, and faults planted anywhere are found where they were planted."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench import comparison, divergence
from bench.bound import Bound
from bench.comparison import Comparison, compare
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


def nudge(array: NDArray[Any], element: int, steps: int) -> None:
    array.reshape(-1).view("<u4")[element] += np.uint32(steps)


#: Changes of a run of every kind that a comparison knows.
CHANGED: list[Callable[[Planted], object]] = [
    lambda planted: None,
    small,
    other_dtype,
    other_epochs,
    lambda planted: nudge(planted.fits[0].initial[0], 1, 1),
    lambda planted: nudge(planted.fits[0].predictions, 4, 9),
    lambda planted: nudge(planted.fits[0].trajectory[1][0], 0, 3),
    lambda planted: planted.fits[0].predictions.__setitem__((0, 0), np.nan),
    lambda planted: planted.fits[1].losses.__setitem__(0, float("inf")),
    lambda planted: setattr(planted.fits[1], "score", float("nan")),
    lambda planted: setattr(planted.fits[1], "score", planted.fits[1].score * 1.0001),
    lambda planted: planted.seeds.update(numpy=2),
    lambda planted: setattr(planted, "trace", "scores"),
]
BOUNDS = st.sampled_from([None, Bound(kind="identical"), Bound(kind="ulp", limit=2), Bound(kind="ulp", limit=1e18),
                          Bound(kind="digits", limit=0), Bound(kind="digits", limit=3)])  # fmt: skip


@settings(deadline=None)
@given(st.sampled_from(CHANGED), st.sampled_from(CHANGED), BOUNDS)
def test_the_verdict_does_not_depend_on_which_side_is_left(
    one: Callable[[Planted], object], other: Callable[[Planted], object], bound: Bound | None
) -> None:
    there, back = compare(run(one), run(other), "run", bound), compare(run(other), run(one), "run", bound)
    assert there.verdict == back.verdict
    assert there.verdict != "ERROR"
    assert [(one.key, one.left) for one in there.differences] == [(one.key, one.right) for one in back.differences]
    if there.measures is not None and back.measures is not None:
        assert there.measures.weights_ulp == back.measures.weights_ulp
        assert there.measures.predictions_ulp == back.measures.predictions_ulp
        assert there.measures.min_digits == back.measures.min_digits


@settings(deadline=None)
@given(st.data())
def test_any_flipped_bit_of_any_array_is_seen(data: st.DataObject) -> None:
    """One bit anywhere in the bytes of a run: DIFFERENT without a bound, and no place is left out."""
    planted = Planted(fits=fits())
    fit = planted.fits[data.draw(st.integers(0, 1))]
    weights = [array for epoch in fit.trajectory for array in epoch]
    array = data.draw(st.sampled_from([*fit.initial, *weights, fit.predictions]))
    flat = array.reshape(-1).view("<u4")
    flat[data.draw(st.integers(0, flat.size - 1))] ^= np.uint32(1 << data.draw(st.integers(0, 31)))
    result = compare(run(), stored(planted), "run")
    assert result.verdict == "DIFFERENT"
    assert result.divergence is not None


@pytest.mark.parametrize("bound", [Bound(kind="ulp", limit=1e18), Bound(kind="digits", limit=0)])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["weights", "predictions", "score"])
def test_what_is_not_finite_on_one_side_is_beyond_every_bound(bound: Bound, value: float, where: str) -> None:
    """Also where the bound speaks of something else: a NaN in a weight under a bound in digits of the scores."""

    def spoil(planted: Planted) -> None:
        fit = planted.fits[1]
        if where == "score":
            fit.score = value
        else:
            (fit.predictions if where == "predictions" else fit.trajectory[-1][0]).reshape(-1)[1] = value

    for pair in ((run(), run(spoil)), (run(spoil), run())):
        assert compare(*pair, "run", bound).verdict == "DIFFERENT"
    assert compare(run(spoil), run(spoil), "run", bound).verdict == "IDENTICAL"


def test_the_bound_itself_is_within() -> None:
    """`2 ulp` takes in 2 ULP and not 3, of weights and of predictions."""
    for steps, verdict in ((2, "ROUNDING"), (3, "DIFFERENT")):

        def predictions(planted: Planted, steps: int = steps) -> None:
            nudge(planted.fits[0].predictions, 1, steps)

        def weights(planted: Planted, steps: int = steps) -> None:
            nudge(planted.fits[0].trajectory[-1][1], 1, steps)

        for change in (predictions, weights):
            assert compare(run(), run(change), "run", Bound(kind="ulp", limit=2)).verdict == verdict


def test_the_sign_of_zero_is_not_named_beside_a_real_distance() -> None:
    """The remark says `alone`: it is not made where a weight differs in value too."""

    def planted(zero: float, steps: int) -> Callable[[Planted], None]:
        def change(planted: Planted) -> None:
            planted.fits[0].predictions[2, 0] = zero
            nudge(planted.fits[0].trajectory[-1][0], 0, steps)

        return change

    assert compare(run(planted(0.0, 0)), run(planted(-0.0, 0)), "run").remarks
    assert compare(run(planted(0.0, 0)), run(planted(-0.0, 1)), "run").remarks == ()


def test_equal_results_of_runs_that_must_not_be_compared_are_not_identical() -> None:
    left, right = run(), run(lambda planted: planted.hyperparameters.update(epsilon="0x1p-27"))
    assert left.record.outcome is not None
    assert right.record.outcome is not None
    assert left.record.outcome.result_digest == right.record.outcome.result_digest
    assert compare(left, right, "run", Bound(kind="digits", limit=0)).verdict == "INCOMPARABLE"


def test_other_bytes_under_one_dtype_are_an_error_and_no_distance() -> None:
    """Predictions of another dtype in the second fit alone: no number is made of them."""

    def second(planted: Planted) -> None:
        planted.fits[1].predictions = planted.fits[1].predictions.astype("<f8")

    result = compare(run(), run(second), "run", Bound(kind="ulp", limit=1e30))
    assert result.verdict in ("ERROR", "INCOMPARABLE")
    assert result.measures is None


def test_an_unknown_scope_is_an_error() -> None:
    assert compare(run(), run(), "galaxy").verdict == "ERROR"


def test_equal_weights_with_a_way_that_parts_say_so() -> None:
    """The results are the same bits, yet not IDENTICAL: the remark and the place say why."""
    result = compare(run(), run(lambda planted: nudge(planted.fits[0].trajectory[1][0], 2, 1)), "run")
    assert (result.verdict, result.remarks) == ("DIFFERENT", (comparison.SAME_END,))
    assert result.divergence is not None
    assert (result.divergence.epoch, result.divergence.element) == (2, (0, 2))
