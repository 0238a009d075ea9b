"""Every page of every site, in a real browser, from disk and without a network.

`opened` adds to each of these tests: no request to elsewhere, none that fails, nothing on the console, no error.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

from tests.browser.chromium import DESKTOP, LOOKS, PAPER, PHONE, SCHEMES, Scheme, allowed, opened, unfold
from tests.browser.sites import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


def test_every_page_opens_from_disk_and_says_what_it_is(browser: Browser, site: Site) -> None:
    """A language, a title that no other page of the site has, one first heading, something to read."""
    for path in site.kinds:
        with opened(browser, path) as page:
            assert page.evaluate("document.compatMode") == "CSS1Compat", path.name
            assert page.locator("html").get_attribute("lang") == "en", path.name
            assert [one.is_visible() for one in page.locator("h1").all()] == [True], path.name
            assert page.locator("main").inner_text().strip(), path.name
            assert page.title().strip() == title(path), path.name
    titles = [title(path) for path in site.pages]
    assert all(titles)
    assert len(set(titles)) == len(titles), titles


def title(path: Path) -> str:
    """That of a page's source."""
    found = re.search("<title>(.*?)</title>", path.read_text(encoding="utf-8"), re.DOTALL)
    return html.unescape(found.group(1)).strip() if found else ""


def test_a_page_takes_nothing_from_elsewhere(browser: Browser, site: Site) -> None:
    """Scripts, styles, pictures and frames come from the folder; a link that a person follows may lead out."""
    script = """() => [...document.querySelectorAll('[src], link[href], object[data], form[action], base')]
        .map(one => one.src || one.href || one.data || one.action)"""
    for path in site.kinds:
        with opened(browser, path) as page:
            assert [url for url in page.evaluate(script) if not allowed(url, site.folder)] == [], path.name


def test_every_link_leads_somewhere(browser: Browser, site: Site) -> None:
    """A link to a file has that file; a fragment names an element: one of the page, or one that a script then makes."""
    fragments: dict[str, set[str]] = {}
    ids: dict[str, set[str]] = {}
    for path in site.pages:
        with opened(browser, path) as page:
            found = page.evaluate("() => [...document.querySelectorAll('[id]')].map(one => one.id)")
            ids[path.resolve().as_uri()] = set(found)
            for url in page.evaluate("() => [...document.querySelectorAll('a[href]')].map(one => one.href)"):
                parts = urlsplit(url)
                assert parts.scheme in ("file", "https", "http", "data", "blob"), f"{path.name}: {url}"
                if parts.scheme == "file":
                    assert allowed(url, site.folder), f"{path.name}: {url}"
                    assert Path(unquote(parts.path)).is_file(), f"{path.name}: {url}"
                    address, fragment = urldefrag(url)
                    fragments.setdefault(address, set()).update({fragment} - {""})
    for address, wanted in fragments.items():
        parts = urlsplit(address)
        wanted -= ids.get(address, set())
        if wanted:
            with opened(browser, Path(unquote(parts.path)), query=parts.query) as page:
                lost = [fragment for fragment in sorted(wanted) if not page.evaluate(LANDED, fragment)]
            assert lost == [], f"{address}: {lost}"


#: Whether the page has an element of a fragment's name once it is at that fragment.
LANDED = """async fragment => {
    const there = () => document.getElementById(decodeURIComponent(fragment)) !== null;
    if (there()) return true;
    location.hash = fragment;
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    return there(); }"""


def test_ids_are_unique(browser: Browser, site: Site) -> None:
    script = """() => { const seen = new Set(); return [...document.querySelectorAll('[id]')].map(one => one.id)
        .filter(id => seen.size === seen.add(id).size) }"""
    for path in site.kinds:
        with opened(browser, path) as page:
            assert page.evaluate(script) == [], path.name


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_no_page_scrolls_sideways(browser: Browser, site: Site, size: tuple[int, int]) -> None:
    """What is too wide scrolls in a frame of its own; the page itself does not."""
    script = "() => [document.scrollingElement.scrollWidth, document.scrollingElement.clientWidth]"
    for path in site.kinds:
        with opened(browser, path, size=size) as page:
            unfold(page)
            content, window = page.evaluate(script)
            assert content <= window, f"{path.name}: {content} px in {window}: {wide(page)}"


def wide(page: Page) -> list[str]:
    """The beginnings of elements that reach over the right edge and that no frame cuts off, for the message."""
    script = """() => [...document.body.querySelectorAll('*')].filter(one => {
            if (one.getBoundingClientRect().right <= innerWidth + .5) return false;
            for (let up = one.parentElement; up && up !== document.body; up = up.parentElement)
                if (getComputedStyle(up).overflowX !== 'visible') return false;
            return true;
        }).slice(-5).map(one => one.outerHTML.slice(0, 120))"""
    found: list[str] = page.evaluate(script)
    return found


