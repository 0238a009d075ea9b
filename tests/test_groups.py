"""Groups, classes, findings, published numbers, expectations: claims follow from records, and turn round with them."""

import dataclasses
import itertools
import random
from typing import Any

import numpy as np
import pytest

from bench import analysis, expectations, findings, groups, published
from bench.analysis import Analysis
from bench.bound import Bound
from bench.groups import differing_share, group
from bench.matrix import Expectation
from bench.published import Reference
from bench.records import ControlState
from bench.store import Refused, Stored
from tests.engines import ROOT, SHIPPED
from tests.planted import Fit, Planted, fits

THEANO = "mlp/theano-cpu/numpy/native/default"
SINGLE = "mlp/tf1-cpu/full/native/single-thread"


def stored(cell: str = THEANO, index: int = 0, seed: int = 7, **fields: Any) -> Stored:
    made = fields.pop("fits", None) or fits(seed)
    planted = Planted(cell=cell, index=index, fits=made, started=f"2026-11-23T10:00:{index:02}.000Z", **fields)
    record, content = planted.record()
    return Stored(digest=f"{abs(hash((cell, index, seed))):064x}"[:64], record=record, content=content)


def scored(values: list[float], index: int = 0, **fields: Any) -> Stored:
    """A run with these ten scores of the tutorial's protocol."""
    made = fits(3, repeats=len(values))
    for one, value in zip(made, values, strict=True):
        one.score = value
    return stored(index=index, epochs=100, fits=made, **fields)


LANE = Reference(lane="theano_seeded", scores=(0.1, 0.02), epochs=100, repeats=2)


def analyse(*found: Stored | Refused) -> Analysis:
    references = published.load(ROOT / "reference" / "published.yaml")
    return analysis.analyse(found, SHIPPED, references)


def test_equal_runs_are_one_class_whatever_their_order() -> None:
    """Three equal runs and one other: two classes, DIFFERENT, the same for every order of the records."""
    runs = [stored(index=0), stored(index=1), stored(index=2, seed=8), stored(index=3)]
    results = {group(order)[0].classes for order in itertools.permutations(runs)}
    assert results == {((0, 1, 3), (2,))}
    assert {group(order)[0].verdict for order in itertools.permutations(runs)} == {"DIFFERENT"}


def test_a_path_that_parts_and_meets_again_is_another_class() -> None:
    made = fits()
    made[0].trajectory[1][0].reshape(-1).view("<u4")[0] ^= 1
    found = group([stored(index=0), stored(index=1, fits=made)])[0]
    assert (found.verdict, len(found.classes)) == ("DIFFERENT", 2)


def test_a_trace_that_keeps_less_splits_no_class() -> None:
    found = group([stored(index=0), stored(index=1, trace="scores")])[0]
    assert (found.verdict, len(found.classes)) == ("IDENTICAL", 1)


def test_one_run_claims_nothing() -> None:
    found = group([stored()])[0]
    assert found.verdict == "INCOMPARABLE"
    assert "claims nothing" in findings.confidence(found)


def test_a_duplicated_record_adds_no_evidence() -> None:
    assert len(group([stored(), stored(), stored()])[0].runs) == 1


@pytest.mark.parametrize("fields", [{"stack": "9" * 64}, {"machine": "other"}, {"hardware": "9" * 64}])
def test_another_stack_or_machine_is_another_group(fields: dict[str, Any]) -> None:
    """It is one line of its own, not a red one."""
    found = group([stored(index=0), stored(index=1, **fields)])
    assert len(found) == 2


def test_what_n_equal_runs_allow_to_say() -> None:
    """1 - 0.05^(1/(n-1)), worked out by hand for n = 2, 3 and 60."""
    assert differing_share(1) is None
    assert differing_share(2) == pytest.approx(0.95)
    assert differing_share(3) == pytest.approx(0.776393, abs=1e-6)
    assert differing_share(60) == pytest.approx(0.049508, abs=1e-6)
    sentence = findings.confidence(group([stored(index=index) for index in range(3)])[0])
    assert "77.6 %" in sentence
    assert "deterministic" not in sentence


def test_the_word_identical_is_gone_when_a_run_differs() -> None:
    sentence = findings.confidence(group([stored(index=0), stored(index=1), stored(index=2, seed=9)])[0])
    assert "identical" not in sentence
    assert "2 classes in 3 runs" in sentence


def seeding(*runs: Stored) -> str:
    found = [one.sentence for one in analyse(*runs).findings if one.topic == "seeding"]
    assert len(found) == 1
    return found[0]


