"""The browser, a page opened in it from disk, and all that such a page must not do."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote, urlsplit

from tests.engines import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Request

#: Window sizes in CSS pixels: a desktop's, a phone's, and A4 between margins of 1 cm at 96 dpi.
DESKTOP, PHONE, PAPER = (1280, 800), (390, 844), (718, 1046)
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
#: What changes the look of a page: colours change nothing in the layout, which a phone's width does.
LOOKS: tuple[tuple[Scheme, tuple[int, int]], ...] = (("light", DESKTOP), ("dark", DESKTOP), ("light", PHONE))
#: Nothing can be asked for, even of a name that a resolver would answer by itself.
ARGUMENTS = ("--host-resolver-rules=MAP * ~NOTFOUND", "--disable-background-networking")


class NoBrowser(Exception):
    """There is no browser that can be started, or no Playwright; the message says what to do."""


@contextmanager
def started() -> Iterator[Browser]:
    """A headless Chromium, the one of this machine. NoBrowser says why there is none."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        raise NoBrowser("no playwright here; tox -e browser has it") from None
    found = subprocess.run([ROOT / "scripts" / "browser", "--path"], capture_output=True, text=True, check=False)
    if found.returncode != 0:
        raise NoBrowser(found.stderr.strip())
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=found.stdout.strip(), args=list(ARGUMENTS))
        except Error as error:
            raise NoBrowser(f"{found.stdout.strip()} does not start: {error}") from None
        try:
            yield browser
        finally:
            browser.close()


def required() -> bool:
    """Whether a missing browser is a fault (as in CI), and no reason to skip."""
    return bool(os.environ.get("BENCH_REQUIRE_BROWSER"))


@contextmanager
def opened(
    browser: Browser, path: Path, *, size: tuple[int, int] = DESKTOP, query: str = "", **options: Any
) -> Iterator[Page]:
    """A page of a site, opened from its file without a network, with every `details` as the page has it. At the end
    it must have asked for nothing outside its folder, and have said nothing on the console."""
    page = context(browser, size, options).new_page()
    try:
        faults = watched(page, root(path))
        page.goto(path.resolve().as_uri() + (f"?{query}" if query else ""), wait_until="load")
        # Two frames: what scripts draw at once has been laid out.
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        yield page
        assert faults == [], f"{path.name}: {faults}"
    finally:
        page.close()


def context(browser: Browser, size: tuple[int, int], options: dict[str, Any]) -> BrowserContext:
    """One context for each look, kept: in a fresh one the plotting library would be compiled for every page anew."""
    width, height = size
    wanted = {"viewport": {"width": width, "height": height}, **options}
    for one in browser.contexts:
        if getattr(one, "wanted", None) == wanted:
            return one
    made = browser.new_context(offline=True, **wanted)
    made.wanted = wanted  # type: ignore[attr-defined]
    return made


def root(path: Path) -> Path:
    """The folder of the site that a page is of: its own, or the one above."""
    return path.parent if (path.parent / "assets").is_dir() else path.parent.parent


def watched(page: Page, folder: Path) -> list[str]:
    """A list that fills with what the page does and must not: requests to elsewhere, failed ones, messages, errors."""
    faults: list[str] = []

    def asked(request: Request) -> None:
        if not allowed(request.url, folder):
            faults.append(f"request to {request.url[:200]}")

    def said(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            faults.append(f"console {message.type}: {message.text[:500]}")

    def refused(dialog: Dialog) -> None:
        faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    page.on("request", asked)
    page.on("requestfailed", lambda request: faults.append(f"failed: {request.url[:200]}: {request.failure}"))
    page.on("console", said)
    page.on("pageerror", lambda error: faults.append(f"error: {error}"))
    page.on("websocket", lambda socket: faults.append(f"socket to {socket.url}"))
    page.on("dialog", refused)
    page.on("popup", lambda popup: faults.append(f"window of {popup.url}"))
    return faults


def allowed(url: str, folder: Path) -> bool:
    """Whether an address is a file of the folder, or bytes that the page itself has (data:, blob:)."""
    parts = urlsplit(url)
    if parts.scheme in ("data", "blob"):
        return True
    file = Path(unquote(parts.path)).resolve()
    return parts.scheme == "file" and not parts.netloc and file.is_relative_to(folder.resolve())


def unfold(page: Page) -> None:
    """Opens every `details`: what is folded away is neither seen nor checked."""
    page.evaluate("() => document.querySelectorAll('details').forEach(one => { one.open = true })")
