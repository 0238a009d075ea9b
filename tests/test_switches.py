"""The scope `control`: what a preset moves is said from the records, and only where they can tell."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from bench import analysis, expectations, switches
from bench.bound import Bound
from bench.digests import sha256
from bench.groups import group
from bench.matrix import Expectation
from bench.records import ControlState
from bench.report import html, markdown, page
from bench.store import Stored
from bench.switches import Switch
from tests.engines import SHIPPED
from tests.planted import Planted, fit, fits, scored

LANE = "mlp/tf-cpu/keras/native"


def run(preset: str, index: int, start: int, asked: Mapping[str, Any] | None = None, state: str = "in force",
        lane: str = LANE, **fields: Any) -> Stored:  # fmt: skip
    """A run whose result is that of its start."""
    one = scored([0.1 + start], start=start, cell=f"{lane}/{preset}", index=index, **fields)
    assert one.record.outcome is not None
    states = tuple(ControlState(name=name, asked=value, state=state, evidence=f"seen {name}")  # type: ignore[arg-type]
                   for name, value in (asked or {}).items())  # fmt: skip
    outcome = one.record.outcome.model_copy(update={"controls": states})
    return dataclasses.replace(one, record=one.record.model_copy(update={"outcome": outcome}))


def switch(base: tuple[int, ...], other: tuple[int, ...], **fields: Any) -> Switch:
    """`default` and `jit` with runs of these results."""
    runs = [run("default", index, start) for index, start in enumerate(base)]
    runs += [run("jit", index, start, {"jit": True}, **fields) for index, start in enumerate(other)]
    (found,) = switches.switches(group(runs))
    return found


@pytest.mark.parametrize(
    ("base", "other", "effect", "verdict", "shared"),
    [
        ((1, 1), (2, 2), "moves bits", "DIFFERENT", 0),
        ((1, 1), (1, 1), "moves no bit", "IDENTICAL", 1),
        ((1, 1), (2, 3), "stops it repeating", "DIFFERENT", 0),
        ((2, 3), (1, 1), "makes it repeat", "DIFFERENT", 0),
        ((1, 2), (3, 4), "does not repeat", "DIFFERENT", 0),
        ((1,), (2, 2), "one run", "DIFFERENT", 0),
        ((1, 1), (1,), "one run", "IDENTICAL", 1),
        # The first runs happen to agree, and yet neither side is one result.
        ((1, 1), (1, 2), "stops it repeating", "DIFFERENT", 1),
        ((1, 2), (1, 1), "makes it repeat", "DIFFERENT", 1),
        ((1, 2), (1, 2), "does not repeat", "DIFFERENT", 2),
    ],
)
def test_bits_move_only_where_both_sides_repeat(
    base: tuple[int, ...], other: tuple[int, ...], effect: str, verdict: str, shared: int
) -> None:
    found = switch(base, other)
    assert (found.effect, found.comparison.verdict, found.shared) == (effect, verdict, shared)
    assert found.lane == f"{LANE}/*"


@pytest.mark.parametrize(
    "fields",
    [{"lane": "mlp/tf-cpu/full/native"}, {"stack": "9" * 64}, {"machine": "other"}, {"campaign": "tuesday"},
     {"hardware": "9" * 64}, {"seeds": {"numpy": 2, "backend": 3, "keras": 2}}],
)  # fmt: skip
def test_only_the_preset_may_differ(fields: dict[str, Any]) -> None:
    runs = [run("default", index, 1) for index in range(2)] + [run("jit", index, 1, **fields) for index in range(2)]
    assert switches.switches(group(runs)) == ()


def test_two_presets_are_compared_with_default_and_not_with_each_other() -> None:
    runs = [run(preset, 0, 1) for preset in ("default", "jit", "eager")]
    assert [one.other.cell.preset for one in switches.switches(group(runs))] == ["eager", "jit"]


def test_another_dtype_is_not_comparable() -> None:
    """Weights of float64 are other weights, whatever the switch."""
    record, content = Planted(cell=f"{LANE}/float64", fits=[fit(np.random.default_rng(1), epochs=1, dtype="<f8")],
                              trace="scores").record()  # fmt: skip
    wide = Stored(digest=sha256(record.to_json()), record=record, content=content)
    (found,) = switches.switches(group([run("default", 0, 1), wide]))
    assert (found.effect, found.comparison.verdict) == ("not comparable", "INCOMPARABLE")
    assert "weights" in str(found.comparison.reason)


def test_the_declared_bound_makes_rounding() -> None:
    made = fits(1, repeats=1, epochs=1)
    made[0].score = 1.1
    made[0].predictions.reshape(-1).view("<u4")[0] += 2
    record, content = Planted(cell=f"{LANE}/jit", fits=made, trace="scores").record()
    near = Stored(digest=sha256(record.to_json()), record=record, content=content)
    found = group([run("default", 0, 1), near])
    for limit, verdict in ((2, "ROUNDING"), (1, "DIFFERENT")):
        bounds = [("mlp/*", Bound(kind="ulp", limit=limit))]
        assert switches.switches(found, bounds)[0].comparison.verdict == verdict


def test_expectations_of_the_scope_are_judged() -> None:
    rule = Expectation(
        where=f"{LANE}/*", scope="control", at_least=Bound(kind="identical"), required=False, reason=None
    )
    elsewhere = dataclasses.replace(rule, where="mlp/*/default")
    for base, other, holds in (((1, 1), (1, 1), True), ((1, 1), (2, 2), False), ((1, 1), (1, 2), False)):
        found = switch(base, other)
        judged = expectations.judge([rule, elsewhere], (), [found.comparison], ())
        assert [one.holds for one in judged] == [holds]
        assert judged[0].subject == f"{LANE}/default ~ {LANE}/jit"


def said(*runs: Stored) -> list[str]:
    found = analysis.analyse(runs, SHIPPED, {})
    return [one.sentence for one in found.findings if one.topic == "switches"]


def test_the_sentence_turns_with_the_records() -> None:
    base = [run("default", index, 1) for index in range(2)]
    jit = [run("jit", index, 2, {"jit": True}) for index in range(3)]
    eager = [run("eager", index, 1, {"eager": True}) for index in range(2)]
    assert said(*base, *jit, *eager) == [
        f"{LANE}/*: beside `default` (2 identical runs), `jit` (3 runs) moves bits; `eager` (2 runs) moves no bit."
    ]
    turned = [run("jit", index, 1, {"jit": True}) for index in range(3)]
    moved = [run("eager", index, 5, {"eager": True}) for index in range(2)]
    assert said(*base, *turned, *moved) == [
        f"{LANE}/*: beside `default` (2 identical runs), `eager` (2 runs) moves bits; `jit` (3 runs) moves no bit."
    ]
    loose = [run("jit", index, index + 2, {"jit": True}) for index in range(2)]
    assert "`jit` (2 runs) stops it repeating" in said(*base, *loose)[0]


def test_a_switch_that_took_no_effect_is_not_said_to_move_nothing() -> None:
    base = [run("default", index, 1) for index in range(2)]
    idle = [run("jit", index, 1, {"jit": True}, "not in force") for index in range(2)]
    assert said(*base, *idle) == [f"{LANE}/*: beside `default` (2 identical runs), `jit` took no effect."]


def test_nothing_is_said_of_one_run_or_of_what_does_not_repeat() -> None:
    assert said(run("default", 0, 1), run("jit", 0, 2)) == []
    assert (
        said(*(run("default", index, index + 1) for index in range(2)), *(run("jit", index, 5) for index in range(2)))
        == []
    )


def test_the_report_has_every_switch_and_every_state_with_its_runs() -> None:
    runs = [run("default", index, 1) for index in range(2)]
    runs += [run("jit", index, 2, {"jit": True, "load": 2}, "unverified") for index in range(3)]
    found = page.build(analysis.analyse(runs, SHIPPED, {}), lambda _: b"{}")
    (one,) = found.switches
    assert (one.preset, one.effect, one.runs, one.classes, one.verdict) == (
        "jit",
        "moves bits",
        "2, 3",
        "1, 1",
        "DIFFERENT",
    )
    assert one.controls == "jit = true, load = 2"
    assert one.weights_ulp.isdigit()
    assert "init" in one.divergence
    assert [(state.control, state.state, state.runs, state.evidence) for state in found.control_states] == [
        ("jit", "unverified", 3, "seen jit"), ("load", "unverified", 3, "seen load")]  # fmt: skip
    text = markdown.render(found)
    assert "## Controls\n" in text
    assert "| jit | moves bits | 2, 3 | 1, 1 | DIFFERENT |" in text
    assert "| tf-cpu | jit | load | 2 | unverified | 3 | seen load |" in text
    assert "<td>moves bits</td>" in dict(html.site(found))["controls.html"]


def test_a_state_that_changes_from_run_to_run_is_seen() -> None:
    """The first run alone does not speak for all of them."""
    runs = [run("busy", index, 1, {"load": 2}, state) for index, state in enumerate(("in force", "not in force"))]
    found = page.build(analysis.analyse(runs, SHIPPED, {}), lambda _: b"{}")
    assert [(state.state, state.runs) for state in found.control_states] == [("not in force", 1)]
