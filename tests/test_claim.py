"""Claims: numbers that somebody printed are found where they come from, and nowhere else."""

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import bundle, claim, published, resources
from bench.claim import Candidate, Claim
from bench.cli.main import main
from bench.errors import UsageError
from bench.placement import ENOUGH, Printed, place
from bench.store import Store, Stored
from tests.engines import ROOT
from tests.planted import scored

THEANO = "mlp/theano-cpu/numpy/native/default"
LOOSE = "mlp/tf1-cpu/full/native/inter-8"
UNSEEDED = "mlp/tf1-cpu/unseeded/native/default"


def stored(cell: str, index: int, scores: list[float], **fields: Any) -> Stored:
    return scored(scores, cell=cell, index=index, **fields)


def noisy(cell: str, count: int, *, seed: int = 0, spread: float = 0.01, fits: int = 3) -> list[Stored]:
    """Runs whose scores vary by a factor about 0.01, 0.02, 0.03 ..."""
    draw = np.random.default_rng(seed)
    return [
        stored(cell, index, [float((k + 1) * 0.01 * math.exp(draw.normal(0, spread))) for k in range(fits)])
        for index in range(count)
    ]


def numbers(*texts: str) -> tuple[Printed, ...]:
    return claim.parse(texts)


def only(found: Claim) -> Candidate:
    (one,) = found.candidates
    return one


def test_a_number_is_matched_to_the_digits_that_it_prints() -> None:
    runs = [stored(THEANO, 0, [0.16932654536, 2.757491e-05])]
    for texts in (("0.1693", "2.7575e-05"), ("0.16932654536",), ("1.693E-1", ".0000276")):
        found = claim.check(runs, numbers(*texts))
        assert (only(found).answer, found.produced) == ("PRINTED", True), texts
    for texts in (("0.1694",), ("0.1693", "2.7574e-05"), ("0.16930",)):
        found = claim.check(runs, numbers(*texts))
        assert (only(found).answer, found.produced) == ("NOT PRODUCED", False), texts


def test_digits_are_those_of_the_worst_position_of_the_nearest_run() -> None:
    """0.2 against 0.2002: -log10(0.0002 / 0.2) = 3 digits; the other run is off by more."""
    runs = [stored(THEANO, 0, [0.1, 0.21]), stored(THEANO, 1, [0.1, 0.2002])]
    assert only(claim.check(runs, numbers("0.1", "0.200000"))).digits == pytest.approx(3.0)


def test_the_shortest_decimal_of_a_float_matches_it() -> None:
    """2^-44 is 5.684341886080802e-14 for Python, and rounded to as many digits 5.684341886080801e-14."""
    assert f"{2.0**-44:.16g}" != repr(2.0**-44)
    assert Printed.parse(repr(2.0**-44)).same(2.0**-44)


@given(st.floats(1e-12, 1e12), st.integers(1, 17))
def test_every_print_of_a_number_matches_it(value: float, digits: int) -> None:
    assert Printed.parse(f"{value:.{digits}g}").same(value)
    assert Printed.parse(repr(value)).same(value)


def test_what_counts_as_a_digit() -> None:
    for text, digits in {"0.1693": 4, "0.0310": 3, "1e-7": 1, "-12.50": 4, "100": 3, "0": 1, "0.0": 1}.items():
        assert Printed.parse(text).digits == digits, text


def test_numbers_come_in_the_forms_in_which_people_have_them() -> None:
    text = "# MSE\n[0.1, 0.02,\n 3e-3]\n4 # the last\n"
    assert [one.value for one in numbers(text)] == [0.1, 0.02, 0.003, 4.0]
    assert [one.value for one in numbers("0.1,0.2;", "(0.3)")] == [0.1, 0.2, 0.3]
    for bad in ("nan", "inf", "x", "1_0", "0x1p-3", "", "# nothing"):
        with pytest.raises(UsageError):
            numbers(bad)


def test_fewer_numbers_are_held_against_the_first_scores_and_more_against_nothing() -> None:
    runs = [stored(THEANO, 0, [0.1, 0.2])]
    assert only(claim.check(runs, numbers("0.1"))).answer == "PRINTED"
    assert only(claim.check(runs, numbers("0.2"))).answer == "NOT PRODUCED"
    found = claim.check(runs, numbers("0.1", "0.2", "0.3"))
    assert (found.candidates, found.shorter, found.produced, found.closest) == ((), 1, False, None)


