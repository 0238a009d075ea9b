"""Distributions held against each other: planted differences are found, planted sameness is not denied."""

import json
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from bench import distributions, findings
from bench.cli.main import main
from bench.distributions import Contrast, contrasts
from bench.groups import group
from bench.store import Store, Stored
from tests.engines import ROOT
from tests.planted import scored

INTER = "mlp/tf1-cpu/full/native/inter-8"
DEFAULT = "mlp/tf1-cpu/full/native/default"
UNSEEDED = "mlp/tf1-cpu/unseeded/native/{}"


def runs(cell: str, count: int, *, seed: int, shift: float = 0.0, spread: float = 0.1, fits: int = 3,
         at: int | None = None, **fields: Any) -> list[Stored]:  # fmt: skip
    """Runs with lognormal scores; `shift` moves their logarithms, at one position only if `at` names it."""
    draw = np.random.default_rng(seed)
    found = []
    for index in range(count):
        logs = draw.normal(0, spread, fits) - 4
        logs[slice(None) if at is None else at] += shift
        found.append(scored(np.exp(logs).tolist(), cell=cell, index=index, **fields))
    return found


def only(*made: Sequence[Stored]) -> Contrast:
    (one,) = contrasts(group([run for some in made for run in some]))
    return one


def test_a_planted_shift_is_found_where_it_is() -> None:
    one = only(runs(INTER, 15, seed=1), runs(DEFAULT, 15, seed=2, shift=0.5, at=1))
    assert (one.scope, one.lane, one.sides) == ("control", "mlp/tf1-cpu/full/native/*", ("default", "inter-8"))
    assert [test.differs for test in one.tests] == [False, True, False]
    assert one.worst == one.tests[1]
    assert one.worst.delta > 0.9  # `default`, which comes first, has the larger scores
    assert one.ratio is not None
    assert one.interval is not None
    assert one.interval[0] < np.exp(0.5) < one.interval[1]
    assert 1.0 < one.interval[0] < one.ratio < one.interval[1]


def test_another_spread_about_the_same_middle_is_found() -> None:
    one = only(runs(INTER, 60, seed=1, spread=0.02), runs(DEFAULT, 60, seed=2, spread=0.5))
    assert one.differing == 3
    assert all(test.p_shape < 0.001 for test in one.tests)


def test_one_distribution_is_rarely_called_two() -> None:
    """In 60 planted reports of three cells each, at most 5 % may call equal cells different; 8 of 60 would be 13 %."""
    false = 0
    for seed in range(60):
        made = [run for number, preset in enumerate(("default", "inter-8", "cold")) for run in
                runs(f"mlp/tf1-cpu/full/native/{preset}", 8, seed=100 * seed + number, fits=2)]  # fmt: skip
        false += any(one.differing for one in contrasts(group(made)))
    assert false < 8


def test_three_against_three_runs_can_show_nothing() -> None:
    """The exact p of complete separation is 2 / C(6, 3) = 0.1; the runs that would be needed are named."""
    one = only(runs(INTER, 3, seed=1), runs(DEFAULT, 3, seed=2, shift=9.0))
    assert [test.p_location for test in one.tests] == [pytest.approx(0.1)] * 3
    assert [abs(test.delta) for test in one.tests] == [1.0] * 3
    assert one.differing == 0
    assert one.needed is not None
    assert 5 <= one.needed <= 15


def test_the_runs_needed_suffice() -> None:
    """With as many scores as were said to be needed, most planted shifts of that size are found."""
    one = only(runs(INTER, 12, seed=1, fits=1), runs(DEFAULT, 12, seed=2, fits=1, shift=0.1))
    assert one.needed is not None
    count = one.needed
    found = [only(runs(INTER, count, seed=100 + k, fits=1), runs(DEFAULT, count, seed=200 + k, fits=1, shift=0.1))
             for k in range(20)]  # fmt: skip
    assert 6 <= count <= 100
    assert sum(one.differing for one in found) >= 12


