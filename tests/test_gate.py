"""The gate: what is declared, judged on planted nights; a breach is red, and only what was looked at is green."""

import datetime as dt
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import analysis, baseline, groups, likeness
from bench.analysis import Analysis
from bench.baseline import Baseline
from bench.bound import Bound
from bench.cli import gate, options
from bench.cli.main import main
from bench.digests import sha256
from bench.errors import UsageError
from bench.judgement import Judged, State
from bench.likeness import Candidate
from bench.matrix import Expectation, Matrix, load
from bench.store import Store, Stored
from tests.engines import ROOT, SHIPPED
from tests.planted import Planted, fits, scored

CELL = "mlp/theano-cpu/numpy/native/default"
OTHER = "mlp/tf-cpu/keras/native/default"
SHIPPED_NIGHT = "mlp/jax-cpu/keras/native/default"
TODAY = dt.date(2026, 12, 1)


def rule(scope: str, at_least: str, where: str = "mlp/*", **fields: Any) -> Expectation:
    fields = {"required": False, "reason": None, **fields}
    return Expectation(where=where, scope=scope, at_least=Bound.parse(at_least), **fields)


def night(day: int, index: int = 0, seed: int = 7, **fields: Any) -> Stored:
    """A run of a night of November; its digest is that of its bytes."""
    fields = {"cell": CELL, "fits": fits(seed), "machine": "box", **fields}
    campaign, started = f"2026-11-{day:02}", f"2026-11-{day:02}T02:00:{index:02}.000Z"
    record, content = Planted(index=index, campaign=campaign, started=started, **fields).record()
    return Stored(digest=sha256(record.to_json()), record=record, content=content)


def matrix(*rules: Expectation) -> Matrix:
    """The shipped matrix with these expectations."""
    return Matrix(file=SHIPPED.file, backends=SHIPPED.backends, expect=rules, references=())


def analysed(rules: Sequence[Expectation], *runs: Stored, known: Baseline | None = None) -> Analysis:
    return analysis.analyse(runs, matrix(*rules), {}, baseline=known)


def blessed(*runs: Stored) -> Baseline:
    return baseline.merged(None, baseline.entries(runs, when=dt.date(2026, 11, 20), why="first"))


def only(found: Analysis) -> Judged:
    (one,) = found.judged
    return one


# Nights


def test_a_drift_on_the_same_stack_and_machine_is_a_breach_that_says_where_they_part() -> None:
    one = only(analysed([rule("night", "identical")], night(1), night(2, seed=8)))
    assert (one.state, one.breach(TODAY)) == ("breach", True)
    for part in ("campaign 2026-11-01 gave", "now 1 run of 1 give", "same stack and machine class", "parted at fit 1"):
        assert part in one.seen
    assert len(set(one.records)) == 2


def test_a_night_like_the_one_before_holds() -> None:
    one = only(analysed([rule("night", "identical")], night(1), night(2)))
    assert (one.state, one.seen) == ("holds", "1 run, as campaign 2026-11-01 has it")


def test_where_there_is_nothing_before_nothing_is_judged_and_it_is_counted() -> None:
    found = analysed([rule("night", "identical")], night(2))
    assert found.judged == ()
    assert [str(one.cell) for one in found.new] == [CELL]


def test_a_later_campaign_is_no_past() -> None:
    found = analysis.analyse([night(1), night(2, seed=8)], matrix(rule("night", "identical")), {},
                             campaign="2026-11-01")  # fmt: skip
    assert found.judged == ()


def test_the_campaign_before_is_the_latest_of_those_with_this_stack() -> None:
    """Night 2 is as night 3; that night 1 was otherwise is old news."""
    assert only(analysed([rule("night", "identical")], night(1, seed=8), night(2), night(3))).state == "holds"


def test_one_machine_is_no_past_of_another() -> None:
    assert analysed([rule("night", "identical")], night(1), night(2, seed=8, hardware="f" * 64)).judged == ()
    assert analysed([rule("night", "identical")], night(1), night(2, seed=8, machine="lab")).judged == ()


def test_a_cell_that_falls_apart_is_a_breach_although_one_run_is_as_before() -> None:
    one = only(analysed([rule("night", "identical")], night(1), night(1, 1), night(2), night(2, 1, seed=8)))
    assert one.state == "breach"
    assert ": one class, " in one.seen
    assert "now 2 runs fall apart into 2 classes" in one.seen


