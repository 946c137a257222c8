"""Complete answers of VizieR or none: limits of rows, broken connections, places of the sky.

A small VizieR on this machine answers cones and constraints in the form of the service: rows in
a RESOURCE, and after them what became of the query (``matches``, a warning of a truncated
result, ``QUERY_STATUS``).
"""

import contextlib
import io
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from astropy.io.votable import from_table
from astropy.table import Table

from polarnight.astrometry import LocalCatalogue, NoStars, covering, fetch_stars, import_stars
from polarnight.astrometry.geometry import separation
from polarnight.errors import ExternalService

RA, DEC, RADIUS = 330.68, 42.278, 0.2


INFO = '<INFO name="{}" value="{}">{}</INFO>'


class StubVizier(ThreadingHTTPServer):
    """Answers queries from a table; `limit` rows at most, whatever is asked for."""

    daemon_threads = True

    def __init__(self, table, ra, dec, limit=None):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.table, self.ra, self.dec, self.limit = table, ra, dec, limit
        self.asked = []
        self.mischief = None  # takes the answer as bytes, returns (status, what is sent)
        self.silent = False
        self.released = threading.Event()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}/viz-bin/votable"

    def answer(self, query):
        centre = re.fullmatch(r"([\d.]+)([+-][\d.]+)", query["-c"])
        place = (float(centre[1]), float(centre[2]))
        columns = query["-out"].split(",")
        ra, dec = self.table[self.ra], self.table[self.dec]
        chosen = separation(ra, dec, *place) <= float(query["-c.rd"])
        for name, constraint in query.items():
            if name in self.table.colnames:
                chosen &= _obeys(np.asarray(self.table[name]), constraint)
        rows = self.table[chosen][columns]
        wanted = query["-out.max"]
        most = min(
            np.inf if wanted == "unlimited" else int(wanted),
            np.inf if self.limit is None else self.limit,
        )
        cut = len(rows) > most
        if cut:
            rows = rows[: int(most)]
        return self._votable(rows, query["-source"], int(most) if cut else 0)

    def _votable(self, rows, name, most):
        if not len(rows):
            return (
                '<?xml version="1.0" encoding="UTF-8"?>\n<VOTABLE version="1.4" '
                'xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
                + INFO.format("matches", 0, "No object found around target")
                + "</VOTABLE>"
            ).encode()
        tree = from_table(rows)
        tree.resources[0].tables[0].name = name
        buffer = io.BytesIO()
        tree.to_xml(buffer)
        told = INFO.format("matches", len(rows), "matching records")
        if most:
            cut = f"truncated result (maxtup={most})"
            told += INFO.format("Warning", cut, "") + INFO.format("QUERY_STATUS", "OVERFLOW", cut)
        return buffer.getvalue().replace(b"</RESOURCE>", told.encode() + b"</RESOURCE>")