def test_holm_as_it_was_published() -> None:
    """R's p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") is 0.03 0.06 0.06 0.02."""
    assert multipletests([0.01, 0.04, 0.03, 0.005], method="holm")[1] == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_the_correction_is_over_all_tests_of_a_report() -> None:
    made = [run for number, preset in enumerate(("default", "inter-8", "cold")) for run in
            runs(f"mlp/tf1-cpu/full/native/{preset}", 9, seed=number, shift=0.1 * number)]  # fmt: skip
    found = [test for one in contrasts(group(made)) for test in one.tests]
    raw = sorted(p for test in found for p in (test.p_location, test.p_shape))
    assert len(raw) == 18
    steps = [min(1.0, (len(raw) - rank) * p) for rank, p in enumerate(raw)]
    adjusted = {p: max(steps[: rank + 1]) for rank, p in enumerate(raw)}
    for test in found:
        assert test.corrected == pytest.approx(min(adjusted[test.p_location], adjusted[test.p_shape]))


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1000), st.integers(2, 7), st.integers(2, 7))
def test_the_order_of_records_is_irrelevant(seed: int, left: int, right: int) -> None:
    made = [*runs(INTER, left, seed=seed), *runs(DEFAULT, right, seed=seed + 1, shift=0.1)]

    def seen() -> list[object]:
        return [(one.sides, one.tests, one.ratio, one.interval, one.needed) for one in contrasts(group(made))]

    wanted = seen()
    random.Random(seed).shuffle(made)
    assert seen() == wanted


def test_swapping_the_cells_turns_the_effect_round() -> None:
    one = only(runs(INTER, 9, seed=1), runs(DEFAULT, 9, seed=2, shift=0.3))
    other = only(runs(DEFAULT, 9, seed=1), runs(INTER, 9, seed=2, shift=0.3))
    assert [test.delta for test in one.tests] == pytest.approx([-test.delta for test in other.tests])
    assert [test.corrected for test in one.tests] == pytest.approx([test.corrected for test in other.tests])
    assert one.ratio is not None
    assert other.ratio == pytest.approx(1 / one.ratio)


def test_few_runs_with_ties_are_permuted() -> None:
    """Two classes in each cell: the asymptotic p of so few would be too small; exactly it is 2 / C(8, 4)."""
    low = [scored([value], cell=INTER, index=index) for index, value in enumerate([0.1, 0.1, 0.1, 0.11])]
    high = [scored([value], cell=DEFAULT, index=index) for index, value in enumerate([0.3, 0.3, 0.3, 0.31])]
    assert only(low, high).tests[0].p_location == pytest.approx(2 / 70)


def test_what_is_not_compared() -> None:
    """Cells that repeat, other tasks, other seeds, other initial weights, more than one thing varied."""
    loose = runs(INTER, 4, seed=1)
    firm = [scored([0.1, 0.2, 0.3], cell=DEFAULT, index=index) for index in range(4)]
    for other in (
        firm,
        runs(DEFAULT, 4, seed=2, epochs=9),
        runs(DEFAULT, 4, seed=2, data={"X": "0" * 64}),
        runs(DEFAULT, 4, seed=2, hyperparameters={"epsilon": "0x1p-20"}),
        runs(DEFAULT, 4, seed=2, seeds={"numpy": 5, "backend": 6, "keras": 5}),
        runs(DEFAULT, 4, seed=2, start=8),
        runs(DEFAULT, 4, seed=2, machine="laptop"),
        runs(INTER, 4, seed=2, stack="9" * 64),
    ):
        assert contrasts(group([*loose, *other])) == ()