def test_seeding_is_said_from_the_initial_weights() -> None:
    """Same starts: it fixes them. Other starts: it does not. The sentence turns with the records."""
    fixed = seeding(stored(index=0), stored(index=1))
    assert "`numpy` fixes the initial weights" in fixed
    loose = seeding(stored(index=0), stored(index=1, seed=8))
    assert "does not fix the initial weights" in loose


def test_seeding_of_keras_3_names_the_recipe_that_works() -> None:
    def run(name: str, index: int, seed: int) -> Stored:
        return stored(f"mlp/tf-cpu/{name}/native/default", index, seed, keras="3.15.1")

    said = seeding(run("full", 0, 1), run("full", 1, 2), run("keras", 0, 3), run("keras", 1, 3))
    assert "Keras 3.15.1" in said
    assert "`full` does not fix" in said
    assert "`keras` fixes" in said
    turned = seeding(run("full", 0, 1), run("full", 1, 1), run("keras", 0, 3), run("keras", 1, 4))
    assert "`full` fixes" in turned
    assert "`keras` does not" in turned


def starts(*runs: Stored) -> list[str]:
    return [one.sentence for one in analyse(*runs).findings if one.topic == "starts"]


def given(name: str, seed: int = 7, asked: Any = None, **fields: Any) -> Stored:
    """A run from supplied weights, those of a seed of `fits`; `asked` is the dtype that was asked for."""
    made = stored(f"mlp/{name}/numpy/supplied/ordered", seed=seed, **fields)
    if asked is None:
        return made
    assert made.record.outcome is not None
    state = ControlState(name="dtype", asked=asked, state="in force", evidence="")
    outcome = made.record.outcome.model_copy(update={"controls": (state,)})
    return dataclasses.replace(made, record=made.record.model_copy(update={"outcome": outcome}))


ALIKE = "Backends that were given the same weights start from the same bits: mlp, 2 backends."
APART = "Backends that were given the same weights start from other bits: mlp, seed 1: {}."


def test_supplied_weights_are_one_start_or_the_backends_are_named() -> None:
    """By digest. One backend that starts from one other bit turns the sentence round, whatever the others do."""
    jax, torch = given("jax-cpu"), given("torch-cpu")
    assert starts(stored(), jax, given("jax-cpu", index=1)) == []  # one backend
    assert starts(jax, torch) == [ALIKE]
    made = fits(7)
    made[-1].initial[0].reshape(-1).view("<u4")[0] ^= 1
    assert starts(jax, torch, given("tf-cpu", fits=made)) == [APART.format("jax-cpu, torch-cpu | tf-cpu")]


def test_only_runs_that_were_given_the_same_are_held_together() -> None:
    """The seed of NumPy and the dtype that was asked for say what was given; another number of fits is another set."""
    jax, torch = given("jax-cpu"), given("torch-cpu")
    two, five = {"numpy": 2, "backend": 3, "keras": 2}, {"numpy": 1, "backend": 5, "keras": 1}
    assert starts(jax, given("tf-cpu", 8, seeds=two)) == []
    assert starts(jax, given("tf-cpu", 8, seeds=five)) == [APART.format("jax-cpu | tf-cpu")]
    assert starts(jax, given("tf-cpu", fits=fits(7, repeats=1))) == []
    wide = fits(7)
    for fit in wide:
        fit.initial = [array.astype("<f8") for array in fit.initial]
    assert starts(jax, given("tf-cpu", fits=wide)) == [APART.format("jax-cpu | tf-cpu")]  # nobody asked for float64
    assert starts(jax, torch, given("tf-cpu", asked="float64", fits=wide)) == [ALIKE]  # two, not three
    odd = given("tf-cpu", asked=["float64"], fits=wide)  # no bench asks so; a foreign bundle may say it did
    assert starts(jax, torch, odd) == [ALIKE]


def test_every_set_that_parts_is_named_and_a_run_on_one_side_only() -> None:
    two = {"numpy": 2, "backend": 3, "keras": 2}
    sets = [given("jax-cpu"), given("torch-cpu", 8), given("tf-cpu", 9, seeds=two), given("cntk-cpu", 10, seeds=two)]
    assert starts(*sets) == [APART.format("jax-cpu | torch-cpu; mlp, seed 2: cntk-cpu | tf-cpu")]
    machines = [given("jax-cpu", machine="a"), given("jax-cpu", 8, machine="b"), given("torch-cpu", machine="a")]
    assert starts(*machines) == [APART.format("jax-cpu on a, torch-cpu on a | jax-cpu on b")]
    runs = [given("jax-cpu"), given("jax-cpu", 8, index=1), given("torch-cpu")]
    cells = [f"mlp/{name}/numpy/supplied/ordered on box run" for name in ("jax-cpu", "torch-cpu")]
    assert starts(*runs) == [APART.format(f"{cells[0]} 0, {cells[1]} 0 | {cells[0]} 1")]


