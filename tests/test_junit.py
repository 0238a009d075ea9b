"""JUnit XML: the form that CI reads, an element for each state, the same bytes for the same records.

`problems` is our own small reading of the schema that Jenkins' xunit plugin has (junit-10.xsd): which elements, in
which, with which attributes, those that are required, and counts that are those of the cases. The schema itself is in
tests/test_junit_schema.py, which needs an index of packages to come by it.
"""

import dataclasses
import datetime as dt
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench import analysis, bundle, matrix, published, resources
from bench.bound import TIERS
from bench.report import junit, page
from bench.report.page import ExpectationView, Page
from bench.store import Store, Stored
from tests.engines import ROOT
from tests.test_gate import OTHER, TODAY, analysed, draws, excepted, failed, night, rule

GOLDEN = Path(__file__).parent / "golden" / "junit.xml"

#: element -> (attributes: required or not, children)
FORM: dict[str, tuple[dict[str, bool], set[str]]] = {
    "testsuites": ({"name": False, "time": False, "tests": False, "failures": False, "errors": False}, {"testsuite"}),
    "testsuite": (
        {"name": True, "tests": True, "failures": True, "errors": True, "skipped": False, "time": False,
         "timestamp": False, "hostname": False, "id": False, "package": False, "file": False},
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
    ),
    "properties": ({}, {"property"}),
    "property": ({"name": True, "value": True}, set()),
    "testcase": (
        {"name": True, "time": False, "classname": False, "group": False},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    **dict.fromkeys(("skipped", "error", "failure"), ({"type": False, "message": False}, set())),
    **dict.fromkeys(("system-out", "system-err"), ({}, set())),
}  # fmt: skip


def problems(text: str) -> list[str]:
    """What is not as the schema has it."""
    root = ET.fromstring(text)  # of our own making
    found = [] if root.tag == "testsuites" else [f"root {root.tag}"]
    for parent in root.iter():
        attributes, children = FORM.get(parent.tag, ({}, set()))
        found += [f"<{parent.tag}>: unknown"] if parent.tag not in FORM else []
        found += [f"<{parent.tag} {name}>: unknown" for name in parent.attrib if name not in attributes]
        found += [
            f"<{parent.tag}>: no {name}" for name, must in attributes.items() if must and name not in parent.attrib
        ]
        found += [f"<{child.tag}> in <{parent.tag}>" for child in parent if child.tag not in children]
        texts = parent.tag in ("skipped", "error", "failure", "system-out", "system-err")
        found += [f"<{parent.tag}>: text"] if not texts and (parent.text or "").strip() else []
    for suite in root.iter("testsuite"):
        cases = suite.findall("testcase")
        counts = {"tests": len(cases)} | {
            f"{name}s" if name != "skipped" else name: sum(case.find(name) is not None for case in cases)
            for name in ("failure", "error", "skipped")
        }
        found += [f"{name} {suite.get(name)}" for name, count in counts.items() if suite.get(name) != str(count)]
    return found


@pytest.mark.parametrize("text", [
    "<testsuite/>", "<testsuites><testcase name='x'/></testsuites>", "<testsuites><testsuite name='x'/></testsuites>",
    "<testsuites day='1'/>", "<testsuites><testsuite name='' tests='1' failures='0' errors='0'/></testsuites>",
    "<testsuites><testsuite name='' tests='0' failures='0' errors='0' skipped='0'>x</testsuite></testsuites>",
])  # fmt: skip
def test_the_check_finds_what_is_off(text: str) -> None:
    assert problems(text)


def planted() -> Page:
    """A page with every state: holds, breach, few, known, removable, unavailable, failed, changed."""
    cell = "mlp/jax-cpu/keras/native/{}"
    named = {name: cell.format(name) for name in ("default", "single-thread", "inter-8", "ordered")}
    runs: list[Stored] = [
        night(1, cell=OTHER), night(2, cell=OTHER), night(2, 1, cell=OTHER, seed=8),
        night(2, cell=named["default"]), night(2, 1, cell=named["default"], seed=8),
        night(2, cell=named["single-thread"]), night(2, 1, cell=named["single-thread"]),
        *draws(2, cell=named["inter-8"], campaign="2026-11-01", started="2026-11-01T01:00:00.000Z"),
        *draws(2, seed=2, cell=named["inter-8"], campaign="2026-11-02", started="2026-11-02T01:00:00.000Z"),
        night(1, cell=named["ordered"]), night(2, cell=named["ordered"], stack="f" * 64),
    ]  # fmt: skip
    for status, name in (("unavailable", "jax-gpu"), ("failed", "torch-gpu")):
        one = failed(status)
        key = one.record.run.model_copy(update={"cell": f"mlp/{name}/keras/native/default", "campaign": "2026-11-02"})
        record = one.record.model_copy(update={"run": key})
        runs.append(Stored(digest=name[0] * 64, record=record, content=b""))
    rules = [
        rule("night", "identical", OTHER),
        excepted("2026-12-01", where=named["default"]),
        excepted("2026-12-01", where=named["single-thread"]),
        rule("run", "3 digits", named["single-thread"]),
        rule("night", "same-distribution", named["inter-8"]),
        rule("night", "identical", named["ordered"]),
        rule("run", "identical", "mlp/*-gpu/*"),
    ]
    return page.build(analysed(rules, *runs), lambda _: b"")


def test_every_state_is_as_the_golden_file_has_it(tmp_path: Path) -> None:
    """tests/golden/junit.xml; what is written now lies beside the message, to be copied where a change is meant."""
    text = junit.render(planted())
    (tmp_path / "junit.xml").write_text(text, encoding="utf-8")
    assert problems(text) == []
    assert text == GOLDEN.read_text(encoding="utf-8"), f"cp {tmp_path / 'junit.xml'} {GOLDEN}"


def test_the_golden_file_has_every_element_and_a_suite_a_tier() -> None:
    root = ET.parse(GOLDEN).getroot()
    assert [suite.get("name") for suite in root] == list(TIERS)
    types = {one.get("type") for tag in ("failure", "error", "skipped") for one in root.iter(tag)}
    assert types == {"breach", "few", "failed", "known", "unavailable", "changed"}
    assert len(list(root.iter("system-out"))) == 1


def test_a_known_exception_is_skipped_until_its_day_and_a_failure_after_it() -> None:
    for day, tag in ((None, "skipped"), (TODAY, "skipped"), (TODAY + dt.timedelta(days=1), "failure")):
        root = ET.fromstring(junit.render(planted(), day))
        (case,) = [
            one for one in root.iter("testcase") if one.get("name") == "mlp/jax-cpu/keras/native/default: identical"
        ]
        assert [child.tag for child in case] == [tag]
        assert "driver bug 42" in (case[0].get("message") or "")
        assert problems(junit.render(planted(), day)) == []


def view(**fields: Any) -> ExpectationView:
    known = {"where": "*", "scope": "run", "at_least": "identical", "subject": "a", "holds": False, "seen": "b",
             "tier": "exact", "state": "breach", "until": "", "reason": "", "records": (), **fields}  # fmt: skip
    return ExpectationView(**known)


def test_names_of_other_machines_stay_text() -> None:
    """Markup, quotes, a terminal's escapes, characters that XML cannot hold."""
    label = "<script>\"'&\x00\x1b[31m\ud800\ufffe\n]]>"
    text = junit.render(only_with(planted(), view(subject=label, seen=label)))
    assert problems(text) == []
    (case,) = ET.fromstring(text).iter("testcase")
    name = case.get("name") or ""
    assert name.startswith("<script>\"'&\\x00\\x1b[31m\\ud800\\ufffe")
    text.encode("utf-8")


def only_with(whole: Page, *expectations: ExpectationView) -> Page:
    return dataclasses.replace(whole, expectations=expectations)


def test_the_example_gives_the_same_bytes_twice_and_no_time(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    bundle.collect(ROOT / "docs" / "examples" / "matrix.zip", store)
    references = published.load(resources.find("reference") / "published.yaml")
    shipped = matrix.load(resources.find("matrix.yaml"))
    texts = {
        junit.render(page.build(analysis.analyse(found, shipped, references), store.blob))
        for found in (list(store.scan()), list(store.scan())[::-1])
    }
    (text,) = texts
    assert problems(text) == []
    assert not re.search(r"\b(time|timestamp|hostname)=", text)
    assert sum(int(suite.get("failures") or 1) for suite in ET.fromstring(text)) == 0
