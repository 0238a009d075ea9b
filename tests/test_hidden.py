"""What differs is never hidden behind something else: other attempts, levels, exceptions, stacks, epochs, luck."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np

from bench import analysis
from bench.cli.gate import pasts
from bench.report import page
from bench.store import Stored
from tests.planted import fits
from tests.test_gate import CELL, OTHER, TODAY, analysed, blessed, matrix, night, rule

JAX, TORCH = "mlp/jax-cpu/keras/native/default", "mlp/torch-cpu/keras/native/default"


def breaches(*arguments: Any, **named: Any) -> int:
    return len(analysed(*arguments, **named).breaches(TODAY))


def wayed(distance: float) -> Any:
    """Fits that end alike and part on the way."""
    made = fits(7)
    made[0].trajectory[0][0] = made[0].trajectory[0][0] + np.float32(distance)
    return made


def test_another_machine_of_the_same_name_and_hardware_is_not_passed_over() -> None:
    """Two machines that are built alike have one key; their runs of one index are held against each other."""
    first, again = (night(2, number, seed=7) for number in (0, 1))
    third, last = (night(2, number, seed=8, attempt=f"{number}" * 32) for number in (0, 1))
    rules = [rule("run", "identical"), rule("night", "identical")]
    assert breaches(rules, night(1), first, again) == 0
    assert breaches(rules, night(1), first, again, third, last) == 2


def test_an_exception_for_one_fleet_excuses_no_other() -> None:
    names = [("lab", number, 7 if number else 8) for number in range(5)]
    names += [("rack", number, 7 if number else 9) for number in range(5)]
    digest = {"lab": "a" * 63, "rack": "b" * 63}
    runs = [
        night(2, machine=f"{name}-{number}", hardware=f"{digest[name]}{number}", seed=seed)
        for name, number, seed in names
    ]
    racks = rule("machine", "identical", "mlp/*@rack-*")
    labs = rule("machine", "identical", "mlp/*@lab-*", until=dt.date(2026, 12, 31), reason="known")
    assert breaches([racks, labs], *runs) == breaches([racks], *runs) == 1


def test_a_changed_stack_of_one_cell_excuses_no_cell_that_has_no_run() -> None:
    rules = [rule("night", "identical", "mlp/theano-cpu/*", required=True), rule("night", "identical", "mlp/tf-cpu/*")]
    assert breaches(rules, night(1), night(1, cell=OTHER), night(2, cell=OTHER, stack="c" * 64)) == 1


def test_a_new_stack_that_crashes_is_not_made_good_by_the_old_one() -> None:
    crashed = {"status": "failed", "reason": "crash", "outcome": None, "arrays": None}
    record = night(2, 0, stack="c" * 64).record.model_copy(update={**crashed, "started": "2026-11-02T05:00:00.000Z"})
    found = analysed(
        [rule("night", "identical")], night(1), night(2), Stored(digest="9" * 64, record=record, content=b"")
    )
    assert [one.reason for one in found.not_ok] == ["crash"]


def test_a_run_of_other_epochs_does_not_hide_a_drift_beside_it() -> None:
    for seed in range(8, 16):  # whichever of the two digests comes first
        runs = (night(2, 0, fits=fits(seed, epochs=5), epochs=5), night(2, 1, seed=seed))
        assert breaches([rule("night", "identical")], night(1), night(1, 1), *runs) == 1


def test_a_run_that_kept_less_hides_no_way_that_parts() -> None:
    poor = night(2, 0, fits=wayed(0), trace="scores")
    assert breaches([rule("run", "identical")], poor, night(2, 1, fits=wayed(0))) == 0
    assert breaches([rule("run", "identical")], poor, night(2, 1, fits=wayed(0)), night(2, 2, fits=wayed(1))) == 1
    assert breaches([rule("night", "identical")], night(1, fits=wayed(0)), poor, night(2, 1, fits=wayed(1))) == 1
    three = [("a", 0, "scores"), ("b", 0, "epochs"), ("c", 1, "epochs")]
    runs = [night(2, machine=name, hardware=name * 64, fits=wayed(way), trace=level) for name, way, level in three]
    assert breaches([rule("machine", "identical")], *runs[:2]) == 0
    assert breaches([rule("machine", "identical")], *runs) == 1


def test_the_pair_page_has_each_runs_own_way() -> None:
    runs = [night(2, 0, fits=wayed(0)), night(2, 1, fits=wayed(0), trace="scores"), night(2, 2, fits=wayed(1))]
    found = page.build(analysed([], *runs), lambda _: b"{}").traces
    assert len({one.trace for one in found.records}) == 3


def test_backends_that_agree_by_luck_are_not_reported_as_identical() -> None:
    lucky = (night(2, cell=JAX), night(2, 1, cell=JAX), night(2, cell=TORCH), night(2, 1, cell=TORCH, seed=8))
    (pair,) = analysed([], *lucky).backends
    assert pair.verdict == "DIFFERENT"
    (pair,) = analysed([], *lucky[:3]).backends
    assert pair.verdict == "IDENTICAL"


def test_what_is_gone_is_said() -> None:
    both = [night(1, machine=f"lab-{number}", hardware=str(number) * 64) for number in (1, 2)]
    tonight = night(2, machine="lab-1", hardware="1" * 64)
    for found in (analysed([], *both, tonight), analysed([], tonight, known=blessed(*both))):
        assert found.gone == (f"{CELL} on lab-2",)
        assert any("gone: 1 cell" in line and "lab-2" in line for line in pasts(found, Path("b.json"), True))
    assert analysed([], *both, tonight, night(2, machine="lab-2", hardware="2" * 64)).gone == ()


def test_patterns_leave_out_what_another_cell_requires() -> None:
    rules = [rule("run", "identical", JAX), rule("run", "identical", TORCH, required=True)]
    runs = (night(2, cell=JAX), night(2, 1, cell=JAX))
    assert len(analysis.analyse(runs, matrix(*rules), {}, only=[JAX]).breaches(TODAY)) == 0
    assert len(analysis.analyse(runs, matrix(*rules), {}).breaches(TODAY)) == 1