def test_published_numbers_are_compared_as_printed() -> None:
    """Alike to 12 digits is IDENTICAL; a bound in digits gives ROUNDING; without one it is DIFFERENT."""
    same = published.compare(group([scored([0.1, 0.02 + 1e-16])])[0], LANE, None)
    assert same.verdict == "IDENTICAL"
    near = group([scored([0.1, 0.020002])])[0]
    assert published.compare(near, LANE, None).verdict == "DIFFERENT"
    assert published.compare(near, LANE, Bound(kind="digits", limit=3.9)).verdict == "ROUNDING"
    assert published.compare(near, LANE, Bound(kind="digits", limit=4.1)).verdict == "DIFFERENT"
    assert published.compare(near, LANE, Bound(kind="ulp", limit=1e18)).verdict == "DIFFERENT"
    assert published.compare(near, LANE, None).min_digits == pytest.approx(4.0, abs=1e-6)


def test_published_numbers_are_those_of_every_run_or_not_identical() -> None:
    """A first run that prints them says nothing of the others, neither as a verdict nor in digits."""
    lucky = group([scored([0.1, 0.02], 0), scored([0.1, 0.0202], 1)])[0]
    found = published.compare(lucky, LANE, Bound(kind="digits", limit=3))
    assert (found.verdict, round(found.min_digits, 6)) == ("DIFFERENT", 2.0)
    assert published.compare(lucky, LANE, Bound(kind="digits", limit=1.9)).verdict == "ROUNDING"


@pytest.mark.parametrize(
    ("fields", "key"),
    [({"seeds": {"numpy": 3, "backend": 2, "keras": 1}}, "seed.numpy"), ({"epochs": 50}, "epochs")],
)
def test_another_protocol_is_not_comparable_with_the_published(fields: dict[str, Any], key: str) -> None:
    made = fits(3, repeats=2)
    run = stored(fits=made, **{"epochs": 100, **fields})
    found = published.compare(group([run])[0], LANE, None)
    assert (found.verdict, found.differences[0].key) == ("INCOMPARABLE", key)


def test_one_draw_from_a_distribution_needs_every_position_inside() -> None:
    """Published inside the range everywhere: one draw. Outside anywhere: not covered. Equal runs: neither."""

    def said(*columns: list[float]) -> str:
        runs = [scored(list(values), index) for index, values in enumerate(columns)]
        one = published.compare(group(runs)[0], LANE, None)
        return findings.distribution(one).sentence

    inside = said([0.09, 0.03], [0.11, 0.01])
    assert "at 2 of 2 positions" in inside
    assert "one draw from a distribution" in inside
    outside = said([0.09, 0.03], [0.11, 0.025])
    assert "at 1 of 2 positions" in outside
    assert "one draw" not in outside
    alike = said([0.1, 0.02], [0.1, 0.02 + 1e-16])
    assert alike.endswith("2 runs gave 2 results, and every one prints the published numbers of `theano_seeded`.")
    equal = said([0.09, 0.03], [0.09, 0.03])
    assert "2 identical runs" in equal
    assert "one draw" not in equal


def expect(scope: str, at_least: str, where: str = "mlp/*", **fields: Any) -> Expectation:
    return Expectation(where=where, scope=scope, at_least=Bound.parse(at_least), required=False, reason=None, **fields)


def test_run_expectations_hold_or_are_breached() -> None:
    equal = group([stored(index=0), stored(index=1)])
    other = group([stored(index=0), stored(index=1, seed=8)])
    for found, holds in ((equal, True), (other, False)):
        judged = expectations.judge([expect("run", "identical")], found, (), ())
        assert [one.holds for one in judged] == [holds]
    assert "run 0 against run 1" in expectations.judge([expect("run", "identical")], other, (), ())[0].seen


def test_a_bound_in_ulp_is_kept_or_exceeded() -> None:
    made = fits()
    made[0].predictions.reshape(-1).view("<u4")[0] += 3
    found = group([stored(index=0), stored(index=1, fits=made)])
    for text, holds in (("3 ulp", True), ("2 ulp", False), ("identical", False)):
        assert [one.holds for one in expectations.judge([expect("run", text)], found, (), ())] == [holds]


