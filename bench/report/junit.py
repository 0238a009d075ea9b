"""The expectations as JUnit XML, for the dashboards of CI: a suite a tier, a test case an expectation judged.

The form is what Jenkins (junit-10.xsd of its xunit plugin), GitLab and GitHub's reporters read: no element and no
attribute beyond it, no time and no host, so that the same records give the same bytes.
"""

import datetime as dt
import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from bench.bound import TIERS
from bench.report.page import ExpectationView, Page

#: Which element a state has; others have none, which is a pass.
ELEMENTS = {
    "breach": "failure",
    "few": "failure",
    "failed": "error",
    "known": "skipped",
    "unavailable": "skipped",
    "changed": "skipped",
}

#: What XML 1.0 cannot hold at all (section 2.2), escaped or not.
ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(page: Page, today: dt.date | None = None) -> str:
    """XML of a page's expectations. A known exception is skipped; with a day given (as `bench gate` does) only while it
    has not run out."""
    root = ET.Element("testsuites", name="keras-repro-bench")
    for tier in TIERS:
        root.append(_suite(tier, [one for one in page.expectations if one.tier == tier], page.campaign, today))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(tier: str, expected: Sequence[ExpectationView], campaign: str, today: dt.date | None) -> ET.Element:
    cases = [_case(one, today) for one in expected]
    counts = {name: sum(len(case.findall(name)) for case in cases) for name in ("failure", "error", "skipped")}
    suite = ET.Element(
        "testsuite",
        name=tier,
        tests=str(len(cases)),
        failures=str(counts["failure"]),
        errors=str(counts["error"]),
        skipped=str(counts["skipped"]),
    )
    properties = ET.SubElement(suite, "properties")
    ET.SubElement(properties, "property", name="campaign", value=legal(campaign))
    suite.extend(cases)
    return suite


def _case(one: ExpectationView, today: dt.date | None) -> ET.Element:
    case = ET.Element("testcase", classname=f"{one.tier}.{one.scope}", name=legal(f"{one.subject}: {one.at_least}"))
    state, seen = one.state, legal(one.seen)
    if state == "known":
        over = today is not None and today > dt.date.fromisoformat(one.until)
        until = f"{'was known' if over else 'known'} until {one.until} ({legal(one.reason)})"
        state, seen = ("breach", f"{seen}; {until}") if over else ("known", f"{until}: {seen}")
    if state in ELEMENTS:
        rule = f"{one.scope} at least {one.at_least} (where: {legal(one.where)})"
        element = ET.SubElement(case, ELEMENTS[state], type=state, message=seen)
        element.text = f"{legal(one.subject)}: {rule}; seen: {seen}{_look(one.records)}"
    elif state == "removable":
        text = f"holds, so the exception until {one.until} can be removed: {legal(one.reason)}"
        ET.SubElement(case, "system-out").text = text
    return case


def _look(records: Sequence[str]) -> str:
    """The call that shows what was judged."""
    named = [digest[:12] for digest in dict.fromkeys(records)]
    return f"; bench {'compare' if len(named) > 1 else 'show'} {' '.join(named)}" if named else ""


def legal(text: str) -> str:
    """Text without what XML cannot hold; such characters are spelled out."""
    return ILLEGAL.sub(lambda match: ascii(match[0])[1:-1], text)
