"""First divergence: faults planted anywhere are named exactly, the earliest of several wins, growth is right."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench import divergence
from bench.digests import array_digest, sha256
from bench.divergence import Divergence, Side
from bench.records import Repeat
from tests.planted import NAMES, Planted, fits

REPEATS, EPOCHS = 2, 4
SIGN = 1 << 31


def side(planted: Planted) -> Side:
    record, content = planted.record()
    assert record.outcome is not None
    return Side(repeats=record.outcome.repeats, content=content)


def clean(**fields: Any) -> Planted:
    return Planted(fits=fits(repeats=REPEATS, epochs=EPOCHS), **fields)


def between(left: Planted, right: Planted) -> Divergence | None:
    return divergence.first(side(left), side(right), steps_per_epoch=1)


def flip(array: NDArray[np.float32], element: int, bit: int) -> int:
    """Flips one bit of one element and returns how many floats lie between the old number and the new one."""
    flat = array.reshape(-1).view("<u4")
    before = int(flat[element])
    flat[element] ^= np.uint32(1 << bit)
    signed = [-(bits & (SIGN - 1)) if bits & SIGN else bits for bits in (before, int(flat[element]))]
    return abs(signed[0] - signed[1])


@dataclass(frozen=True, order=True)
class Fault:
    """One flipped bit; faults sort in the order in which a run computes: repeat, epoch (0 is the start, 5 the end),
    loss before weights, tensor, element."""

    repeat: int
    epoch: int
    part: int
    tensor: int
    element: int
    bit: int = field(compare=False)

    @property
    def stage(self) -> str:
        if self.epoch == 0:
            return "init"
        if self.epoch > EPOCHS:
            return ("predictions", "score")[self.part]
        return "loss" if self.part == 0 else "update 1" if self.epoch == 1 else "epoch"

    def plant(self, planted: Planted) -> int | None:
        """Flips the bit; the distance in ULP where it is in an array of float32."""
        fit = planted.fits[self.repeat]
        if self.stage == "init":
            return flip(fit.initial[self.tensor], self.element, self.bit)
        if self.stage == "predictions":
            return flip(fit.predictions, self.element, self.bit)
        if self.stage == "score":
            fit.score = float(np.nextafter(fit.score, 1.0))
            return None
        if self.stage == "loss":
            fit.losses[self.epoch - 1] = float(np.nextafter(fit.losses[self.epoch - 1], 2.0))
            return None
        return flip(fit.trajectory[self.epoch - 1][self.tensor], self.element, self.bit)

    def place(self) -> tuple[str | None, tuple[int, ...] | None]:
        """Tensor and element as a report names them."""
        if self.stage in ("loss", "score"):
            return None, None
        if self.stage == "predictions":
            return "predictions", (self.element, 0)
        return NAMES[self.tensor], ((0, self.element), (self.element,))[self.tensor]


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    """The numbers are between 0.5 and 1, so no single bit makes one of them infinite or NaN."""
    epoch = draw(st.integers(0, EPOCHS + 1))
    part = 1 if epoch == 0 else draw(st.integers(0, 1))
    arrays = epoch == 0 or (epoch <= EPOCHS and part == 1)
    return Fault(
        repeat=draw(st.integers(0, REPEATS - 1)),
        epoch=epoch,
        part=part,
        tensor=draw(st.integers(0, 1)) if arrays else 0,
        element=draw(st.integers(0, 2)) if arrays else draw(st.integers(0, 4)) if (epoch, part) == (5, 0) else 0,
        bit=draw(st.integers(0, 31)),
    )


@settings(deadline=None)
@given(faults())
def test_one_flipped_bit_is_named_exactly(fault: Fault) -> None:
    """Any bit of any array, any loss, any score: repeat, stage, epoch, tensor, element and ULP, both ways round."""
    planted = clean()
    ulp = fault.plant(planted)
    for found in (between(clean(), planted), between(planted, clean())):
        assert found is not None
        assert (found.repeat, found.stage) == (fault.repeat + 1, fault.stage)
        assert (found.tensor, found.element) == fault.place()
        assert found.ulp == ulp
        if 1 <= fault.epoch <= EPOCHS:
            assert found.epoch == fault.epoch


@settings(deadline=None)
@given(st.sets(faults(), min_size=2, max_size=6))
def test_of_several_faults_the_earliest_is_named(several: set[Fault]) -> None:
    planted = clean()
    ulps = {fault: fault.plant(planted) for fault in several}
    earliest = min(several)
    found = between(clean(), planted)
    assert found is not None
    assert (found.repeat, found.stage) == (earliest.repeat + 1, earliest.stage)
    assert (found.tensor, found.element, found.ulp) == (*earliest.place(), ulps[earliest])


@settings(deadline=None)
@given(faults())
def test_both_values_are_given_as_they_are(fault: Fault) -> None:
    """`left` and `right` are the two numbers in hex, and change places with the sides."""
    planted = clean()
    fault.plant(planted)
    one, other = between(clean(), planted), between(planted, clean())
    assert one is not None
    assert other is not None
    assert (one.left, one.right) == (other.right, other.left)
    assert one.left is not None
    assert one.right is not None
    assert float.fromhex(one.left) != float.fromhex(one.right)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 3), st.integers(1, 5), st.sampled_from(["epochs", "scores"]))
def test_equal_sides_part_nowhere(seed: int, repeats: int, epochs: int, trace: str) -> None:
    sides = [side(Planted(fits=fits(seed, repeats=repeats, epochs=epochs), trace=trace)) for _ in range(2)]
    assert divergence.first(*sides, steps_per_epoch=1) is None


@settings(deadline=None)
@given(faults())
def test_without_a_trajectory_a_fault_on_the_way_is_not_invented(fault: Fault) -> None:
    """With trace `scores` the last weights are still named; earlier ones left no trace, and nothing else is blamed."""
    planted = clean(trace="scores")
    fault.plant(planted)
    found = between(clean(trace="scores"), planted)
    if 1 <= fault.epoch < EPOCHS and fault.part == 1:
        assert found is None
        return
    assert found is not None
    assert found.stage == ("final weights" if fault.epoch == EPOCHS and fault.part == 1 else fault.stage)
    assert (found.tensor, found.element) == fault.place()


@pytest.mark.parametrize("epoch", range(2, EPOCHS + 1))
def test_an_unobserved_interval_ends_before_the_loss_that_differs(epoch: int) -> None:
    """With one step an epoch, a loss is that of the weights before it: they parted after an earlier epoch."""
    planted = clean(trace="scores")
    Fault(repeat=0, epoch=epoch, part=0, tensor=0, element=0, bit=0).plant(planted)
    found = between(clean(trace="scores"), planted)
    assert found is not None
    assert (found.stage, found.epoch, found.between) == ("loss", epoch, (1, epoch - 1))
    assert "unobserved" in found.sentence()


def test_what_was_observed_is_not_called_unobserved() -> None:
    for trace, epoch in (("epochs", 3), ("scores", 1)):  # before the first loss there are the initial weights only
        planted = clean(trace=trace)
        Fault(repeat=0, epoch=epoch, part=0, tensor=0, element=0, bit=0).plant(planted)
        found = between(clean(trace=trace), planted)
        assert found is not None
        assert (found.stage, found.between) == ("loss", None)
        assert "unobserved" not in found.sentence()


def digests_only(planted: Planted) -> Side:
    """The side of a large model: digests of the weights after each epoch, and not the weights."""
    made = side(planted)
    repeats: list[Repeat] = []
    for fit, repeat in zip(planted.fits, made.repeats, strict=True):
        digests = tuple(
            sha256("".join(array_digest("<f4", one.shape, one.tobytes()) for one in weights).encode())
            for weights in fit.trajectory
        )
        repeats.append(repeat.model_copy(update={"trajectory": None, "epoch_digests": digests}))
    return Side(repeats=tuple(repeats), content=made.content)


@pytest.mark.parametrize("epoch", range(1, EPOCHS + 1))
def test_digests_alone_name_the_epoch_and_no_tensor(epoch: int) -> None:
    planted = clean()
    Fault(repeat=1, epoch=epoch, part=1, tensor=1, element=2, bit=0).plant(planted)
    found = divergence.first(digests_only(clean()), digests_only(planted), steps_per_epoch=1)
    assert found is not None
    assert (found.repeat, found.epoch, found.tensor, found.element) == (2, epoch, None, None)
    assert found.stage == ("update 1" if epoch == 1 else "epoch")


def test_the_first_update_is_called_so_only_if_an_epoch_is_one_step() -> None:
    planted = clean()
    Fault(repeat=0, epoch=1, part=1, tensor=0, element=0, bit=0).plant(planted)
    stages = []
    for steps in (1, 5):
        found = divergence.first(side(clean()), side(planted), steps_per_epoch=steps)
        assert found is not None
        stages.append((found.stage, found.epoch))
    assert stages == [("update 1", 1), ("epoch", 1)]


@settings(deadline=None)
@given(faults())
def test_passing_over_losses_hides_nothing_else(fault: Fault) -> None:
    planted = clean()
    fault.plant(planted)
    found = divergence.first(side(clean()), side(planted), steps_per_epoch=1, weights_only=True)
    assert (found is None) == (fault.stage == "loss")


def test_a_loss_that_is_nan_on_both_sides_with_other_bits_is_named() -> None:
    """The digest sees the bits of a NaN, so the place of that difference is told and not left out."""
    planted = clean(), clean()
    for one, sign in zip(planted, (1.0, -1.0), strict=True):
        one.fits[0].losses[2] = float(np.copysign(np.nan, sign))
    found = between(*planted)
    assert found is not None
    assert (found.stage, found.epoch) == ("loss", 3)


def test_a_weight_that_is_nan_on_one_side_has_a_place_and_no_distance() -> None:
    planted = clean()
    planted.fits[1].trajectory[2][0][0, 1] = np.nan
    found = between(clean(), planted)
    assert found is not None
    assert (found.repeat, found.epoch, found.tensor, found.element) == (2, 3, NAMES[0], (0, 1))
    assert found.ulp is None


def test_a_zero_of_the_other_sign_is_a_divergence_of_0_ulp() -> None:
    planted = clean(), clean()
    for one, zero in zip(planted, (0.0, -0.0), strict=True):
        one.fits[0].trajectory[1][1][2] = zero
    found = between(*planted)
    assert found is not None
    assert (found.epoch, found.tensor, found.element, found.ulp) == (2, NAMES[1], (2,), 0)


def with_arrays(make: Any) -> Planted:
    """Fits whose second tensor is made by `make(epoch)`; epoch 0 is the start."""
    planted = clean()
    for fit in planted.fits:
        fit.initial[1] = make(0)
        for epoch, weights in enumerate(fit.trajectory, start=1):
            weights[1] = make(epoch)
    return planted


def test_scalar_weights_part_at_an_empty_place() -> None:
    """A weight of shape () is found on the way and at the end like any other."""
    other = with_arrays(lambda epoch: np.asarray(1.0 if epoch < 4 else 1.5, dtype="<f4"))
    equal = with_arrays(lambda epoch: np.asarray(1.0, dtype="<f4"))
    found = between(equal, other)
    assert found is not None
    assert (found.stage, found.epoch, found.tensor, found.element, found.ulp) == ("epoch", 4, NAMES[1], (), 2**22)
    assert divergence.growth(side(equal), side(other)) == (0, 0, 0, 0, 2**22)


def test_integer_weights_part_without_a_distance() -> None:
    """A counter among the weights: equal or not, never a number of ULP, and no error."""
    equal = with_arrays(lambda epoch: np.asarray([epoch], dtype="<i8"))
    other = with_arrays(lambda epoch: np.asarray([epoch + (epoch == 3)], dtype="<i8"))
    found = between(equal, other)
    assert found is not None
    assert (found.epoch, found.tensor, found.element, found.ulp) == (3, NAMES[1], (0,), None)
    assert (found.left, found.right) == ("3", "4")
    assert divergence.growth(side(equal), side(equal)) == (0, 0, 0, 0, 0)
    assert divergence.growth(side(equal), side(other)) == (0, 0, 0, None, 0)


steps = st.integers(0, 2**22)


@settings(deadline=None)
@given(st.lists(st.tuples(steps, steps, steps), min_size=EPOCHS + 1, max_size=EPOCHS + 1))
def test_growth_is_the_largest_distance_planted_for_each_epoch(planned: list[tuple[int, int, int]]) -> None:
    """Three weights of two tensors and two fits moved by so many ULP: the curve is the maximum of each epoch."""
    planted = clean()
    for epoch, moves in enumerate(planned):
        targets = [(0, 0, 1), (0, 1, 2), (1, 1, 0)]
        for (repeat, tensor, element), move in zip(targets, moves, strict=True):
            fit = planted.fits[repeat]
            weights = fit.initial if epoch == 0 else fit.trajectory[epoch - 1]
            weights[tensor].reshape(-1).view("<u4")[element] += np.uint32(move)
    wanted = tuple(max(moves) for moves in planned)
    assert divergence.growth(side(clean()), side(planted)) == wanted
    assert divergence.growth(side(planted), side(clean())) == wanted


def test_growth_has_a_gap_where_a_nan_stands_on_one_side_and_goes_on_where_it_stands_on_both() -> None:
    one, other = clean(), clean()
    other.fits[0].trajectory[1][0][0, 0] = np.nan
    for planted in (one, other):
        planted.fits[1].trajectory[2][1][0] = np.nan
    other.fits[1].trajectory[2][1].view("<u4")[1] += 6
    assert divergence.growth(side(one), side(other)) == (0, 0, None, 6, 0)


def test_growth_is_not_made_up_where_the_way_was_not_kept() -> None:
    assert divergence.growth(side(clean(trace="scores")), side(clean())) is None
    assert divergence.growth(side(clean()), side(clean(trace="scores"))) is None
