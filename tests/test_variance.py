"""Shares of variance: planted ones are recovered, textbooks' are reproduced, and what cannot be known is said."""

import math
import random
import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench import findings, variance
from bench.groups import group
from bench.store import Stored
from bench.variance import SOURCES, Component, Variance, _components, _sums, shares
from tests.planted import scored

SUPPLIED = "mlp/{}/numpy/supplied/ordered"
NATIVE = "mlp/torch-gpu/keras/native/default"
NAMED = [Component(source=source, levels=9) for source in SOURCES]

#: Standard deviations of seed, backend, machine and run.
Deviations = tuple[float, float, float, float]


def planted(sd: Deviations, *, seeds: int = 4, backends: int = 1, machines: int = 1, runs: int = 3, fits: int = 5,
            start: int = 0, cell: str = SUPPLIED, mean: float = -4.0) -> list[Stored]:  # fmt: skip
    """Runs of which the logarithms of the scores vary as told."""
    draw = np.random.default_rng(start)
    found = []
    for s in range(seeds):
        seed = draw.normal(0, sd[0], fits)
        for b in range(backends):
            backend = seed + draw.normal(0, sd[1], fits)
            for m in range(machines):
                machine = backend + draw.normal(0, sd[2], fits)
                for index in range(runs):
                    scores = np.exp(mean + machine + draw.normal(0, sd[3], fits))
                    found.append(scored(scores.tolist(), start=s, cell=cell.format(f"b{b}-cpu"), index=index,
                                        seeds={"numpy": s, "backend": s + 1, "keras": s}, stack=f"{b:064x}",
                                        machine=f"m{m}", hardware=f"{m:064x}"))  # fmt: skip
    return found


def measured(runs: Sequence[Stored]) -> Variance:
    (one,) = shares(group(runs))
    return one


def estimated(values: NDArray[np.float64], labels: Sequence[Sequence[int]]) -> tuple[Component, ...]:
    return _components(NAMED, _sums(values, np.array(labels)), native=False)


#: Calcium in turnip leaves, per cent: 4 plants, 3 leaves of each, 2 determinations of each (G. W. Snedecor and
#: W. G. Cochran, Statistical Methods, 6th ed. 1967, section 10.16; also the example of SAS's NESTED procedure).
CALCIUM = [3.28, 3.09, 3.52, 3.48, 2.88, 2.80, 2.46, 2.44, 1.87, 1.92, 2.19, 2.19,
           2.77, 2.66, 3.74, 3.44, 2.55, 2.55, 3.78, 3.87, 4.07, 4.12, 3.31, 3.31]  # fmt: skip


def test_the_textbooks_plants_leaves_and_determinations() -> None:
    """Sums of squares 7.5603, 2.6302, 0.0799; components 0.365223, 0.161060, 0.006654; shares 68.5, 30.2, 1.2 %."""
    leaves = np.repeat(np.arange(12), 2)
    sums = _sums(np.array(CALCIUM)[:, None], np.array([leaves // 3, leaves, leaves]))
    assert sums.squares == pytest.approx([7.560346, 2.6302, 0.0, 0.07985], abs=5e-7)
    assert sums.freedom.tolist() == [3, 8, 0, 12]
    plant, leaf, none, determination = _components(NAMED, sums, native=False)
    sds = [one.sd for one in (plant, leaf, determination)]
    assert [round(sd**2, 6) for sd in sds if sd is not None] == [0.365223, 0.16106, 0.006654]
    assert [one.share and round(one.share, 4) for one in (plant, leaf, determination)] == [0.6853, 0.3022, 0.0125]
    assert (none.sd, none.share, none.reason) == (None, None, "no two machines share all else")


def frame(values: NDArray[np.float64], labels: NDArray[np.int64]) -> pd.DataFrame:
    runs, fits = values.shape
    rows = [(k, *labels[:, run], values[run, k]) for run in range(runs) for k in range(fits)]
    return pd.DataFrame(rows, columns=["k", "seed", "backend", "machine", "y"])


def balanced(sd: Deviations, start: int = 3) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(runs, positions) of 5 seeds x 3 backends x 2 machines x 3 runs at 4 positions."""
    draw = np.random.default_rng(start)
    labels = np.array([(s, b, m) for s in range(5) for b in range(3) for m in range(2) for _ in range(3)]).T
    parts = [draw.normal(0, one, (5, 3, 2, 4)) for one in sd[:3]]
    effect = parts[0][:, :1, :1] + parts[1][:, :, :1] + parts[2]
    return effect[tuple(labels)] + draw.normal(0, sd[3], (labels.shape[1], 4)), labels


def test_sums_of_squares_are_those_of_statsmodels() -> None:
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    values, labels = balanced((1.0, 0.5, 0.4, 0.2))
    terms = "C(k) + C(k):C(seed) + C(k):C(seed):C(backend) + C(k):C(seed):C(backend):C(machine)"
    wanted = anova_lm(ols(f"y ~ {terms}", data=frame(values, labels)).fit(), typ=1)
    found = _sums(values, labels)
    assert found.squares == pytest.approx(wanted["sum_sq"].to_numpy()[1:], rel=1e-9)
    assert found.freedom.tolist() == wanted["df"].to_numpy()[1:].tolist()


def test_balanced_estimates_are_those_of_a_mixed_model() -> None:
    """REML by statsmodels' MixedLM, where it converges: all components of one size."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    values, labels = balanced((1.0, 0.5, 0.4, 0.2))
    table = frame(values, labels)
    table["start"] = table["k"].astype(str) + "." + table["seed"].astype(str)
    table["place"] = table["backend"].astype(str) + "." + table["machine"].astype(str)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = MixedLM.from_formula("y ~ C(k)", groups="start", re_formula="1", data=table,
                                      vc_formula={"backend": "0+C(backend)", "place": "0+C(place)"}).fit()  # fmt: skip
    wanted = [float(fitted.cov_re.iloc[0, 0]), *fitted.vcomp, float(fitted.scale)]
    found = [one.sd for one in estimated(values, labels.tolist())]
    assert [sd**2 for sd in found if sd is not None] == pytest.approx(wanted, rel=1e-3)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 1)), min_size=3, max_size=9))