def _obeys(values, constraint):
    good = np.ones(len(values), dtype=bool)
    for part in constraint.split("&"):
        sign, bound = re.fullmatch(r"\s*(>=|<)(-?[\d.]+)\s*", part).groups()
        good &= values >= float(bound) if sign == ">=" else values < float(bound)
    return good


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        stub = self.server
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        query = dict(line.partition("=")[::2] for line in body.splitlines())
        stub.asked.append(query)
        if stub.silent:
            stub.released.wait(30)
            return
        status, content, length = 200, stub.answer(query), None
        if stub.mischief is not None:
            status, content, length = stub.mischief(content)
        with contextlib.suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Length", str(len(content) if length is None else length))
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def serving(monkeypatch, table, ra="RA_ICRS", dec="DE_ICRS", limit=None):
    """Let astroquery ask a stub in place of VizieR."""
    from astroquery.vizier import VizierClass

    stub = StubVizier(table, ra, dec, limit)
    threading.Thread(target=stub.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(
        VizierClass, "_server_to_url", lambda self, return_type="votable": stub.address
    )
    try:
        yield stub
    finally:
        stub.released.set()
        stub.shutdown()
        stub.server_close()


def sky(ra, dec, n=3000, radius=0.5, seed=1):
    """Stars all over a cap about a place, with the columns that are asked of Gaia."""
    rng = np.random.default_rng(seed)
    z = 1 - (1 - np.cos(np.radians(radius))) * rng.random(n)
    turn = rng.uniform(0, 2 * np.pi, n)
    side = np.sqrt(1 - z**2)
    cap = np.array([side * np.cos(turn), side * np.sin(turn), z])
    tilt = np.radians(90 - dec)
    x = np.cos(tilt) * cap[0] + np.sin(tilt) * cap[2]
    up = -np.sin(tilt) * cap[0] + np.cos(tilt) * cap[2]
    table = Table(
        {
            "RA_ICRS": (np.degrees(np.arctan2(cap[1], x)) + ra) % 360,
            "DE_ICRS": np.degrees(np.arcsin(np.clip(up, -1, 1))),
            "pmRA": rng.normal(0, 5, n),
            "pmDE": rng.normal(0, 5, n),
        }
    )
    for band in ("Gmag", "BPmag", "RPmag"):
        table[band] = rng.uniform(12, 19, n)
        table[f"e_{band}"] = np.full(n, 0.003)
    table["E(BP/RP)"] = np.full(n, 1.2)
    return table


def expected(table, ra, dec, radius):
    return int(np.sum(separation(table["RA_ICRS"], table["DE_ICRS"], ra, dec) <= radius))


@pytest.mark.parametrize("limit", [None, 10_000, 200, 60])
def test_what_is_cut_short_is_fetched_in_strips(tmp_path, monkeypatch, limit):
    table = sky(RA, DEC)
    with serving(monkeypatch, table, limit=limit) as stub:
        found = fetch_stars("gaia", RA, DEC, RADIUS, tmp_path)
    assert found.stars == expected(table, RA, DEC, RADIUS) > 300
    assert (len(stub.asked) > 1) == (limit is not None and limit < found.stars)
    assert len(LocalCatalogue(tmp_path).cone(RA, DEC, RADIUS, 2016.0).ra) == found.stars
    assert covering(tmp_path, "gaia", RA, DEC, RADIUS) == found.name


@pytest.mark.parametrize(("ra", "dec"), [(0.01, 10.0), (359.99, -3.0), (120.0, 90.0), (7.0, -89.9)])
def test_strips_cover_the_wrap_and_the_poles(tmp_path, monkeypatch, ra, dec):
    table = sky(ra, dec)
    with serving(monkeypatch, table, limit=150):
        found = fetch_stars("gaia", ra, dec, RADIUS, tmp_path)
    assert found.stars == expected(table, ra, dec, RADIUS) > 300
    assert len(LocalCatalogue(tmp_path).cone(ra, dec, RADIUS, 2016.0).ra) == found.stars


def test_a_field_that_is_cut_in_every_strip_is_refused(tmp_path, monkeypatch):
    told = r"cut after 2 rows.*smaller radius"
    with (
        serving(monkeypatch, sky(RA, DEC), limit=2) as stub,
        pytest.raises(ExternalService, match=told),
    ):
        fetch_stars("gaia", RA, DEC, RADIUS, tmp_path)
    assert len(stub.asked) <= 64
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "note",
    [
        '<INFO name="QUERY_STATUS" value="OVERFLOW"/>',
        '<INFO name="Warning" value="truncated result (maxtup=9)"/>',
        '<INFO ID="MaxTuples" name="-out.max" value="9"/>',
        '<INFO name="matches" value="99">matching records</INFO>',
    ],
)
def test_every_way_of_saying_that_rows_are_missing_is_heard(tmp_path, monkeypatch, note):
    table = sky(RA, DEC, n=9, radius=0.1)
    with serving(monkeypatch, table) as stub:
        stub.mischief = lambda content: (
            200, content.replace(b"</RESOURCE>", note.encode() + b"</RESOURCE>"), None
        )  # fmt: skip
        if "MaxTuples" in note:
            # Halves have fewer rows than the limit: the whole is put together from them.
            assert fetch_stars("gaia", RA, DEC, RADIUS, tmp_path).stars == 9
            assert len(stub.asked) > 1
            return
        with pytest.raises(ExternalService, match="than it sends"):
            fetch_stars("gaia", RA, DEC, RADIUS, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("mischief", "told"),
    [
        (lambda content: (503, b"<html>Service Unavailable</html>", None), "HTTP 503"),
        (lambda content: (200, b"<html>maintenance</html>", None), "no table but <html>maint"),
        (lambda content: (200, content[:-400], None), "does not answer"),  # ended too early
        (lambda content: (200, content[:-400], len(content)), "does not answer"),  # broken off
        (
            lambda content: (
                200,
                content.replace(
                    b"</RESOURCE>", b'<INFO name="Error" value="out of time"/></RESOURCE>'
                ),
                None,
            ),
            "answers with an error .out of time",
        ),
    ],
)
def test_half_an_answer_is_none(tmp_path, monkeypatch, mischief, told):
    with serving(monkeypatch, sky(RA, DEC, n=200)) as stub:
        stub.mischief = mischief
        with pytest.raises(ExternalService, match=told) as error:
            fetch_stars("gaia", RA, DEC, RADIUS, tmp_path)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_silent_service_is_given_up(tmp_path, monkeypatch):
    with serving(monkeypatch, sky(RA, DEC, n=20)) as stub:
        stub.silent = True
        with pytest.raises(ExternalService, match="timed out"):
            fetch_stars("gaia", RA, DEC, RADIUS, tmp_path, timeout=0.2)


