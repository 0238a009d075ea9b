"""The browser and the sites, each made once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import chromium, sites
from tests.browser.sites import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A Chromium; without one the test is skipped, or fails where BENCH_REQUIRE_BROWSER is set (as in CI)."""
    try:
        with chromium.started() as browser:
            yield browser
    except chromium.NoBrowser as error:
        if chromium.required():
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session", params=sites.NAMES)
def site(browser: Browser, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Each of the sites in turn."""
    return sites.built(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures go: BENCH_SCREENSHOTS, or a folder below pytest's --basetemp."""
    wanted = os.environ.get("BENCH_SCREENSHOTS")
    folder = Path(wanted) if wanted else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
