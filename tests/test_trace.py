"""What runs keep of single steps and layers: it says where two trainings part, and is believed no further."""

import json
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from bench import comparison, divergence, groups, records, resources, supplied, verification
from bench.divergence import Divergence, Side
from bench.errors import RefusedInput
from bench.matrix.file import Trace
from bench.store import Stored
from tests.planted import Planted, fits

LAYERS = ("1.conv2d", "2.dense")
STEPS = 3


def planted(**fields: object) -> Planted:
    """Two fits of four epochs of three steps, all of them kept, and the first fit's first batch replayed."""
    made = Planted(fits=fits(), **fields)  # type: ignore[arg-type]
    for number, fit in enumerate(made.fits):
        fit.steps = [(float(place), f"{number}{place:063d}") for place in range(STEPS * made.epochs)]
        fit.optimizer = "1" * 64
    first = made.fits[0]
    first.layers = [(name, np.arange(1, 7, dtype="<f4").reshape(2, 3)) for name in LAYERS]
    first.updates = [np.full_like(one, 0.5) for one in first.initial]
    return made


def stored(made: Planted) -> Stored:
    record, content = made.record()
    verification.verify(record, content)
    return Stored(digest="0" * 64, record=record, content=content)


def side(made: Planted) -> Side:
    record, content = made.record()
    assert record.outcome is not None
    return Side(repeats=record.outcome.repeats, content=content)


def between(left: Planted, right: Planted, *, steps: int = STEPS) -> Divergence | None:
    return divergence.first(side(left), side(right), steps_per_epoch=steps)


def end_differs(made: Planted, fit: int = 0) -> None:
    """Makes a fit end otherwise, so that it is one that parted."""
    made.fits[fit].score += 1.0