def test_what_is_compared_across_machines_and_backends() -> None:
    one = only(runs(INTER, 4, seed=1), runs(INTER, 4, seed=2, machine="laptop"))
    assert (one.scope, one.sides, one.lane) == ("machine", ("box", "laptop"), INTER)
    one = only(runs(INTER, 4, seed=1), runs(INTER, 4, seed=2, hardware="9" * 64))
    assert one.sides == ("box 99999999", "box aaaaaaaa")  # one label, two machines
    other = "mlp/tf1.15-cpu/full/native/inter-8"
    one = only(runs(INTER, 4, seed=1), runs(other, 4, seed=2, stack="9" * 64))
    assert (one.scope, one.sides, one.lane) == ("backend", ("tf1-cpu", "tf1.15-cpu"), "mlp/*/full/native/inter-8")


def test_unseeded_fits_are_draws_of_one_kind_whatever_seeds_were_named() -> None:
    made = [scored(np.exp(np.random.default_rng([k, index]).normal(k, 1, 4)).tolist(), cell=UNSEEDED.format(preset),
                   index=index, start=10 * index + k, seeds={"numpy": index, "backend": index + 1, "keras": index})
            for k, preset in enumerate(("default", "cold")) for index in (0, 1)]  # fmt: skip
    made += [scored(np.exp(np.random.default_rng([k, 9]).normal(k, 1, 4)).tolist(), cell=UNSEEDED.format(preset),
                    index=5, start=90 + k, seeds={"numpy": index, "backend": index + 1, "keras": index})
             for k, preset in enumerate(("default", "cold")) for index in (0, 1)]  # fmt: skip
    one = only(made)
    assert [(test.where, test.sizes) for test in one.tests] == [("all fits", (16, 16))]
    assert one.left.runs == 4


def test_scores_that_are_no_numbers_or_not_positive() -> None:
    bad = [scored([value], cell=DEFAULT, index=index) for index, value in enumerate([float("nan"), 0.1])]
    one = only(runs(INTER, 4, seed=1, fits=1), bad)
    assert (one.tests, one.worst) == ((), None)
    assert one.reason == f"{DEFAULT}: 1 scores are not finite"
    zero = [scored([value], cell=DEFAULT, index=index) for index, value in enumerate([0.0, 0.1])]
    one = only(runs(INTER, 4, seed=1, fits=1), zero)
    assert (len(one.tests), one.ratio, one.interval) == (1, None, None)


def said(*ones: Contrast) -> str:
    (found,) = (found.sentence for found in findings.findings((), (), (), ones, ()))
    return found


def test_the_sentence_turns_round() -> None:
    apart = said(only(runs(INTER, 15, seed=1), runs(DEFAULT, 15, seed=2, shift=1.0)))
    assert apart.startswith("mlp/tf1-cpu/full/native/*: the scores of `default` and `inter-8` have different")
    assert "different distributions in 3 of 3 fits (15 and 15 runs" in apart
    alike = said(only(runs(INTER, 15, seed=1), runs(DEFAULT, 15, seed=2)))
    assert "no difference between the distributions of `default` and `inter-8` is shown" in alike
    assert "which is no proof that they are one" in alike
    assert "different distributions" not in alike