def test_expected_sums_of_squares_of_any_design(rows: list[tuple[int, int, int]]) -> None:
    """A variance of 1 at one level adds to each sum what its effects do one at a time: a trace of a quadratic form."""
    labels = np.array(rows).T
    sums = _sums(np.zeros((len(rows), 2)), labels)
    for level in range(4):
        nodes = [row[: level + 1] if level < 3 else (*row, number) for number, row in enumerate(rows)]
        added = np.zeros(4)
        for node in sorted(set(nodes)):
            for position in range(2):
                effect = np.zeros((len(rows), 2))
                effect[[one == node for one in nodes], position] = 1.0
                added += _sums(effect, labels).squares
        assert sums.coefficients[:, level] == pytest.approx(added, abs=1e-9)


@pytest.mark.parametrize("sd", [(1.0, 0.5, 0.3, 0.2), (1.0, 1e-3, 1e-4, 1e-4), (2.0, 1e-4, 1e-6, 1e-6)])
def test_planted_variances_lie_in_their_intervals(sd: Deviations) -> None:
    """In 60 planted stores the 95 % intervals hold the truth about as often as they say, whatever the sizes."""
    truth = np.square(sd) / np.square(sd).sum()
    held = np.zeros(4)
    for start in range(60):
        values, labels = balanced(sd, start)
        intervals = [one.share_interval for one in estimated(values, labels.tolist())]
        held += [low <= share <= high for (low, high), share in zip(filter(None, intervals), truth, strict=True)]
    assert (held >= 51).all(), held


def test_from_records_to_shares() -> None:
    found = measured(planted((1.0, 0.3, 0.1, 0.02), seeds=6, backends=3, machines=3, runs=3, fits=8))
    assert [one.levels for one in found.components] == [6, 3, 3, 162]
    assert (found.lane, found.runs, found.fits) == ("mlp/*/numpy/supplied/ordered", 162, 162 * 8)
    for one, sd in zip(found.components, (1.0, 0.3, 0.1, 0.02), strict=True):
        assert one.sd == pytest.approx(sd, rel=0.3)
    assert sum(one.share or 0.0 for one in found.components) == pytest.approx(1.0)
    ratio = found.of("run").ratio_interval
    assert ratio is not None
    assert ratio[0] < 0.02 < ratio[1]


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000), st.integers(2, 3), st.integers(1, 3), st.integers(1, 2), st.integers(1, 3))
def test_shares_sum_to_one_and_the_order_of_records_is_irrelevant(
    start: int, seeds: int, backends: int, machines: int, runs: int
) -> None:
    made = planted((1.0, 0.1, 0.1, 0.1), seeds=seeds, backends=backends, machines=machines, runs=runs, start=start)
    found = shares(group(made))
    random.Random(start).shuffle(made)
    assert shares(group(made)) == found
    for one in found:
        known = [part.share for part in one.components if part.share is not None]
        assert not known or sum(known) == pytest.approx(1.0)
        assert all(part.reason for part in one.components if part.sd is None)