def test_the_baseline_comes_before_the_campaign_before() -> None:
    """Accepted results hold although last night was otherwise, and last night's drift does not become normal."""
    for last, state in ((8, "holds"), (7, "holds")):
        found = analysed([rule("night", "identical")], night(2, seed=last), night(3), known=blessed(night(1)))
        assert only(found).state == state
    drifted = analysed([rule("night", "identical")], night(2, seed=8), night(3, seed=8), known=blessed(night(1)))
    assert only(drifted).state == "breach"
    assert "the baseline of 2026-11-20 (first)" in only(drifted).seen


def test_a_baseline_whose_record_is_elsewhere_still_finds_the_drift() -> None:
    one = only(analysed([rule("night", "4 digits")], night(2, seed=8), known=blessed(night(1))))
    assert one.state == "breach"
    assert "is not in this store" in one.seen
    assert one.records == (night(2, seed=8).digest,)


def test_a_machine_of_the_same_class_shares_the_baseline() -> None:
    one = only(analysed([rule("night", "identical")], night(2, machine="lab"), known=blessed(night(1))))
    assert one.state == "holds"


def test_a_night_within_its_bound_holds_and_one_beyond_does_not() -> None:
    made = fits()
    made[0].predictions.reshape(-1).view("<u4")[0] += 3
    for text, state in (("3 ulp", "holds"), ("2 ulp", "breach"), ("identical", "breach")):
        assert only(analysed([rule("night", text)], night(1), night(2, fits=made))).state == state


def test_weights_that_part_on_the_way_are_a_drift_though_the_results_are_the_same() -> None:
    made = fits()
    made[0].trajectory[1][0].reshape(-1).view("<u4")[0] ^= 1
    runs = night(1), night(2, fits=made)
    assert only(analysed([rule("night", "identical")], *runs)).state == "breach"
    assert only(analysed([rule("night", "identical")], runs[1], known=blessed(runs[0]))).state == "breach"


def test_other_data_on_the_same_stack_is_a_breach_and_other_epochs_are_a_change() -> None:
    data = only(analysed([rule("night", "identical")], night(1), night(2, data={"X": "0" * 64, "y": "d" * 64})))
    assert data.state == "breach"
    assert "data.X" in data.seen
    asked = only(analysed([rule("night", "identical")], night(1), night(2, fits=fits(epochs=5), epochs=5)))
    assert asked.state == "changed"
    assert "epochs: 4 and 5" in asked.seen


def test_a_baseline_of_another_training_never_holds() -> None:
    known = blessed(night(1, data={"X": "0" * 64, "y": "d" * 64}))
    one = only(analysed([rule("night", "identical")], night(2), known=known))
    assert one.state == "breach"
    assert "another training" in one.seen


# Changed stacks


def test_a_changed_stack_is_one_line_for_all_its_cells_and_no_breach() -> None:
    cells = [f"mlp/theano-cpu/numpy/native/{name}" for name in ("default", "single-thread", "ordered")]
    before = [night(1, cell=cell) for cell in cells]
    after = [night(2, cell=cell, seed=8, stack="f" * 64) for cell in cells]
    for known, stored in ((None, (*before, *after)), (blessed(*before), after)):
        found = analysed([rule("night", "identical"), rule("night", "4 digits")], *stored, known=known)
        (one,) = found.judged
        assert (one.state, one.subject) == ("changed", "theano-cpu on box")
        assert one.seen.startswith("the stack of 3 cells changed, bbbbbbbbbbbb in ")
        assert "ffffffffffff now" in one.seen
        assert found.breaches(TODAY) == ()


def test_the_first_night_of_a_stack_is_held_against_by_the_second() -> None:
    """The stack is still to be blessed, and a drift on it is red all the same."""
    runs = [night(2, stack="f" * 64), night(3, seed=8, stack="f" * 64)]
    found = analysed([rule("night", "identical")], *runs, known=blessed(night(1)))
    assert [one.state for one in found.judged] == ["breach", "changed"]


def test_a_blessed_stack_is_no_change() -> None:
    known = blessed(night(1), night(2, seed=8, stack="f" * 64))
    found = analysed([rule("night", "identical")], night(1), night(3, seed=8, stack="f" * 64), known=known)
    assert only(found).state == "holds"


