"""A real server and a real browser, which notices what browsers only murmur."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PASSWORD = "a long and quiet night"
ARTEFACTS = Path(__file__).parents[3] / "artefacts"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
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
PATIENCE = 30.0
"""Seconds after which what has not come does not come."""


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
    """A site that `polarnight serve` serves: its address and data directory.

    `sessions` are what a browser keeps of a log-in, by role: each logs in once.
    """

    url: str
    root: Path
    sessions: dict[str, Any] = field(default_factory=dict)


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


@pytest.fixture(scope="session")
def shared_site(demo_site, copy_site, tmp_path_factory) -> Iterator[Served]:
    """A copy of the demonstration site behind a real server, for all tests of this process."""
    with _served_copy(demo_site, copy_site, tmp_path_factory) as site:
        yield site


@pytest.fixture(scope="module")
def own_site(demo_site, copy_site, tmp_path_factory) -> Iterator[Served]:
    """One more of them, for a module that changes what others look at."""
    with _served_copy(demo_site, copy_site, tmp_path_factory) as site:
        yield site


@contextlib.contextmanager
def _served_copy(demo_site: Any, copy_site: Any, tmp_path_factory: Any) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("served") / "data"
    copy_site(demo_site, root)
    with serve(root) as site:
        yield site


@pytest.fixture(scope="module")
def served(shared_site) -> Served:
    """The site of the tests of a module, which may take another in its place."""
    return shared_site


_WINDOW_IN_ADDRESS = """() => {
  const asked = new URL(location).searchParams.get("window")?.split(",").map(Number);
  const time = window.Bokeh.documents.at(-1).get_model_by_name("time");
  return !!asked && [time.start, time.end].every((end, at) => Math.abs(end - asked[at]) < 1e-3);
}"""
_TWO_FRAMES = "() => new Promise((f) => requestAnimationFrame(() => requestAnimationFrame(f)))"


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
    asked: dict[Any, str] = field(default_factory=dict)

    def go(self, path: str) -> Any:
        """Open a page of the site and wait until it is quiet."""
        answer = self.page.goto(self.url + path)
        self.settle()
        return answer

    def settle(self) -> None:
        """Wait until the page has drawn itself and no request of it is without an answer."""
        self.page.wait_for_load_state("load")
        self.until(lambda: not self.asked, f"answers to {self.asked}")

    def until(self, true: Callable[[], bool], what: str = "it") -> None:
        """Wait until something is true, looking once in two frames of the screen."""
        end = time.monotonic() + PATIENCE
        self.page.evaluate(_TWO_FRAMES)
        while not true():
            assert time.monotonic() < end, f"waited in vain for {what}"
            self.page.evaluate(_TWO_FRAMES)

    def log_in(self, role: str) -> None:
        """Log in as the user of a role, by hand."""
        self.go("/login/")
        self.page.fill("#id_username", role)
        self.page.fill("#id_password", PASSWORD)
        self.page.click("main button[type=submit]")
        self.page.wait_for_url(self.url + "/")
        self.settle()

    def expect(self, pattern: str) -> None:
        """Let a complaint pass: a test that provokes an error knows which."""
        self.expected.append(pattern)

    def watch(self) -> None:
        """Listen to all that a browser complains about."""
        page = self.page
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.wrong.append(f"exception: {error}"))
        page.on("request", self._request)
        for end in ("requestfinished", "requestfailed"):
            page.on(end, lambda request: self.asked.pop(request, None))

    def _console(self, message: Any) -> None:
        # Chromium tells of the CSP in the console, too.
        if message.type in {"error", "warning"}:
            self.wrong.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    def _request(self, request: Any) -> None:
        if request.url.startswith(self.url + "/"):
            self.asked[request] = request.url
        elif not request.url.startswith(("data:", "blob:")):
            self.wrong.append(f"request to another machine: {request.url}")

    def complaints(self) -> list[str]:
        """Return what went wrong and was not expected."""
        return [text for text in self.wrong if not any(re.search(p, text) for p in self.expected)]

    def wait_for_link(self) -> None:
        """Wait until the address of a plot tells the window of time that it shows."""
        self.until(lambda: self.page.evaluate(_WINDOW_IN_ADDRESS), "the window in the address")

    def fits(self) -> bool:
        """Whether the page is no wider than the window."""
        # Not window.innerWidth: a phone that shows a page too wide makes that larger.
        root = "document.documentElement"
        return bool(self.page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth"))

    def barriers(self) -> list[str]:
        """What axe-core finds to keep people out of this page; the pages of others left out."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(
            self.page, context={"exclude": [["#swagger-ui"]]},
            options={"resultTypes": ["violations"], "runOnly": RULES},
        )  # fmt: skip
        return [
            f"{rule['id']} at {node['target']}: {node['failureSummary']}"
            for rule in found.response["violations"]
            for node in rule["nodes"]
        ]

    def look(self, scheme: str) -> None:
        """Change size and colours of the window: for pages that look as their style sheet says."""
        self.page.set_viewport_size(SCHEMES[scheme]["viewport"])
        self.page.emulate_media(color_scheme=SCHEMES[scheme]["color_scheme"])

    def picture(self, name: str, full: bool = True) -> None:
        """Keep a screenshot under ``artefacts/``."""
        ARTEFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=full)


@pytest.fixture
def visit(chromium, served):
    """Open an empty window: ``visit("observer", "dark")``; at the end nothing may be wrong in it.

    The user of a role logs in by hand when a site sees the role for the first time.
    """
    opened: list[tuple[Any, Visitor]] = []

    def open_window(scheme: str, session: Any = None) -> Visitor:
        context = chromium.new_context(**SCHEMES[scheme], storage_state=session)
        visitor = Visitor(context.new_page(), served.url)
        visitor.page.set_default_timeout(1000 * PATIENCE)
        visitor.watch()
        opened.append((context, visitor))
        return visitor

    def session_of(role: str) -> Any:
        if role not in served.sessions:
            window = open_window("light")
            window.log_in(role)
            served.sessions[role] = window.page.context.storage_state()
        return served.sessions[role]

    def visit(role: str | None = None, scheme: str = "light") -> Visitor:
        return open_window(scheme, None if role is None else session_of(role))

    yield visit
    wrong = [text for _, visitor in opened for text in visitor.complaints()]
    for context, _ in opened:
        context.close()
    assert not wrong, "\n".join(wrong)