def test_nobody_listens_but_the_disk_has_it(tmp_path, monkeypatch):
    with serving(monkeypatch, sky(RA, DEC)):
        fetch_stars("gaia", RA, DEC, RADIUS, tmp_path)
    # The server is gone.
    assert not fetch_stars("gaia", RA, DEC, 0.1, tmp_path).new
    with pytest.raises(ExternalService, match=r"does not answer.*stars import"):
        fetch_stars("gaia", RA, DEC, 0.3, tmp_path)


def test_no_star_there_is_told_apart_from_no_service(tmp_path, monkeypatch):
    with serving(monkeypatch, sky(RA, DEC)), pytest.raises(NoStars, match="no star within"):
        fetch_stars("gaia", 10.0, -40.0, RADIUS, tmp_path)


def named(directory, dec):
    """Import a star under one name; return how many the catalogue has."""
    table = Table({"ra": [10.0], "dec": [dec], "R": [12.0]})
    return import_stars(table, directory, mags={"R": "R"}, name="field")


DEADLY = """
import os, sys
from pathlib import Path
from astropy.table import Table
from polarnight.astrometry import import_stars

count, rename = [0], Path.rename

def deadly(self, target):
    count[0] += 1
    if count[0] == int(sys.argv[2]):
        os._exit(9)
    return rename(self, target)

Path.rename = deadly
table = Table({"ra": [10.0], "dec": [2.0], "R": [12.0]})
import_stars(table, sys.argv[1], mags={"R": "R"}, name="field")
"""


@pytest.mark.parametrize("at", [1, 2])
def test_a_process_killed_while_it_replaces_a_catalogue(tmp_path, at):
    """Killed before its first or second rename, it leaves the old one for all to see."""
    named(tmp_path, 1.0)
    child = subprocess.run([sys.executable, "-c", DEADLY, str(tmp_path), str(at)], check=False)
    assert child.returncode == 9
    assert len(LocalCatalogue(tmp_path).cone(10.0, 1.0, 0.1).ra) == 1
    assert named(tmp_path, 3.0) == 1
    assert len(LocalCatalogue(tmp_path).cone(10.0, 3.0, 0.1).ra) == 1
    assert len(LocalCatalogue(tmp_path).cone(10.0, 1.0, 0.1).ra) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["field"]  # nothing is left behind


def test_two_who_replace_one_catalogue_at_once(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda n: named(tmp_path, n / 10), range(40))) == [1] * 40
    assert [path.name for path in tmp_path.iterdir()] == ["field"]
    assert LocalCatalogue(tmp_path).manifests["field"]["stars"] == 1