# Machines


def test_machines_are_held_against_the_first_and_each_class_counts() -> None:
    runs = [night(1, machine="a", hardware="1" * 64), night(1, machine="b", hardware="2" * 64)]
    assert only(analysed([rule("machine", "identical")], *runs)).seen == "2 runs on 2 machines in one class"
    stray = night(1, 1, seed=8, machine="b", hardware="2" * 64)  # its first run agrees by luck
    one = only(analysed([rule("machine", "identical")], *runs, stray))
    assert one.state == "breach"
    assert "run 0 on a against run 1 on b: DIFFERENT" in one.seen


def test_machines_with_other_stacks_are_a_line_and_not_compared() -> None:
    runs = [night(1, machine="a", hardware="1" * 64), night(1, machine="b", hardware="2" * 64, stack="f" * 64, seed=8)]
    one = only(analysed([rule("machine", "identical")], *runs))
    assert (one.state, one.subject) == ("changed", "theano-cpu on a, b")


def test_a_pattern_of_machines_selects_runs_and_bounds() -> None:
    runs = [night(1, index, seed=7 + index, machine=name, hardware=digit * 64)
            for name, digit in (("lab-1", "1"), ("box", "2")) for index in (0, 1)]  # fmt: skip
    for where, subjects in (("mlp/*@lab-*", [f"{CELL} on lab-1"]), ("mlp/*@*", [f"{CELL} on box", f"{CELL} on lab-1"]),
                            ("mlp/*@cpu*", [])):  # fmt: skip
        found = analysed([rule("run", "identical", where)], *runs)
        assert sorted(one.subject for one in found.judged) == subjects


def test_a_label_that_stands_for_two_machines_is_told_apart_by_the_hardware() -> None:
    runs = [night(1, index, machine="box", hardware=digit * 64) for digit in "12" for index in (0, 1)]
    (one,) = analysed([rule("run", "identical", "mlp/*@box (1111*")], *runs).judged
    assert one.subject == f"{CELL} on box (11111111)"


# Backends


def test_backends_that_agree_by_luck_do_not_hold() -> None:
    """Their first runs are the same bits, and one of them does not repeat."""
    cells = "mlp/jax-cpu/numpy/supplied/ordered", "mlp/torch-cpu/numpy/supplied/ordered"
    runs = [night(1, cell=cells[0], stack="1" * 64), night(1, cell=cells[1], stack="2" * 64)]
    assert only(analysed([rule("backend", "identical")], *runs)).state == "holds"
    for number, cell in enumerate(cells, start=1):
        stray = night(1, 1, seed=8, cell=cell, stack=f"{number}" * 64)
        one = only(analysed([rule("backend", "identical")], *runs, stray))
        assert one.state == "breach"
        assert stray.digest in one.records


# Distributions


def draws(count: int, shift: float = 0.0, seed: int = 1, **fields: Any) -> list[Stored]:
    """Runs that do not repeat, all from one start; their scores lie about 0.5 + shift."""
    random = np.random.default_rng(seed)
    return [scored([float(0.5 + shift + random.uniform(0, 0.1))], index=index, **fields) for index in range(count)]


def nightly(count: int, shift: float = 0.0) -> list[Stored]:
    """A night of `count` runs and another, shifted."""
    days: list[dict[str, Any]] = [
        {"campaign": f"2026-11-0{day}", "started": f"2026-11-0{day}T02:00:00.000Z"} for day in (1, 2)
    ]
    return [*draws(count, seed=1, **days[0]), *draws(count, shift, seed=2, **days[1])]


def test_a_shifted_distribution_is_a_breach_and_another_draw_is_not() -> None:
    for shift, state in ((0.0, "holds"), (1.0, "breach")):
        one = only(analysed([rule("night", "same-distribution")], *nightly(12, shift)))
        assert one.state == state, one.seen
        assert "least corrected p" in one.seen
        assert one.expectation.at_least.tier == "statistical"