def test_nothing_to_compare_loads_no_statistics() -> None:
    """The default matrix has no two cells to test: its report must not wait for SciPy and statsmodels."""
    code = """
import sys, tempfile
from pathlib import Path
from bench import analysis, bundle, matrix, published
from bench.report import page
from bench.store import Store
with tempfile.TemporaryDirectory() as name:
    store = Store(Path(name))
    bundle.collect(Path("docs/examples/matrix.zip"), store)
    references = published.load(Path("reference/published.yaml"))
    page.build(analysis.analyse(store.scan(), matrix.load(Path("matrix.yaml")), references), store.blob)
print(sorted({name.partition(".")[0] for name in sys.modules} & {"scipy", "statsmodels", "pandas"}))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


SECOND: dict[str, Any] = {"seeds": {"numpy": 2, "backend": 3, "keras": 2}, "start": 8}


def test_seeds_are_compared_one_by_one_in_one_contrast() -> None:
    """Each seed with itself, and what only one cell has with nothing."""
    one = only(runs(INTER, 9, seed=1), runs(INTER, 9, seed=2, **SECOND),
               runs(DEFAULT, 9, seed=3), runs(DEFAULT, 9, seed=4, shift=1.0, **SECOND))  # fmt: skip
    assert [(test.where, test.differs) for test in one.tests] == [
        ("fit 1", False), ("fit 2", False), ("fit 3", False),
        ("fit 1 of seed 2", True), ("fit 2 of seed 2", True), ("fit 3 of seed 2", True)]  # fmt: skip
    one = only(runs(INTER, 9, seed=1), runs(INTER, 9, seed=2, **SECOND), runs(DEFAULT, 9, seed=3))
    assert [test.where for test in one.tests] == ["fit 1", "fit 2", "fit 3"]


def test_many_pairs_of_one_outcome_are_one_sentence() -> None:
    machines = [run for number in range(5) for run in runs(INTER, 4, seed=number, machine=f"m{number}")]
    found = contrasts(group(machines))
    assert len(found) == 10
    assert "no difference between the distributions of 10 pairs of machines is shown (most: " in said(*found)
    sentences = findings.findings((), (), (), found[:2], ())
    assert len(sentences) == 2


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 120), st.integers(2, 120), st.integers(1, 3))
def test_every_size_of_sample_can_be_tested(left: int, right: int, decimals: int) -> None:
    """With and without ties: p-values are probabilities, and no library warns."""
    draw = np.random.default_rng(left + right)
    place = ((), 0, "")
    made = [distributions.Sample(groups=(), columns={place: np.sort(draw.normal(2, 1, size).round(4 * decimals - 3))})
            for size in (left, right)]  # fmt: skip
    (found,) = distributions._tests(*made)
    assert 0 < found.p_location <= 1
    assert 0 < found.p_shape <= 1 + 1e-12
    assert -1 <= found.delta <= 1


def test_the_report_shows_both_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In all forms, with the same bytes for the same records; text of records stays text."""
    store = Store(tmp_path / "store")
    stack = {"digest": "b" * 64, "interpreter": {"version": "2.7.18"}, "distributions": ["numpy 1.12.1 x"]}
    box: dict[str, Any] = {"stack_blob": store.add_blob(json.dumps(stack).encode()), "machine": "<b>box</b>"}
    second: dict[str, Any] = {**box, "seeds": {"numpy": 2, "backend": 3, "keras": 2}, "start": 8}
    made = [*runs(INTER, 12, seed=1, **box), *runs(DEFAULT, 12, seed=2, shift=1.0, **box)]
    made += [*runs(INTER, 12, seed=3, **second), *runs(INTER, 2, seed=4, **{**box, "machine": "laptop"})]
    for one in made:
        store.add(one.record, one.content)
    forms = []
    for folder in ("one", "two"):
        assert main(["report", "--store", str(store.folder), "-o", str(tmp_path / folder)]) == 0
        forms.append(
            [(tmp_path / folder / name).read_bytes() for name in ("variance.html", "report.md", "report.json")]
        )
    assert forms[0] == forms[1]
    html, text, values = (form.decode() for form in forms[0])
    assert "have different distributions in 3 of 3 fits" in " ".join(capsys.readouterr().out.split())
    for heading in ("Distributions of cells that do not repeat", "Shares of variance"):
        assert heading in html
        assert f"## {heading}" in text
    assert "2 seeds, 1 backend, 2 machines, 26 runs" in html
    assert "<b>" not in html
    view = json.loads(values)
    assert {one["differing"] for one in view["contrasts"]} == {"3 of 3", "0 of 3"}
    assert len(view["contrasts"][0]["places"]) == 3
    assert any(one["beside_seed"].startswith("machine") for one in view["variances"])