def test_a_draw_lies_in_the_range_and_says_what_the_runs_allow() -> None:
    few, many = noisy(LOOSE, 5), noisy(LOOSE, 40)
    middle = numbers("0.0100", "0.0200", "0.0300")
    one = only(claim.check(many, middle))
    assert (one.answer, one.placement.inside, one.placement.typical) == ("DRAW", 3, True)
    one = only(claim.check(few, middle))
    assert (one.answer, one.placement.typical) == ("DRAW", None)
    assert one.placement.chance == pytest.approx((4 / 6) ** 3)
    off = only(claim.check(many, numbers("0.0100", "0.0200", "0.0400")))
    assert (off.answer, off.placement.inside, off.placement.p) == ("NOT PRODUCED", 2, 1 / 41)
    z = off.placement.positions[2].z
    assert z is not None
    assert z > 20


def test_runs_that_agree_are_no_distribution() -> None:
    """A repeatable cell has one vector; another is not a draw from it, however near it lies."""
    runs = [stored(THEANO, index, [0.1, 0.2]) for index in range(30)]
    one = only(claim.check(runs, numbers("0.10000001", "0.2")))
    assert (one.answer, one.placement.varied, one.placement.positions[0].z) == ("NOT PRODUCED", False, None)


def test_in_an_unseeded_process_no_position_has_numbers_of_its_own() -> None:
    """The claimed numbers in another order are as good a draw as before; of a seeded process they are none."""
    draw = np.random.default_rng(5)
    values = [[float(math.exp(draw.normal(k if seeded else 0, 0.1))) for k in range(3)]
              for seeded in (False, True) for _ in range(30)]  # fmt: skip
    loose = [stored(UNSEEDED, index, row) for index, row in enumerate(values[:30])]
    firm = [stored(LOOSE, index, row) for index, row in enumerate(values[30:])]
    assert only(claim.check(loose, numbers("1.01", "0.95", "1.08"))).answer == "DRAW"
    assert only(claim.check(loose, numbers("1.08", "1.01", "0.95"))).answer == "DRAW"
    assert only(claim.check(firm, numbers("1.01", "2.70", "7.40"))).answer == "DRAW"
    assert only(claim.check(firm, numbers("7.40", "2.70", "1.01"))).answer == "NOT PRODUCED"


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000))
def test_the_order_of_records_is_irrelevant(seed: int) -> None:
    runs = [*noisy(LOOSE, 6), *noisy(LOOSE, 6, seed=1, spread=0.1)[:4], stored(THEANO, 0, [0.01, 0.02, 0.03])]
    wanted = claim.check(runs, numbers("0.0101", "0.0199"))
    random.Random(seed).shuffle(runs)
    assert claim.check(runs, numbers("0.0101", "0.0199")) == wanted


def test_the_best_candidate_comes_first_and_machines_are_told_apart() -> None:
    runs = [*noisy(LOOSE, 20), stored(THEANO, 0, [0.01, 0.02, 0.03], machine="laptop"),
            stored(THEANO, 0, [0.011, 0.02, 0.03], machine="box")]  # fmt: skip
    found = claim.check(runs, numbers("0.0100", "0.0200", "0.0300"))
    assert [(str(one.cell), one.machine, one.answer) for one in found.candidates] == [
        (THEANO, "laptop", "PRINTED"), (LOOSE, "box", "DRAW"), (THEANO, "box", "NOT PRODUCED")]  # fmt: skip
    assert found.closest == found.candidates[0]


def test_one_label_for_two_machines_is_told_apart() -> None:
    """By the beginning of their hardware digests, as in reports and classes."""
    runs = [stored(THEANO, 0, [0.1, 0.2], machine="lab", hardware=digit * 64) for digit in "ab"]
    assert {one.machine for one in claim.check(runs, numbers("0.1")).candidates} == {"lab (aaaaaaaa)", "lab (bbbbbbbb)"}


def test_nights_of_one_cell_are_one_candidate_and_other_tasks_are_not() -> None:
    nights = [stored(THEANO, 0, [0.1], campaign=f"night-{night}") for night in range(3)]
    assert only(claim.check(nights, numbers("0.1"))).runs == 3
    assert len(claim.check([*nights, stored(THEANO, 0, [0.1], epochs=9)], numbers("0.1")).candidates) == 2
    assert claim.check(nights, numbers("0.1"), only=["*/tf1-cpu/*"]).candidates == ()