@pytest.mark.parametrize(("count", "state"), [(1, "few"), (3, "few"), (4, "few"), (5, "breach")])
def test_too_few_runs_never_pass_however_far_apart(count: int, state: State) -> None:
    """Two p-values: exact ones of 4 and 4 runs are 1/35 at least, 0.057 corrected; of 5 and 5, 0.016."""
    one = only(analysed([rule("night", "same-distribution")], *nightly(count, 1.0)))
    assert one.state == state
    assert one.breach(TODAY)
    if state == "few":
        assert f"not enough runs ({count} and {count}; needs 5 of each)" in one.seen


def test_the_same_bits_are_the_same_distribution_without_a_test() -> None:
    one = only(analysed([rule("night", "same-distribution")], night(1), night(2)))
    assert (one.state, one.seen) == ("holds", "the same bits in 1 and 1 runs")


def test_a_family_is_corrected_as_one_and_leaves_out_those_without_a_chance() -> None:
    """Six runs a side would do alone; of nine such pairs together they do not, and they do not spoil the large one."""

    def pair(count: int, seed: int) -> Candidate:
        sides = [groups.group(draws(count, seed=seed + side))[0] for side in (0, 1)]
        return Candidate(expectation=rule("backend", "same-distribution"), subject=str(seed), left=(sides[0],),
                         right=(sides[1],))  # fmt: skip

    small, large = [pair(5, seed) for seed in range(9)], pair(20, 90)
    judged = likeness.judge([*small, large])
    assert judged[-1].state == "holds"
    states = [one.state for one in judged]
    assert states[:9].count("holds") == 2  # (2 + 2 + 2) tests, 2/252 each at best: no more than six of 0.05
    assert states[:9].count("few") == 7


def test_a_baseline_has_no_scores_so_its_runs_must_be_here() -> None:
    runs = nightly(12)
    known = blessed(*runs[:12])
    rules = [rule("night", "same-distribution")]
    assert only(analysed(rules, *runs, known=known)).state == "holds"
    one = only(analysed(rules, *runs[12:], known=known))
    assert one.state == "few"
    assert "none of those of the baseline" in one.seen


def test_other_starts_have_no_scores_of_one_kind() -> None:
    cells = "mlp/jax-cpu/keras/native/default", "mlp/torch-cpu/keras/native/default"
    runs = [*draws(12, start=7, cell=cells[0], stack="1" * 64), *draws(12, start=8, cell=cells[1], stack="2" * 64)]
    one = only(analysed([rule("backend", "same-distribution")], *runs))
    assert one.state == "breach"
    assert "no fit starts alike" in one.seen


def test_scores_that_are_not_finite_never_pass() -> None:
    runs = [*draws(12), scored([float("nan")], index=12)]
    sides = groups.group(runs)[0], groups.group(draws(12, seed=2))[0]
    one = Candidate(expectation=rule("backend", "same-distribution"), subject="x", left=sides[:1], right=sides[1:])
    assert likeness.judge([one])[0].state == "breach"


# Known exceptions


def excepted(until: str, at_least: str = "identical", where: str = "mlp/*") -> Expectation:
    return rule("run", at_least, where, until=dt.date.fromisoformat(until), reason="driver bug 42")


BROKEN = (night(1), night(1, 1, seed=8))


def test_a_known_exception_excuses_up_to_its_day_and_no_longer() -> None:
    one = only(analysed([excepted("2026-12-01")], *BROKEN))
    assert [one.breach(TODAY + dt.timedelta(days=days)) for days in (-1, 0, 1)] == [False, False, True]
    assert "it was known (driver bug 42) until 2026-12-01, which is over" in gate.breach(one, dt.date(2026, 12, 2))


def test_a_known_exception_speaks_for_the_wide_rule_as_well() -> None:
    found = analysed([rule("run", "identical"), excepted("2026-12-01", where=CELL)], *BROKEN)
    assert only(found).excused(TODAY)
    other = analysed([rule("run", "3 digits"), excepted("2026-12-01", where=CELL)], *BROKEN)
    assert len(other.breaches(TODAY)) == 1  # of another bound it says nothing


def test_an_exception_that_holds_is_told_so_that_it_goes() -> None:
    found = analysed([excepted("2026-12-01")], night(1), night(1, 1))
    assert only(found).state == "removable"
    said = "\n".join(gate.lines(found, Path("team"), TODAY))
    assert "holds again, 1 of 1; remove this exception: mlp/*: run at least identical, until 2026-12-01" in said
    mixed = analysed([excepted("2026-12-01")], *BROKEN, night(1, cell=OTHER), night(1, 1, cell=OTHER))
    assert sorted(one.state for one in mixed.judged) == ["breach", "holds"]


