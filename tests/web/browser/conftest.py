"""A real server and a real browser, which notices what browsers only murmur."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PASSWORD = "a long and quiet night"
ARTEFACTS = Path(__file__).parents[3] / "artefacts"
SCHEMES = {
    "light": {"color_scheme": "light", "viewport": {"width": 1400, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1400, "height": 900}},
    "phone": {
        "color_scheme": "light",
        "viewport": {"width": 390, "height": 844},
        "has_touch": True,
        "is_mobile": True,
    },
}


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(item.fspath).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.browser)


def _chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.fail("browser tests need a Chromium: apt-get install chromium")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One browser for all tests."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Sandboxes of Chromium need rights that containers do not have.
        browser = playwright.chromium.launch(
            executable_path=_chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        # The event loop of Playwright runs under the tests, which may still ask the database.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
        yield browser
        os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE")
        browser.close()


@dataclass
class Served:
    """A site that `polarnight serve` serves: its address and data directory."""

    url: str
    root: Path


@contextlib.contextmanager
def serve(root: Path) -> Iterator[Served]:
    """Serve a data directory with ``polarnight serve``."""
    env = {**os.environ, "POLARNIGHT_CONFIG": os.devnull}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    command = [
        *(sys.executable, "-m", "polarnight", "-d", str(root), "-o", "workers=1"),
        *("serve", "--port", "0", "--workers", "1"),
    ]
    log = root.parent / "serve.log"
    with log.open("w") as out:
        process = subprocess.Popen(command, env=env, stdout=out, stderr=subprocess.STDOUT)
    try:
        url = None
        while url is None:
            assert process.poll() is None, log.read_text()
            found = re.search(r"http://127\.0\.0\.1:\d+", log.read_text())
            url = found and found[0]
        yield Served(url, root)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@pytest.fixture(scope="module")
def served(demo_site, copy_site, tmp_path_factory) -> Iterator[Served]:
    """A copy of the demonstration site behind a real server, for the tests of a module."""
    root = tmp_path_factory.mktemp("served") / "data"
    copy_site(demo_site, root)
    with serve(root) as site:
        yield site


@dataclass
class Visitor:
    """A window of the browser that keeps what went wrong in it.

    Attributes
    ----------
    page : playwright.sync_api.Page
    wrong : list of str
        Console errors, exceptions, refusals of the CSP, requests to other machines.
    """

    page: Any
    url: str
    wrong: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def go(self, path: str) -> Any:
        """Open a page of the site and wait until it is quiet."""
        answer = self.page.goto(self.url + path)
        self.page.wait_for_load_state("networkidle")
        return answer

    def log_in(self, role: str) -> None:
        """Log in as the user of a role, by hand."""
        self.go("/login/")
        self.page.fill("#id_username", role)
        self.page.fill("#id_password", PASSWORD)
        self.page.click("main button[type=submit]")
        self.page.wait_for_url(self.url + "/")
        self.page.wait_for_load_state("networkidle")

    def expect(self, pattern: str) -> None:
        """Let a complaint pass: a test that provokes an error knows which."""
        self.expected.append(pattern)

    def watch(self) -> None:
        """Listen to all that a browser complains about."""
        page = self.page
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.wrong.append(f"exception: {error}"))
        page.on("request", self._request)

    def _console(self, message: Any) -> None:
        # Chromium tells of the CSP in the console, too.
        if message.type in {"error", "warning"}:
            self.wrong.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    def _request(self, request: Any) -> None:
        if not request.url.startswith((self.url + "/", "data:", "blob:")):
            self.wrong.append(f"request to another machine: {request.url}")

    def complaints(self) -> list[str]:
        """Return what went wrong and was not expected."""
        return [text for text in self.wrong if not any(re.search(p, text) for p in self.expected)]

    def fits(self) -> bool:
        """Whether the page is no wider than the window."""
        # Not window.innerWidth: a phone that shows a page too wide makes that larger.
        root = "document.documentElement"
        return bool(self.page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth"))

    def picture(self, name: str, full: bool = True) -> None:
        """Keep a screenshot under ``artefacts/``."""
        ARTEFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=full)


@pytest.fixture
def visit(chromium, served):
    """Open a window: ``visit("observer", "dark")``; at the end nothing may have gone wrong."""
    opened: list[tuple[Any, Visitor]] = []

    def open_window(role: str | None = None, scheme: str = "light") -> Visitor:
        context = chromium.new_context(**SCHEMES[scheme])
        visitor = Visitor(context.new_page(), served.url)
        visitor.page.set_default_timeout(15_000)
        visitor.watch()
        opened.append((context, visitor))
        if role is not None:
            visitor.log_in(role)
        return visitor

    yield open_window
    wrong = [text for _, visitor in opened for text in visitor.complaints()]
    for context, _ in opened:
        context.close()
    assert not wrong, "\n".join(wrong)