#: Of paper and ink, 0 for black and 1 for white (gamma left aside), whatever way the style says a colour.
BRIGHTNESS = """() => {
    const pen = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const brightness = colour => {
        pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1);
        const [red, green, blue] = pen.getImageData(0, 0, 1, 1).data;
        return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255; };
    const style = [document.body, document.documentElement].map(one => getComputedStyle(one))
        .find(one => one.backgroundColor !== 'rgba(0, 0, 0, 0)');
    return [brightness(style.backgroundColor), brightness(getComputedStyle(document.querySelector('h1')).color)]; }"""


def test_dark_and_light_are_as_the_reader_has_them(browser: Browser, site: Site) -> None:
    """Dark paper and light ink where the system is dark, the other way round where it is light."""
    for path in site.kinds:
        for scheme in SCHEMES:
            with opened(browser, path, color_scheme=scheme) as page:
                paper, ink = page.evaluate(BRIGHTNESS)
            wanted = paper < 0.2 and ink > 0.6 if scheme == "dark" else paper > 0.8 and ink < 0.4
            assert wanted, f"{path.name}, {scheme}: paper {paper:.2f}, ink {ink:.2f}"


#: What is cut off, or would have to be scrolled. A table that is wider than the paper is shrunk by the browser.
CUT_OFF = """() => [...document.body.querySelectorAll('*')].filter(one => {
        const style = getComputedStyle(one), drawn = 'svg, .js-plotly-plot, summary, input, select, textarea, button';
        return one.clientWidth > 1 && !one.closest(drawn) && (
            (one.scrollWidth > one.clientWidth + 1 && style.overflowX !== 'visible') ||
            (one.scrollHeight > one.clientHeight + 1 && style.overflowY !== 'visible'));
    }).map(one => one.outerHTML.slice(0, 120))"""


def test_printed_pages_show_their_content(browser: Browser, site: Site) -> None:
    """On A4 every heading and every line of every table is there, and no frame cuts anything off."""
    texts = "() => [...document.querySelectorAll('main :is(h1, h2, h3, tr)')].map(one => one.innerText.trim())"
    for path in site.kinds:
        with opened(browser, path, size=PAPER) as page:
            shown = page.evaluate(texts)
            page.emulate_media(media="print")
            assert page.locator("h1").is_visible(), path.name
            printed = set(page.evaluate(texts))
            assert [text for text in shown if text not in printed] == [], path.name
            assert page.evaluate(CUT_OFF)[:5] == [], path.name
            assert page.pdf(format="A4").startswith(b"%PDF-"), path.name


def test_every_plot_is_drawn(browser: Browser, site: Site) -> None:
    """What claims to be a picture has something in it that can be seen, and a name for those who cannot see it."""
    for path in site.kinds:
        with opened(browser, path) as page:
            for plot in page.locator("[role=img]:visible").all():
                assert plot.get_attribute("aria-label") or plot.get_attribute("aria-labelledby"), path.name
                drawn = plot.evaluate("""one => one.matches('svg, canvas, img') ||
                    [...one.querySelectorAll('svg path, svg rect, svg circle, canvas')]
                        .some(part => part.getBoundingClientRect().width > 20)""")
                assert drawn, f"{path.name}: {plot.get_attribute('id')}"


@pytest.mark.parametrize(("scheme", "size"), LOOKS)
def test_every_page_has_its_picture_taken(browser: Browser, site: Site, screenshots: Path, scheme: Scheme,
                                          size: tuple[int, int]) -> None:  # fmt: skip
    """Pictures for people to look at; none is empty, and no two pages of a site look alike."""
    taken: dict[str, bytes] = {}
    for path in site.kinds:
        with opened(browser, path, size=size, color_scheme=scheme) as page:
            name = f"{site.name}-{path.stem}-{size[0]}x{size[1]}-{scheme}.png"
            taken[path.name] = page.screenshot(path=screenshots / name)
            page.evaluate("document.body.replaceChildren()")
            assert page.screenshot() != taken[path.name], path.name
    assert len(set(taken.values())) == len(taken), site.name


def overview(page: Page, report: dict[str, Any]) -> None:
    """The verdicts that report.json counts, and every cell, are there to read."""
    text = page.locator("body").inner_text()
    data = json.loads(page.locator("#data").text_content() or "")
    for verdict, count in report["counts"]:
        assert count == 0 or f"{count} {verdict}" in text.replace("\u00a0", " "), verdict
    assert {row[0] for row in data["rows"]} >= {cell["cell"] for cell in report["cells"]}
    for row in data["rows"][:100]:
        assert row[0] in text


#: What a page must show besides: its name -> a check that gets the opened page and report.json of the same records.
CONTENT: dict[str, Callable[[Page, dict[str, Any]], None]] = {"index.html": overview}


@pytest.mark.parametrize("name", CONTENT)
def test_a_page_shows_what_it_is_for(browser: Browser, site: Site, name: str) -> None:
    report = json.loads((site.folder / "report.json").read_text(encoding="utf-8"))
    with opened(browser, site.folder / name) as page:
        CONTENT[name](page, report)
