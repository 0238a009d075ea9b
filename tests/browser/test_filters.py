"""What a reader can do on the pages: filter, choose a scope, hold two records against each other, take the numbers."""

from __future__ import annotations

import csv
import fnmatch
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.chromium import opened
from tests.browser.sites import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

MATRIX = pytest.mark.parametrize("site", ["matrix"], indirect=True)
MACHINES = pytest.mark.parametrize("site", ["machines"], indirect=True)


def report(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((site.folder / "report.json").read_text(encoding="utf-8"))
    return found


def rows(page: Page) -> list[str]:
    return page.locator("#matrix tbody th").all_inner_texts()


@MATRIX
@pytest.mark.parametrize("pattern", ["mlp/tf*", "*/[jt]*-cpu/keras/*", "*/tf?-cpu/*", "[!m]*", "*ordered", "no such"])
def test_a_pattern_selects_what_the_shell_would(browser: Browser, site: Site, pattern: str) -> None:
    cells = sorted({row["cell"] for row in report(site)["overview"]})
    wanted = [cell for cell in cells if fnmatch.fnmatchcase(cell, pattern)]
    with opened(browser, site.folder / "index.html") as page:
        page.fill("#filter", pattern)
        assert rows(page) == wanted


@MATRIX
def test_a_scope_and_a_verdict_select_what_the_report_counts(browser: Browser, site: Site) -> None:
    found = report(site)
    for number, scope in enumerate(("run", "machine", "backend", "control", "night", "published")):
        for verdict in ("IDENTICAL", "ROUNDING", "DIFFERENT"):
            wanted = [row["cell"] for row in found["overview"] if verdict in row["verdicts"][number]]
            with opened(browser, site.folder / "index.html") as page:
                page.select_option("#scope", label=scope)
                page.select_option("#verdict", label=verdict)
                assert rows(page) == wanted, (scope, verdict)
                counted = page.inner_text("#matrix-counts")
                assert (f"{len(wanted)} {verdict}" in counted) is bool(wanted), (scope, verdict)


@MACHINES
def test_machines_can_be_left_out(browser: Browser, site: Site) -> None:
    with opened(browser, site.folder / "index.html") as page:
        page.fill("#machine-filter", "*caps")
        heads = page.locator("#matrix thead th").all_inner_texts()
    assert heads == ["cell", "runs", "lab as haswell-caps", "lab as nehalem-caps"]


@MATRIX
def test_the_numbers_come_as_csv(browser: Browser, site: Site) -> None:
    """Those that are filtered, each cell with the verdict that the report has."""
    wanted = {row["cell"]: row["verdicts"][0][0] for row in report(site)["overview"] if "theano" in row["cell"]}
    with opened(browser, site.folder / "index.html") as page:
        page.select_option("#scope", label="run")
        page.fill("#filter", "*theano*")
        with page.expect_download() as download:
            page.click("text=verdicts as CSV")
        with download.value.path().open(newline="", encoding="utf-8") as stream:
            head, *lines = csv.reader(stream)
    assert head[:2] == ["cell", "runs"]
    assert {line[0]: line[2] for line in lines} == wanted


@MATRIX
def test_a_pair_parts_where_the_comparison_says(browser: Browser, site: Site) -> None:
    """The page compares digests by itself; it must find the stage that `bench report` found by comparing elements."""
    pairs = [one for one in report(site)["pairs"] if one["divergence"].startswith("fit 1, ")]
    assert len(pairs) > 20
    for one in pairs[::5]:
        with opened(browser, site.folder / "pair.html", query="..".join(one["records"])) as page:
            said = page.inner_text("#pair-verdict")
        stage = one["divergence"].removeprefix("fit 1, ").partition(";")[0].partition(":")[0]
        stage = {"update 1": "weights after epoch 1", "init": "init"}.get(stage, stage)
        assert said.replace("digest of the ", "").startswith(f"Other bits, from fit 1, {stage}"), one["divergence"]


@MATRIX
def test_pairs_that_are_the_same_and_pairs_that_cannot_be_compared(browser: Browser, site: Site) -> None:
    with opened(browser, site.folder / "pair.html") as page:
        names = [row[1] for row in json.loads(page.locator("#data").text_content() or "")["records"]]
        same = [name for name in names if name.startswith("mlp/theano-cpu/numpy/native/default ")][:2]
        other = next(name for name in names if name.startswith("mlp/jax-cpu/keras/native/default "))
        for right, words in ((same[1], "The same bits"), (other, "INCOMPARABLE")):
            for field, name in (("#left", same[0]), ("#right", right)):
                page.fill(field, name)
                choice = page.locator(f"{field}-list option").first.get_attribute("value")
                page.fill(field, str(choice))
            assert page.inner_text("#pair-verdict").startswith(words)