# What could not be judged


def failed(status: str) -> Stored:
    made = night(1)
    changes = {"status": status, "reason": "no GPU", "outcome": None, "arrays": None}
    return Stored(digest="9" * 64, record=made.record.model_copy(update=changes), content=b"")


@pytest.mark.parametrize(("status", "state"), [("unavailable", "unavailable"), ("failed", "failed")])
def test_cells_without_a_run_are_named_and_are_no_breach_unless_required(status: str, state: State) -> None:
    runs = failed(status), night(1, cell=OTHER)
    found = analysed([rule("run", "identical", CELL)], *runs)
    assert [(one.state, one.subject, one.breach(TODAY)) for one in found.judged] == [(state, CELL, False)]
    needed = analysed([rule("run", "identical", CELL, required=True)], *runs)
    assert len(needed.breaches(TODAY)) == 1


# The command


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`bench gate` in a folder of its own, on a store `team` of runs (day, index, seed); gives the exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(options, "today", lambda: TODAY)

    def call(*runs: Stored, also: Sequence[str] = ()) -> int:
        store = Store(Path("team"))
        for one in runs:
            store.add_blob(b"{}")
            record = one.record.model_copy(update={"fingerprint": one.record.fingerprint.model_copy(
                update={"stack_blob": sha256(b"{}")})}) if one.record.fingerprint else one.record  # fmt: skip
            store.add(record, one.content)
        return main(["gate", "--store", "team", *also])

    return call


def test_green_says_how_to_make_a_baseline(team: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert team(night(1, cell=SHIPPED_NIGHT), night(1, 1, cell=SHIPPED_NIGHT)) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1:4] == [
        "exact        1 of 1 hold",
        "bounded      nothing to judge",
        "statistical  nothing to judge",
    ]
    assert "no baseline: baseline.json is not here; `bench bless --reason TEXT` makes it" in said