@pytest.mark.parametrize("pooled", [False, True])
def test_ranks_of_draws_are_uniform(pooled: bool) -> None:
    """If the vector is drawn like the runs, p <= 5 % in about 5 % of cases: 400 draws, at most 8 %, at least 2 %."""
    draw = np.random.default_rng(11)
    ps = []
    for _ in range(400):
        vectors = np.exp(draw.normal(0, 1, (40, 1)) * 0.5 + draw.normal(0, 1, (40, 4)))  # positions hang together
        printed = [Printed(value=float(value)) for value in vectors[0]]
        ps.append(place(printed, vectors[1:].tolist(), pooled=pooled).p)
    assert 0.02 < np.mean(np.array(ps) <= 0.05) < 0.08
    assert 0.45 < np.mean(ps) < 0.58


def test_a_coarse_print_is_held_against_scores_as_coarse() -> None:
    """0.22 stands for all that prints so: in the range of 0.2230 to 0.2270, not of 0.2255 and more."""
    runs = [[0.223 + 0.0001 * index] for index in range(41)]
    found = place([Printed.parse("0.22")], runs)
    assert (found.positions[0].lowest, found.positions[0].highest, found.inside) == (0.22, 0.23, 1)
    assert place([Printed.parse("0.22")], runs[25:]).inside == 0


def test_few_runs_can_tell_no_rare_draw() -> None:
    assert 1 / ENOUGH > 0.05 >= 1 / (ENOUGH + 1)


def test_runs_without_a_number_are_left_out_of_the_range() -> None:
    rows = [[0.1, math.nan], [0.1, 0.2], [0.12, 0.21]]
    found = place([Printed(value=0.11), Printed(value=0.205)], rows)
    assert (found.runs, found.inside, found.drawn) == (2, 2, True)
    assert place([Printed(value=0.1)], [[math.nan]]).drawn is False


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("claims")
    for name in ("tutorial-tensorflow", "matrix"):
        bundle.collect(ROOT / "docs" / "examples" / f"{name}.zip", Store(folder / name))
    return folder


def printed_by_the_tutorial(lane: str) -> list[str]:
    reference = published.load(resources.find("reference") / "published.yaml")[lane]
    return [f"{score:.12g}" for score in reference.scores]


def test_the_tutorials_tensorflow_numbers_are_a_draw_from_the_cell_with_eight_operations(
    stores: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "numbers.txt"
    path.write_text("\n".join(printed_by_the_tutorial("tensorflow_seeded")), encoding="utf-8")
    assert main(["claim", "--file", str(path), "--store", str(stores / "tutorial-tensorflow")]) == 0
    text = capsys.readouterr().out
    assert "DRAW  mlp/tf1-cpu/full/native/inter-8" in text
    assert "in the range of 100 runs at 10 of 10 positions; 2 of 100 runs lie as far out or farther (p = 0.03)" in text
    assert text.count("DRAW") == 1
    assert "not mlp/tf1-cpu/full/native/ordered-8" in text


def test_the_tutorials_theano_numbers_are_nearest_to_the_theano_cell(
    stores: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["claim", *printed_by_the_tutorial("theano_seeded"), "--store", str(stores / "matrix")]
    assert main(given) == 1
    text = capsys.readouterr().out
    assert "No cell in this store produces them." in text
    assert f"closest: a run of {THEANO} on" in text
    assert "to 3.8 digits at its worst position" in text
    assert main(["claim", "0.1693", "2.757e-05", "--store", str(stores / "matrix")]) == 0
    assert f"PRINTED  {THEANO}" in capsys.readouterr().out


def test_exit_codes(stores: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claim", "0.5", "--store", str(stores / "matrix")]) == 1
    assert main(["claim", "--store", str(stores / "matrix")]) == 2
    assert main(["claim", "many", "--store", str(stores / "matrix")]) == 2
    assert main(["claim", "0.5", "--store", str(tmp_path / "none")]) == 2
    assert main(["claim", "--file", str(tmp_path / "none.txt"), "--store", str(stores / "matrix")]) == 2
    assert main(["claim", *["0.1"] * 11, "--store", str(stores / "matrix")]) == 1
    assert "51 runs have fewer scores than that" in capsys.readouterr().out
    bad = Store(tmp_path / "bad")
    (bad.folder / "records" / ("0" * 64)).mkdir()
    assert main(["claim", "0.5", "--store", str(bad.folder)]) == 3
    assert "refused: record 000000000000" in capsys.readouterr().out
