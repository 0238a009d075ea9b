"""Those who use a keyboard, a screen reader or other colours can use every page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import sites
from tests.browser.chromium import LOOKS, Scheme, opened, unfold
from tests.browser.sites import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

#: So often Tab is pressed on one page; what comes after that many stops is more of the same.
TABS = 250
#: Numbers in the order of the page what a keyboard must reach.
NUMBER = """() => [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
    .filter(one => !one.disabled && one.tabIndex >= 0 && one.checkVisibility({visibilityProperty: true})
        && one.type !== 'hidden' && one.type !== 'radio')
    .map((one, number) => { one.dataset.stop = number; return one.outerHTML.slice(0, 100) })"""
#: The number of the element that has the focus, and whether one can see that it has.
STOP = """() => { const one = document.activeElement;
    if (!one || one === document.body) return null;
    const style = getComputedStyle(one), box = one.getBoundingClientRect();
    const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== 'none';
    const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
    return [one.dataset.stop ?? null, ring && inside, one.outerHTML.slice(0, 100)] }"""


def findings(page: Page) -> list[str]:
    """What axe-core calls serious or critical, each with the first elements. It is kept from fetching style files
    for itself, which a page from disk may not: the styles are in force anyway."""
    from axe_playwright_python.sync_playwright import Axe

    found: list[dict[str, Any]] = Axe().run(page, options={"preload": False}).response["violations"]
    return [
        f"{one['impact']}: {one['id']} ({len(one['nodes'])}): {[node['target'] for node in one['nodes'][:3]]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize(("scheme", "size"), LOOKS[1:])
def test_axe_finds_nothing_serious(browser: Browser, site: Site, scheme: Scheme, size: tuple[int, int]) -> None:
    """axe-core's rules, contrast among them, over everything that can be unfolded."""
    for path in site.kinds:
        with opened(browser, path, size=size, color_scheme=scheme) as page:
            unfold(page)
            assert findings(page) == [], f"{path.name}, {scheme}"


@pytest.mark.parametrize("site", sites.EXAMPLES[-1:], indirect=True)
def test_axe_sees_a_planted_fault(browser: Browser, site: Site) -> None:
    """The test above can fail: pale ink, and a button without a name."""
    with opened(browser, site.pages[0]) as page:
        faults = '<p style="color: #bbb; background: #fff">pale</p><button></button>'
        page.evaluate("html => document.querySelector('main').insertAdjacentHTML('afterbegin', html)", faults)
        said = "\n".join(findings(page))
        assert "color-contrast (1)" in said
        assert "button-name (1)" in said


def test_tab_reaches_everything_in_order_and_the_focus_is_seen(browser: Browser, site: Site) -> None:
    """Every link, filter and fold in the order of the page, none of which keeps the focus."""
    for path in site.kinds:
        with opened(browser, path) as page:
            names = page.evaluate(NUMBER)
            assert names, f"{path.name}: nothing to reach"
            stops: list[int] = []
            for _ in range(TABS):
                page.keyboard.press("Tab")
                stop = page.evaluate(STOP)
                if stop is None:
                    break
                assert stop[1], f"{path.name}: no visible focus on {stop[2]}"
                # Chromium also stops at frames that scroll, which are no control.
                stops += [] if stop[0] is None else [int(stop[0])]
            assert stops == list(range(len(stops))), path.name
            reached_all = len(stops) == len(names)
            assert reached_all or len(stops) > TABS // 2, f"{path.name}: not reached: {names[len(stops)]}"
