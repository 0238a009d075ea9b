"""Text of other machines and other tools stays text, whatever it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser import hostile, sites
from tests.browser.chromium import opened, unfold
from tests.browser.sites import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("site", [sites.HOSTILE], indirect=True)]

#: Elements and attributes that only a text of `hostile` can have made: its script, its handlers, its address.
PLANTED = """() => [...document.querySelectorAll('*')].filter(one =>
        (one.localName === 'script' && one.textContent.trim() === 'window.__pwned=1') ||
        [...one.attributes].some(each =>
            (/^on/i.test(each.name) && each.value.includes('__pwned')) ||
            (/^(xlink:)?(href|src|action|formaction|data|srcdoc)$/i.test(each.name) &&
                /^\\s*javascript:/i.test(each.value))
        )).map(one => one.outerHTML.slice(0, 200))"""


def ran(page: Page) -> bool:
    return bool(page.evaluate("() => typeof window.__pwned !== 'undefined' || '__pwned' in Object.prototype"))


def test_no_text_of_a_record_runs(browser: Browser, site: Site) -> None:
    """Neither when the page opens, nor when everything is unfolded, pointed at and given the focus."""
    for path in site.pages:
        with opened(browser, path) as page:
            unfold(page)
            page.evaluate("""() => { for (const one of document.querySelectorAll('body *')) {
                for (const name of ['mouseover', 'mouseenter', 'focus', 'load', 'error'])
                    one.dispatchEvent(new Event(name, {bubbles: false}));
            } }""")
            assert page.evaluate(PLANTED) == [], path.name
            assert not ran(page), path.name


def test_a_text_that_would_run_is_noticed(browser: Browser, site: Site) -> None:
    """The test above can fail: an attack that is let in runs, or leaves its element."""
    for text in hostile.TEXTS:
        if hostile.SET not in text or text.startswith("javascript:"):
            continue
        with browser.new_context(offline=True) as context:
            page = context.new_page()
            # In the place that the attack is made for: after an attribute's quote, or between elements.
            quote = "'" if text.startswith("'") else '"'
            page.set_content(f"<p title={quote}{text}{quote}>" if text[0] in "'\"" else f"<p>{text}</p>")
            assert page.evaluate(PLANTED) or ran(page), text


def test_every_text_is_shown_to_the_letter(browser: Browser, site: Site) -> None:
    """The name of each machine, the reason of each failed run and each subject of another tool."""
    read = ""
    for path in site.pages:
        with opened(browser, path) as page:
            unfold(page)
            read += page.locator("body").inner_text() + "\n"
    wanted = {hostile.marked(place, text) for place in hostile.PLACES for text in hostile.TEXTS}
    assert sorted(text for text in wanted if text not in read) == []