def test_few_levels_are_said_in_words() -> None:
    one = measured(planted((1.0, 0.0, 0.0, 0.1), seeds=1, runs=4))
    assert [part.reason for part in one.components] == ["one seed", "one backend", "one machine", None]
    assert (one.of("run").share, one.of("run").ratio) == (None, None)  # a share of what?
    (sentence,) = (found.sentence for found in findings.findings((), (), (), (), (one,)))
    assert "run-to-run noise is" in sentence
    assert "beside seed noise it is not estimable: one seed." in sentence
    once = measured(planted((1.0, 0.2, 0.0, 0.0), backends=2, runs=1))
    assert once.of("run").reason == "one run of each"
    native = measured(planted((1.0, 0.0, 0.0, 0.1), cell=NATIVE))
    assert native.of("backend").reason == "each backend draws its own start"


def test_runs_that_all_agree_have_no_noise() -> None:
    """Exactly none: 0, not a rounding error of a mean."""
    found = measured(planted((1.0, 0.0, 0.0, 0.0), runs=3))
    assert (found.of("run").sd, found.of("run").share, found.of("run").ratio) == (0.0, 0.0, 0.0)
    assert found.of("seed").share == 1.0
    assert shares(group(planted((1.0, 0.0, 0.0, 0.0), seeds=1))) == ()  # nothing varies: nothing to say
    assert shares(group(planted((1.0, 0.0, 0.0, 0.0), seeds=1, runs=1))) == ()


def test_unseeded_cells_have_no_seed_to_share_with() -> None:
    assert shares(group(planted((0.0, 0.0, 0.0, 1.0), cell="mlp/tf-cpu/unseeded/native/default"))) == ()


def test_in_the_native_lane_backends_are_lanes_of_their_own() -> None:
    made = [*planted((1.0, 0.0, 0.0, 0.1), cell="mlp/a-cpu/keras/native/default"),
            *planted((1.0, 0.0, 0.0, 0.1), cell="mlp/b-cpu/keras/native/default")]  # fmt: skip
    assert [one.lane for one in shares(group(made))] == [f"mlp/{name}-cpu/keras/native/default" for name in "ab"]


def test_a_score_without_a_logarithm_is_named() -> None:
    made = [scored([0.0, 0.1], index=0), scored([0.2, 0.1], index=1)]
    assert "is not a positive number" in str(measured(made).reason)
    assert measured([scored([math.nan, 0.1], index=0), scored([0.2, 0.1], index=1)]).of("run").sd is None


def test_the_sentence_turns_round_with_seeds_and_runs() -> None:
    """The same vectors, once as seeds that hardly vary from run to run, once as runs that hardly vary by seed."""

    def said(sd: Deviations) -> str:
        one = measured(planted(sd, seeds=6, runs=6))
        (found,) = (found.sentence for found in findings.findings((), (), (), (), (one,)))
        return found

    quiet, loud, equal = said((1.0, 0, 0, 0.05)), said((0.05, 0, 0, 1.0)), said((0.3, 0, 0, 0.35))
    assert " of seed noise (" in quiet
    assert "6 seeds, 36 runs of 5 fits" in quiet
    assert "exceeds seed noise" in loud
    assert "cannot be told apart" in equal
    assert "run-to-run noise is 0 % of seed noise" in said((1.0, 0, 0, 0.0))


def test_swapping_seeds_and_runs_turns_the_shares_round() -> None:
    values, labels = balanced((1.0, 0.0, 0.0, 0.1))
    firm = estimated(values, [labels[0].tolist(), [0] * 90, [0] * 90])
    other = (np.arange(90) % 18).tolist()  # by position among the runs of a seed: each of these meets every seed
    loose = estimated(values, [other, [0] * 90, [0] * 90])
    assert firm[0].share is not None
    assert loose[0].share is not None
    assert firm[0].share > 0.95
    assert loose[0].share < 0.05


def test_levels_count_once_whatever_they_are_called() -> None:
    """A rebuilt backend, with another stack, is another backend."""
    made = planted((1.0, 0.0, 0.0, 0.1), backends=2)
    assert measured(made).of("backend").levels == 2
    assert variance.SOURCES == ("seed", "backend", "machine", "run")
