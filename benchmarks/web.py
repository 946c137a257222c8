"""The site under load: how long a page, a plot, a table and a frame take, and 20 users at once.

A data directory of its own is made in a temporary folder, with 100 000 results of one source and
a frame of 2048 x 2048 pixels, and served by ``polarnight serve`` (gunicorn). First one visitor
asks for each thing in turn, then many at once read and, now and then, flag. Times are of the
whole answer, in milliseconds, as a program on the same machine sees them.

    python benchmarks/web.py [--results 100000] [--rounds 20] [--users 20] [--seconds 60]
                             [--url postgresql://...]  [--workers 2]

With --url the database is that one, which must be empty; it is left filled.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from web_rows import OTHER, SOURCE, fill, frame, passes

PLOT = f"/api/v1/plots/light-curve?{urlencode({'source': SOURCE})}"
TABLE = "/api/v1/results?limit=50"
PLOT_MS, TABLE_MS = 500, 100
OF_SOURCE = f"{TABLE}&{urlencode({'source': SOURCE})}"

PAGES = {
    "the first": "",
    "at 90000": "offset=90000",
    "by mag at 50000": "sort=mag&offset=50000",
    "flags": "f=flags:has:BAD_PHOTOMETRY",
    "no flags": "f=flags:hasnot:BAD_PHOTOMETRY",
    "band": "f=band:eq:R",
    "mag": "f=mag:lt:13.5",
    "nights": "f=night:after:2015-06-01",
    "telescope": "f=telescope:like:OSN*",
    "band and flags by p": "f=band:eq:R&f=flags:hasnot:BAD_PHOTOMETRY&sort=-p",
    "mag by zero point": "f=mag:lt:13.5&sort=mag_zp",
}
"""Of the source with many results: what is asked for, by its name."""


class Visitor:
    """A connection that stays open, with a session and a token."""

    def __init__(self, port: int, user: dict[str, str]) -> None:
        self.port, self.user = port, user
        self.line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, path: str, body: Any = None) -> tuple[int, bytes, float]:
        """Return status, body and milliseconds of a request."""
        headers = {"Cookie": f"polarnight_session={self.user['session']}"}
        if path.startswith("/api/"):
            headers = {"Authorization": f"Bearer {self.user['token']}"}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        start = time.perf_counter()
        for attempt in (1, 2):  # a server may close a connection that was idle
            try:
                self.line.request("GET" if data is None else "POST", path, data, headers)
                answer = self.line.getresponse()
                content = answer.read()
                break
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                if attempt == 2:
                    raise
                self.line.close()
        return answer.status, content, 1000 * (time.perf_counter() - start)


@contextlib.contextmanager
def served(root: Path, url: str, workers: int) -> Iterator[int]:
    """Serve a data directory; give the port."""
    env = {**os.environ, "POLARNIGHT_DATADIR": str(root), "POLARNIGHT_CONFIG": os.devnull}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    if url:
        env["POLARNIGHT_DATABASE_URL"] = url
    log = root.parent / "serve.log"
    command = [sys.executable, "-m", "polarnight", "serve", "--port", "0", "--no-worker"]
    with log.open("w") as out:
        process = subprocess.Popen(
            [*command, "--workers", str(workers)], env=env, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)", log.read_text())):
            if process.poll() is not None:
                sys.exit(log.read_text())
            time.sleep(0.05)
        yield int(found[1])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def first_picture(visitor: Visitor, key: int) -> float:
    """Return the milliseconds until a picture of a whole frame could be painted.

    The page, what the frame is, the figures that the stretch needs, and the tiles of the level
    that fills a window of a thousand pixels, one after the other.
    """
    base = f"/api/v1/frames/raw/{key}"
    spent = checked(visitor, f"/frames/raw/{key}/")
    status, content, took = visitor.ask(f"{base}/image")
    if status != 200:
        raise SystemExit(f"{base}/image: {status}")
    image = json.loads(content)
    plane = image["planes"][0]
    spent += took + checked(visitor, f"{base}/statistics?plane={plane['name']}")
    level = min(plane["levels"] - 1, 1)
    many = [-(-image[side] // 2**level // image["tile"]) for side in ("width", "height")]
    for row in range(many[1]):
        for column in range(many[0]):
            spent += checked(visitor, f"{base}/tiles/{plane['name']}/{level}/{column}/{row}")
    return spent


def one_after_the_other(visitor: Visitor, key: int, rounds: int) -> list[tuple[str, list[float]]]:
    """Ask for each thing several times; the first answer of all comes from a cold server."""
    _, _, cold = visitor.ask(PLOT)
    things: dict[str, Callable[[], float]] = {
        "plot, results just changed": lambda: after_change(visitor, PLOT),
        "plot, just flagged": lambda: after_change(visitor, PLOT, human=True),
        "plot of the source": lambda: checked(visitor, PLOT),
        "plot, one band": lambda: checked(visitor, f"{PLOT}&band=R"),
        "plot with its document": lambda: checked(visitor, f"{PLOT}&document=true"),
        "home": lambda: checked(visitor, "/"),
        "nights": lambda: checked(visitor, "/nights/"),
        "a night": lambda: checked(visitor, "/nights/OSN-T090/2014-12-09/"),
        "source": lambda: checked(visitor, "/sources/1/"),
        "frame, first picture": lambda: first_picture(visitor, key),
    }
    found = [("plot, first answer of a new server", [cold])]
    for name, ask in things.items():
        found.append((name, [ask() for _ in range(rounds)]))
    return found


def pages(visitor: Visitor, rounds: int) -> list[tuple[str, list[float]]]:
    """Ask for pages of the table: in every order, far behind, and with the usual filters."""
    from polarnight.web.tables.columns import COLUMNS

    asked = {f"page, {name}": f"{OF_SOURCE}&{query}" for name, query in PAGES.items()}
    for column in COLUMNS:
        if column.sortable:
            asked[f"page, by {column.name}"] = f"{OF_SOURCE}&sort={column.name}"
            asked[f"page, by -{column.name}, all sources"] = f"{TABLE}&sort=-{column.name}"
    return [(name, [checked(visitor, path) for _ in range(rounds)]) for name, path in asked.items()]


def after_change(visitor: Visitor, path: str, *, human: bool = False) -> float:
    """Return the milliseconds of an answer for which nothing is kept any more."""
    from polarnight.db import PhotoPolResult

    row = PhotoPolResult.objects.order_by("pk")[0]
    if human:
        row.flag("FORCED", why="benchmark")
        row.undecide("FORCED", why="benchmark")
    else:
        row.save()
    return checked(visitor, path)


def checked(visitor: Visitor, path: str, body: Any = None) -> float:
    """Return the milliseconds of an answer, which must be a success."""
    status, content, took = visitor.ask(path, body)
    if status != 200:
        raise SystemExit(f"{path}: {status} {content[:300]!r}")
    return took


def at_once(port: int, users: list[dict[str, str]], many: int, seconds: float, key: int) -> Any:
    """Let many users read, and some of them flag; give times by kind, and what went wrong."""
    ends = time.monotonic() + seconds
    took: dict[str, list[float]] = defaultdict(list)
    wrong: list[str] = []

    def live(number: int) -> None:
        dice = random.Random(number)
        visitor = Visitor(port, users[number % len(users)])
        observer = Visitor(port, next(user for user in users if user["name"] == "observer"))
        other = f"/api/v1/plots/light-curve?{urlencode({'source': OTHER})}"
        while time.monotonic() < ends:
            kind, path, body = dice.choices(
                [
                    ("plot", PLOT, None),
                    ("plot, short", other, None),
                    ("table", f"{OF_SOURCE}&offset={dice.randrange(0, 5000, 50)}", None),
                    ("home", "/", None),
                    ("night", f"/nights/OSN-T090/2014-12-{9 + dice.randrange(5):02d}/", None),
                    ("frame", f"/api/v1/frames/raw/{key}/image", None),
                    ("flag", "/api/v1/flags", {
                        "ids": [dice.randrange(1, 1000)], "flag": "BAD_PHOTOMETRY",
                        "value": dice.random() < 0.5, "why": "benchmark"}),
                ],
                weights=[2, 3, 4, 3, 2, 2, 1],
            )[0]  # fmt: skip
            try:
                asker = observer if body else visitor
                status, content, spent = asker.ask(path, body)
            except (OSError, http.client.HTTPException) as error:
                wrong.append(f"{path}: {error!r}")
                continue
            took[kind].append(spent)
            if status != 200:
                wrong.append(f"{path}: {status} {content[:200]!r}")
            time.sleep(dice.uniform(0.2, 1.0))  # people look at what they get

    threads = [threading.Thread(target=live, args=(number,)) for number in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took, wrong


def table(rows: list[tuple[str, list[float]]]) -> None:
    """Print median and 95th percentile."""
    print(f"{'':38s}{'n':>6s}{'p50 ms':>9s}{'p95 ms':>9s}")
    for name, values in rows:
        ordered = sorted(values)
        print(f"{name:38s}{len(ordered):6d}{statistics.median(ordered):9.0f}{high(values):9.0f}")


def high(values: list[float]) -> float:
    """Return the 95th percentile."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]


