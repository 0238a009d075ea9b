"""Shares of differing runs: bounds as SciPy, statsmodels and the literature have them, and sentences that follow."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from bench import findings
from bench.groups import differing_share, group
from bench.proportion import bounds, runs_needed
from bench.store import Stored
from tests.planted import Planted, fits


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int]:
    later = draw(st.integers(1, 300))
    return draw(st.integers(0, later)), later


@given(counts())
def test_bounds_are_clopper_and_pearsons(count: tuple[int, int]) -> None:
    """As statsmodels has them (`beta`); one-sided at the ends, which is an interval of twice the alpha there."""
    differing, later = count
    found = bounds(differing, later)
    alpha = 0.10 if differing in (0, later) else 0.05
    low, high = proportion_confint(differing, later, alpha=alpha, method="beta")
    assert found.low == pytest.approx(low, abs=1e-12)
    assert found.high == pytest.approx(high, abs=1e-12)
    assert found.low <= differing / later <= found.high


def test_the_two_sided_bound_that_textbooks_print() -> None:
    """0 of 10: 0.3085 (R's `binom.test(0, 10)`); 1 of 10: 0.0025 to 0.4450 (`binom.test(1, 10)`)."""
    two_sided = stats.binomtest(0, 10).proportion_ci(0.95, method="exact")
    assert float(two_sided.high) == pytest.approx(0.3085, abs=5e-5)
    found = bounds(1, 10)
    assert found.low == pytest.approx(0.0025286, abs=5e-7)
    assert found.high == pytest.approx(0.4450161, abs=5e-7)


@given(st.integers(2, 500))
def test_no_differing_run_is_the_zero_event_case(runs: int) -> None:
    assert bounds(0, runs - 1).high == differing_share(runs)


def test_a_share_of_no_runs_is_an_error() -> None:
    for differing, later in ((0, 0), (3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="no share"):
            bounds(differing, later)


@given(st.floats(1e-4, 0.999))
def test_the_runs_needed_are_the_fewest(share: float) -> None:
    runs = runs_needed(share)
    assert (differing_share(runs) or 1.0) < share
    assert runs == 2 or (differing_share(runs - 1) or 1.0) >= share


def test_sixty_runs_say_five_percent() -> None:
    """The rule of three: about 3 / p later runs without an event bound their share by p."""
    assert (runs_needed(0.05), runs_needed(0.01), runs_needed(0.5)) == (60, 300, 6)
    for share in (0.0, 1.0):
        with pytest.raises(ValueError, match="between 0 and 1"):
            runs_needed(share)


def said(seeds: list[int]) -> str:
    """The sentence about runs whose numbers come from these seeds."""
    runs = []
    for index, seed in enumerate(seeds):
        record, content = Planted(index=index, fits=fits(seed)).record()
        runs.append(Stored(digest=f"{index:064x}", record=record, content=content))
    sentences = {findings.confidence(group(order)[0]) for order in itertools.permutations(runs)}
    assert len(sentences) == 1  # the order of records is irrelevant
    return sentences.pop()


def test_the_sentence_follows_the_runs() -> None:
    assert "fewer than 63.2 % of runs differ from the first (60 equal runs would say 5.0 %)" in said([7, 7, 7, 7])
    assert "36.8 % of runs or more differ from it" in said([7, 8, 9, 6])
    assert "0 of 3 later runs equal the first" in said([7, 8, 9, 6])
    mixed = said([7, 7, 7, 8])
    assert "2 of 3 later runs equal the first" in mixed
    assert "0.8 % to 90.6 % of runs differ from it" in mixed