@pytest.mark.parametrize("place", range(STEPS * 4))
def test_the_step_is_named_after_which_weights_differ(place: int) -> None:
    other = planted()
    steps = other.fits[0].steps
    assert steps is not None
    for later in range(place, len(steps)):
        steps[later] = (steps[later][0], "f" * 64)
    found = between(planted(), other)
    assert found is not None
    assert (found.stage, found.epoch, found.step) == ("step", place // STEPS + 1, place % STEPS + 1)
    assert found.sentence() == f"fit 1, step {found.step} of epoch {found.epoch}"


def test_a_loss_of_a_step_comes_before_its_weights() -> None:
    other = planted()
    steps = other.fits[1].steps
    assert steps is not None
    steps[4] = (9.5, "f" * 64)
    found = between(planted(), other)
    assert found is not None
    assert found.sentence() == "fit 2, loss of step 2 of epoch 2"
    weights = divergence.first(side(planted()), side(other), steps_per_epoch=STEPS, weights_only=True)
    assert weights is not None
    assert weights.sentence() == "fit 2, step 2 of epoch 2"


def test_the_first_layer_that_differs_is_named_and_called_replayed() -> None:
    other = planted()
    end_differs(other)
    layers = other.fits[0].layers
    assert layers is not None
    for _, values in layers[1:]:
        values.view("<u4")[1, 2] += 3
    found = between(planted(), other)
    assert found is not None
    assert found.sentence() == "fit 1, forward (replayed): 2.dense[1, 2], 3 ULP"


@pytest.mark.parametrize(("steps", "wanted"), [(STEPS, "update 1"), (1, "score")])
def test_a_replayed_update_counts_where_the_first_step_was_not_observed(steps: int, wanted: str) -> None:
    """With one step an epoch the first update is observed, and it agreed."""
    other = planted()
    end_differs(other)
    other.fits[0].updates[1].view("<u4")[0] += 1
    found = between(planted(), other, steps=steps)
    assert found is not None
    assert (found.stage, found.replayed) == (wanted, wanted == "update 1")


def test_a_replay_that_parts_alone_says_nothing_of_the_training() -> None:
    """The first fits agree in everything that was observed; the second fits part, and they are named."""
    other = planted()
    layers = other.fits[0].layers
    assert layers is not None
    layers[0][1][0, 0] = 99.0
    end_differs(other, fit=1)
    found = between(planted(), other)
    assert found is not None
    assert (found.repeat, found.stage) == (2, "score")
    assert comparison.compare(stored(planted()), stored(planted(index=1)), "run").verdict == "IDENTICAL"


def test_layers_of_other_models_are_not_held_against_each_other() -> None:
    other = planted()
    end_differs(other)
    other.fits[0].layers = [("1.conv2d", np.zeros((2, 4), "<f4"))]
    found = between(planted(), other)
    assert found is not None
    assert found.stage == "score"


def test_steps_that_part_are_never_identical() -> None:
    """Results agree and a step on the way does not: such runs are not the same."""
    other = planted(index=1)
    steps = other.fits[1].steps
    assert steps is not None
    steps[2] = (steps[2][0], "f" * 64)
    found = comparison.compare(stored(planted()), stored(other), "run")
    assert found.verdict == "DIFFERENT"
    assert comparison.SAME_END in found.remarks
    (group,) = groups.group([stored(planted()), stored(other)])
    assert (group.verdict, group.classes) == ("DIFFERENT", ((0,), (1,)))


def test_the_matrix_and_the_guest_have_the_same_levels() -> None:
    assert get_args(Trace) == resources.traces()


def test_the_optimizers_state_is_a_remark_within_one_stack_alone() -> None:
    other = planted(index=1)
    other.fits[1].optimizer = "2" * 64
    found = comparison.compare(stored(planted()), stored(other), "run")
    assert found.verdict == "IDENTICAL"
    assert found.remarks == ("the optimizer's state differs after 1 of 2 fits, the results do not",)
    elsewhere = planted(campaign="later", stack="9" * 64)
    elsewhere.fits[1].optimizer = "2" * 64
    assert comparison.compare(stored(planted()), stored(elsewhere), "night").remarks == ()


@pytest.mark.parametrize("count", [0, 5])
def test_steps_that_do_not_go_with_the_epochs_are_refused(count: int) -> None:
    made = planted()
    made.fits[0].steps = [(1.0, "0" * 64)] * count
    record, content = made.record()
    with pytest.raises(RefusedInput, match=f"{count} digests of steps"):
        verification.verify(record, content)


def test_one_changed_byte_of_a_replayed_layer_is_refused() -> None:
    record, content = planted().record()
    assert record.outcome is not None
    replay = record.outcome.repeats[0].replay
    assert replay is not None
    damaged = bytearray(content)
    damaged[replay.activations[1].offset] ^= 1
    with pytest.raises(RefusedInput, match=r"2\.dense"):
        verification.verify(record, bytes(damaged))


def test_a_record_of_the_second_schema_is_read_as_one_that_kept_neither() -> None:
    record, _ = Planted(fits=fits()).record()
    raw = json.loads(record.to_json())
    raw["schema"] = 2
    for repeat in raw["outcome"]["repeats"]:
        for name in ("steps", "replay", "optimizer_digest"):
            del repeat[name]
    assert records.from_json(json.dumps(raw).encode()) == record


def test_masks_keep_the_expected_value_and_differ_from_fit_to_fit() -> None:
    drawn = supplied.draw("dropout", 1, 2)
    ((name, mask),) = drawn.masks
    assert (name, mask.shape) == ("mask", (2, 256, 64))
    assert set(np.unique(mask)) == {np.float32(0), np.float32(2)}
    assert mask.mean() == pytest.approx(1.0, abs=0.02)
    assert not np.array_equal(mask[0], mask[1])
    entries, content = drawn.files()
    assert entries["masks"][0]["offset"] + mask.nbytes == len(content)


def test_convolutions_are_drawn_with_the_fans_of_their_window() -> None:
    kernel = dict(supplied.draw("cnn", 1, 1).weights[0])["1.conv2d/kernel"]
    limit = np.sqrt(6 / (9 * (1 + 8)))
    assert 0.8 * limit < np.abs(kernel).max() <= limit


def test_every_workload_that_the_guest_knows_declares_what_is_supplied() -> None:
    for name in resources.workloads():
        assert supplied.draw(name, 1, 1).weights[0], name


def test_the_guest_is_read_and_not_imported(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="no NOTHING"):
        resources.guest_literal("trace.py", "NOTHING")
    assert resources.traces()[0] == "scores"