def test_a_required_cell_without_a_run_is_a_breach() -> None:
    rule = Expectation(where="mlp/*", scope="run", at_least=Bound(kind="identical"), required=True, reason=None)
    assert [one.holds for one in expectations.judge([rule], (), (), ())] == [False]


def test_incomparable_backends_never_hold() -> None:
    """An expectation on a comparison that could not be made is a breach, not a pass."""
    left = stored("mlp/theano-cpu/numpy/supplied/ordered")
    right = stored("mlp/tf-cpu/numpy/supplied/ordered", hyperparameters={"optimizer": "sgd"})
    found = analyse(left, right)
    assert [pair.verdict for pair in found.backends] == ["INCOMPARABLE"]
    judged = [one for one in found.judged if one.expectation.scope == "backend"]
    assert [one.holds for one in judged] == [False]


def test_backends_are_compared_where_everything_else_agrees() -> None:
    cells = ["mlp/theano-cpu/numpy/supplied/ordered", "mlp/tf1-cpu/numpy/supplied/ordered",
             "mlp/tf-cpu/numpy/supplied/default"]  # fmt: skip
    found = analyse(*(stored(cell, stack=f"{number}" * 64) for number, cell in enumerate(cells)))
    assert [(pair.left.record.run.cell.split("/")[1], pair.verdict) for pair in found.backends] == [
        ("tf1-cpu", "IDENTICAL")]  # fmt: skip


def test_refused_records_and_failed_runs_are_reported() -> None:
    bad = Refused(name="x" * 64, reason="changed")
    assert analyse(stored(), bad).refused == (bad,)


def test_analysis_does_not_depend_on_the_order_of_records() -> None:
    runs = [stored(cell, index, seed=index % 2) for cell in (THEANO, SINGLE) for index in range(3)]
    wanted = analyse(*runs)
    for seed in range(5):
        shuffled = random.Random(seed).sample(runs, len(runs))
        assert analyse(*shuffled) == wanted


def test_the_reference_has_thirty_numbers() -> None:
    lanes = published.load(ROOT / "reference" / "published.yaml")
    assert {lane: len(reference.scores) for lane, reference in lanes.items()} == {
        "unseeded": 10, "theano_seeded": 10, "tensorflow_seeded": 10}  # fmt: skip
    assert lanes["theano_seeded"].scores[0] == 0.169326527063
    assert lanes["tensorflow_seeded"].scores[9] == 0.298706569397


def test_a_group_of_nan_scores_is_no_crash() -> None:
    made = [Fit(initial=one.initial, trajectory=one.trajectory, predictions=one.predictions * np.float32(np.nan),
                losses=one.losses, score=float("nan")) for one in fits()]  # fmt: skip
    found = groups.group([stored(index=0, fits=made), stored(index=1, fits=made)])[0]
    assert found.verdict == "IDENTICAL"


def test_the_switch_that_makes_a_cell_repeat_is_named() -> None:
    """Two presets of one cell, one that repeats and one that does not: the controls in which they differ."""

    def run(preset: str, index: int, seed: int, asked: dict[str, int]) -> Stored:
        states = tuple(
            ControlState(name=name, asked=value, state="in force", evidence="") for name, value in asked.items()
        )
        one = stored(f"mlp/tf1-cpu/full/native/{preset}", index, seed)
        assert one.record.outcome is not None
        outcome = one.record.outcome.model_copy(update={"controls": states})
        return dataclasses.replace(one, record=one.record.model_copy(update={"outcome": outcome}))

    loose, firm = {"inter_op_threads": 8}, {"inter_op_threads": 8, "ordered_updates": 1}

    def said(seeds: tuple[int, int], other: tuple[int, int]) -> list[str]:
        runs = [run("inter-8", index, seed, loose) for index, seed in enumerate(seeds)]
        runs += [run("ordered-8", index, seed, firm) for index, seed in enumerate(other)]
        return [one.sentence for one in findings.controls(group(runs))]

    assert said((1, 2), (3, 3)) == [
        "mlp/tf1-cpu/full/native: preset `inter-8` does not repeat (2 classes in 2 runs), `ordered-8` does "
        "(2 identical runs); it has ordered_updates = 1."
    ]
    assert said((1, 1), (3, 4))[0].endswith("it has ordered_updates left alone.")
    assert said((1, 1), (3, 3)) == said((1, 2), (3, 4)) == []