def main() -> int:
    """Build, serve, measure, print; 1 where a request failed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--results", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--url", default="", help="of PostgreSQL; SQLite without")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "data"
        settings = {"datadir": root, **({"database_url": asked.url} if asked.url else {})}
        from polarnight.web.preparing import prepare_site, use_site_settings

        use_site_settings()
        os.environ.update(POLARNIGHT_DATADIR=str(root), POLARNIGHT_CONFIG=os.devnull)
        if asked.url:
            os.environ["POLARNIGHT_DATABASE_URL"] = asked.url
        import polarnight

        prepare_site(polarnight.Config(config_db=True, **settings))
        start = time.monotonic()
        fill(asked.results)
        key, users = frame(), passes()
        print(f"{asked.results} results in {time.monotonic() - start:.0f} s")
        with served(root, asked.url, asked.workers) as port:
            visitor = Visitor(port, users[0])
            alone = one_after_the_other(visitor, key, asked.rounds)
            paged = pages(visitor, asked.rounds)
            table(alone)
            print()
            table(paged)
            slow = [name for name, values in paged if high(values) >= TABLE_MS]
            worst = max(high(values) for name, values in alone if name.startswith("plot"))
            print(f"\nplots: p95 {worst:.0f} ms at most, wanted under {PLOT_MS}")
            told = "; ".join(slow) or "none"
            print(f"pages: {len(slow)} of {len(paged)} with p95 not under {TABLE_MS} ms: {told}")
            print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
            print(f"\n{asked.users} users at once for {asked.seconds:.0f} s")
            took, wrong = at_once(port, users, asked.users, asked.seconds, key)
            table(sorted(took.items()))
            print(f"{sum(map(len, took.values()))} requests, {len(wrong)} failed")
            for text in wrong[:10]:
                print("  ", text)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