def test_a_drift_is_red_with_calls_that_show_it_until_it_is_blessed(
    team: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    only_nights = ["--only", SHIPPED_NIGHT]
    assert team(night(1, cell=SHIPPED_NIGHT), night(2, cell=SHIPPED_NIGHT), also=only_nights) == 0
    capsys.readouterr()
    assert team(night(3, cell=SHIPPED_NIGHT, seed=8), also=only_nights) == 1
    said = capsys.readouterr().out
    assert f"BREACH: {SHIPPED_NIGHT}: wanted identical at scope night, seen 1 run of campaign 2026-11-02 gave" in said
    compared = next(line.split() for line in said.splitlines() if line.startswith("  bench compare"))
    assert main(["compare", *compared[2:]]) == 1
    assert "first divergence" in capsys.readouterr().out
    assert main(["bless", "--store", "team", "--reason", "new kernel"]) == 0
    assert team(also=only_nights) == 0


def test_a_pattern_that_selects_nothing_is_no_green(
    team: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert team(night(1), also=["--only", "mlp/theno*"]) == 2
    assert "matches no cell of campaign 2026-11-01" in capsys.readouterr().err


def test_a_failed_run_or_a_damaged_record_is_exit_3_although_something_is_breached(
    team: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert team(*BROKEN) == 1
    name = next(Path("team/records").iterdir())
    (name / "arrays.bin").write_bytes(b"x")
    assert team() == 3
    assert "refused: record" in capsys.readouterr().out


def test_a_damaged_baseline_is_exit_3_with_the_reason(
    team: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("baseline.json").write_text('{"schema": 9}')
    assert team(night(1)) == 3
    assert "schema 9; this bench reads 1" in capsys.readouterr().err


def test_the_day_reaches_the_exit_code_and_not_the_report(
    team: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "matrix.yaml").read_text(encoding="utf-8").partition("\nexpect:")[0]
    text += '\nexpect:\n  - {where: "mlp/*", scope: run, at_least: identical, until: 2026-12-01, reason: driver bug}\n'
    Path("matrix.yaml").write_text(text, encoding="utf-8")
    written = []
    for day, code in ((TODAY, 0), (TODAY + dt.timedelta(days=1), 1)):
        monkeypatch.setattr(options, "today", lambda day=day: day)
        assert team(*BROKEN, also=["--matrix", "matrix.yaml", "--junit", "gate.xml"]) == code
        assert ("<failure" in Path("gate.xml").read_text(encoding="utf-8")) is (code == 1)
        assert main(["report", "--store", "team", "--matrix", "matrix.yaml"]) == code
        written.append({str(path): path.read_bytes() for path in Path("report").rglob("*") if path.is_file()})
    assert written[0] == written[1]
    assert "known until 2026-12-01 (driver bug)" in capsys.readouterr().out


def test_changed_packages_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The stack's line says which package changed, from the records' stacks."""
    store = Store(tmp_path / "team")
    for day, version, stack in ((1, "1.26.0", "b"), (2, "2.0.1", "f")):
        blob = store.add_blob(json.dumps({"distributions": [f"numpy {version} x"]}).encode())
        made = Planted(cell=SHIPPED_NIGHT, fits=fits(day), campaign=f"night-{day}", stack=stack * 64, stack_blob=blob,
                       started=f"2026-11-0{day}T02:00:00.000Z")  # fmt: skip
        store.add(*made.record())
    assert main(["gate", "--store", str(store.folder), "--baseline", str(tmp_path / "none.json")]) == 0
    said = capsys.readouterr().out
    assert (
        "changed: jax-cpu on box: the stack of 1 cell changed, bbbbbbbbbbbb in campaign night-1, ffffffffffff" in said
    )
    assert "now: package.numpy: 1.26.0 x -> 2.0.1 x" in said
    assert f"bench bless --reason TEXT --store {store.folder} --only '*/jax-cpu/*'" in said
    assert "1 changed" in said


# The matrix


@pytest.mark.parametrize(("entry", "wanted"), [
    ("at_least: identical, scope: run, until: 2026-12-01", "$.expect[0].reason: missing beside until"),
    ("at_least: identical, scope: run, reason: known", "$.expect[0].until: missing beside reason"),
    ("at_least: identical, scope: run, until: soon, reason: x", "$.expect[0].until: not a date; legal: YYYY-MM-DD"),
    ("at_least: identical, scope: run, until: 2026-02-30, reason: x", "not readable as YAML"),
    ("at_least: same-distribution, scope: run", "$.expect[0].scope: scope of same-distribution cannot be 'run'; legal: "
     "machine, backend, control, night"),
    ("at_least: same-distributions, scope: night", "did you mean 'same-distribution'?"),
])  # fmt: skip
def test_what_is_declared_wrongly_is_named(tmp_path: Path, entry: str, wanted: str) -> None:
    path = written(tmp_path, f'{{where: "mlp/*", {entry}}}')
    with pytest.raises(UsageError) as caught:
        load(path)
    assert wanted in str(caught.value)


def written(tmp_path: Path, entry: str) -> Path:
    text = (ROOT / "matrix.yaml").read_text(encoding="utf-8").partition("\nexpect:")[0]
    path = tmp_path / "matrix.yaml"
    path.write_text(f"{text}\nexpect:\n  - {entry}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("day", ["2026-12-01", '"2026-12-01"'])
def test_a_date_may_be_quoted_or_not_and_machines_named(tmp_path: Path, day: str) -> None:
    entry = f'{{where: "mlp/*@lab-?", scope: run, at_least: identical, until: {day}, reason: x}}'
    (one,) = load(written(tmp_path, entry)).expect
    assert (one.until, one.where) == (TODAY, "mlp/*@lab-?")


def test_a_machine_left_empty_and_a_cell_that_is_none_are_named(tmp_path: Path) -> None:
    for where, wanted in (("mlp/*@", "names no machine"), ("mlq/*@lab", "$.expect[0].where")):
        with pytest.raises(UsageError, match="expect") as caught:
            load(written(tmp_path, f'{{where: "{where}", scope: run, at_least: identical}}'))
        assert wanted in str(caught.value)


def test_the_shipped_matrix_expects_its_nights_to_be_alike() -> None:
    nights = {one.where for one in SHIPPED.expect if one.scope == "night"}
    runs = {one.where for one in SHIPPED.expect if one.scope == "run"}
    assert len(nights) == 7
    assert nights - runs <= {"mlp/*/numpy/supplied/single-thread"}
