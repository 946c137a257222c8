"""Commands sent to a site: what goes there, what comes back, and everything that can go wrong."""

import base64
import json
import socket
import ssl
import threading
from pathlib import Path

import pytest
from site_double import Site, problem, told

from polarnight.ophidia.answers.response import Graph, Grid, Response, Text, response_of
from polarnight.ophidia.errors import OphidiaError
from polarnight.ophidia.state import State
from polarnight.ophidia.transport import Remote, is_here
from polarnight.ophidia.transport.address import address_of
from polarnight.ophidia.transport.wire import Credentials
from PyOphidia import client, cube

SESSION = "http://localhost/polarnight/sessions/1234/experiment"
PID = "http://localhost/polarnight/1/2"


def made(request, jobid=f"{SESSION}?7#9"):
    """Return the response to a command that made a cube."""
    extra = {"execution_time": "0.50", "cube": PID, "cwd": "/a", "cdd": "/night"}
    extra["sessionid"] = SESSION
    source = {"Session Code": "1234", "Workflow": "7", "Marker": "9"}
    return Response(
        [Text("made", "Output Cube", PID)], jobid=jobid, extra=extra, source=source, user="anna"
    )


def always(answer):
    return lambda path, header, content: answer


def remote(site, **options):
    return Remote(site.url, user="anna", password="secret", **options)


def test_a_command_goes_with_all_that_the_client_knows():
    with Site(always(told(made(""), code=0))) as site:
        state = State(session=SESSION, cwd="/b", cube="http://x/1/1", ncores=3)
        response = remote(site).submit("oph_reduce2 operation=max;dim=z", state)
    command, path, header, content = site.asked[0]
    assert (command, path) == ("POST", "/site/api/v1/ophidia/submit")
    assert header["Content-Type"] == "application/json"
    assert base64.b64decode(header["Authorization"].removeprefix("Basic ")) == b"anna:secret"
    assert set(content) == {"request", "session", "cwd", "cdd", "cube", "run", "wait"}
    assert (content["session"], content["cube"]) == (SESSION, "http://x/1/1")
    sent = content["request"]
    assert sent.startswith("oph_reduce2 operation=max;dim=z;")
    for part in ("cwd=/b;", "cube=http://x/1/1;", "ncores=3;", "exec_mode=sync;"):
        assert part in sent
    assert response.ok
    assert response.request == sent
    assert (response.jobid, response.source["Workflow"]) == (f"{SESSION}?7#9", "7")
    assert (state.cube, state.cwd, state.cdd) == (PID, "/a", "/night")


def test_a_token_goes_instead_of_a_password():
    with Site(always(told(made("")))) as site:
        Remote(site.url, user="anna", password="p", token="abc.DEF").submit("oph_list", State())
    assert site.asked[0][2]["Authorization"] == "Bearer abc.DEF"


def test_what_this_client_does_not_know_goes_as_it_is():
    with Site(always(told(made("")))) as site:
        assert remote(site).submit("oph_of_next_year a=1;", State(cwd="/b")).ok
    assert site.asked[0][3]["request"] == "oph_of_next_year a=1;"


def test_a_workflow_goes_with_its_places_filled():
    flow = '{"name": "w", // why\n "ncores": "2", "tasks": [{"name": "a", "operator": "oph_list", '
    flow += '"arguments": ["path=$1", "level=${2:-1}"]}]}'
    with Site(always(told(made("")))) as site:
        state = State(session=SESSION, cwd="/b", ncores=3)
        far = remote(site)
        response = far.submit_workflow(flow, ["/x"], state)
        missing = far.submit_workflow(flow, [], state)
    assert response.ok, response.error
    sent = json.loads(site.asked[0][3]["request"])
    assert sent["tasks"][0]["arguments"] == ["path=/x", "level=1"]
    assert (sent["cwd"], sent["ncores"], sent["sessionid"]) == ("/b", "2", SESSION)
    assert "task 'a', arguments: $1 in 'path=$1' was not given" in missing.error
    assert missing.code == 8
    assert len(site.asked) == 1


def test_what_went_wrong_there_is_told_here():
    answer = Response(error="oph_list: level=9 is out of range", code=8, warnings=["one", "two"])
    with Site(always(told(answer, code=8))) as site:
        response = remote(site).submit("oph_list level=9", State())
    assert (response.error, response.code) == (answer.error, 8)
    assert response.warnings == ["one", "two"]
    with Site(always(told(answer))) as site:
        assert remote(site).submit("oph_list level=9", State()).code == 9


def test_a_response_comes_back_as_it_was():
    grid = Grid("g", "T", ("A", "B"), [("1", ""), ("2", "x")], ("int", "string"))
    more = Grid("g", "U", ("C",), [("3",)])
    graph = Graph("io", "P", ("PID",), [("p",), ("q",)], [(0, 1, "oph_x")])
    whole = Response(
        [grid, more, Text("t", "Title", "text"), graph], warnings=["w"], jobid="j",
        extra={"cube": "c"}, source={"Workflow": "1"}, user="u",
    )  # fmt: skip
    back = response_of(json.loads(whole.to_json()), "j")
    assert back.to_json() == whole.to_json()
    assert back.warnings == ["w"]


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (problem(401, "Unauthorized", "wrong password"), 7, "does not know user 'anna'"),
        (problem(403, "Forbidden", "viewers may not"), 7, "Forbidden: viewers may not"),
        (problem(413, "Too large", "at most 1 MB"), 8, "(413): Too large: at most 1 MB"),
        (problem(429, "Too many", **{"Retry-After": "30"}), 5, "try again in 30 seconds"),
        (problem(500, "Fault"), 5, "has a fault (500): Fault"),
        (problem(503, "Down", "until noon"), 5, "has a fault (503): Down: until noon"),
        ((502, {}, b"<html>Bad Gateway</html>"), 5, "has a fault (502): Bad Gateway"),
        ((404, {}, b"<html>"), 5, "is no Polarnight site: it answers 404"),
        ((302, {"Location": "http://evil/"}, b""), 5, "it sends on to http://evil/"),
        ((200, {}, b"<html>welcome"), 5, "is no JSON object but '<html>welcome'"),
        ((200, {}, b"[1]"), 5, "is no JSON object"),
        ((200, {}, b"{}"), 5, "answers what is no response (KeyError"),
        ((200, {}, b'{"response": 5}'), 5, "answers what is no response"),
        ((200, {}, b'{"response": {"response": [5]}}'), 5, "answers what is no response"),
        ((200, {}, b'{"response": {"response": 5}}'), 5, "answers what is no response"),
        ((200, {}, b"[" * 100_000), 5, "is no JSON object"),
        ((200, {"Content-Length": "5000"}, b"{"), 5, "sent 1 of 5000 bytes"),
        (None, 5, "cannot be reached"),
    ],
)
def test_what_the_site_answers_instead(answer, code, words):
    with Site(always(answer)) as site:
        response = remote(site, patience=5).submit("oph_list", State())
        assert len(site.asked) == 1  # nothing is sent again, nor elsewhere
    assert words in response.error
    assert "localhost" in response.error
    assert response.code == code
    assert "\n" not in response.error
    assert "secret" not in response.error


def test_nobody_answers():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        response = Remote(url).submit("oph_list", State())
    assert response.code == 5
    assert f"{url} cannot be reached: Connection refused" in response.error


def test_an_answer_that_takes_too_long():
    over = threading.Event()

    def late(path, header, content):
        over.wait(10)

    with Site(late) as site:
        response = remote(site, patience=0.2).submit("oph_list", State())
        over.set()
    assert "did not answer in time" in response.error
    assert "exec_mode=async" in response.error


def test_stopping_does_not_wait_for_the_answer():
    over, cancelled = threading.Event(), threading.Event()

    def late(path, header, content):
        cancelled.set()
        over.wait(10)

    with Site(late) as site:
        response = remote(site).submit("oph_list", State(), None, cancelled)
        over.set()
    assert "no longer waited for; localhost was asked to stop it" in response.error


def test_a_certificate_that_nobody_knows(monkeypatch):
    def untrusted(self):
        raise ssl.SSLCertVerificationError(1, "certificate verify failed")

    monkeypatch.setattr("http.client.HTTPSConnection.connect", untrusted)
    response = Remote("cubes.example.org", token="t").submit("oph_list", State())
    assert "the certificate of https://cubes.example.org cannot be trusted" in response.error


def test_certificates_are_verified():
    made = Remote("cubes.example.org")._wire._connection()
    assert made._context.verify_mode == ssl.CERT_REQUIRED
    assert made._context.check_hostname


def test_a_proxy_of_the_environment(monkeypatch):
    monkeypatch.setenv("https_proxy", "http://proxy.example.org:3128")
    monkeypatch.setenv("http_proxy", "http://proxy.example.org:3128")
    made = Remote("cubes.example.org")._wire._connection()
    assert (made.host, made._tunnel_host) == ("proxy.example.org", "cubes.example.org")
    assert Remote("http://localhost:8765")._wire._connection().host == "localhost"


@pytest.mark.parametrize(
    ("server", "port", "url"),
    [
        ("cubes.example.org", "", "https://cubes.example.org"),
        ("cubes.example.org", "11732", "https://cubes.example.org:11732"),
        ("cubes.example.org:8443", "", "https://cubes.example.org:8443"),
        ("https://cubes.example.org/a b/", "", "https://cubes.example.org/a%20b"),
        ("http://localhost:8765", "", "http://localhost:8765"),
        ("http://[::1]:8765/x", "", "http://[::1]:8765/x"),
        ("fe80::1", "443", "https://[fe80::1]"),
    ],
)
def test_addresses(server, port, url):
    assert address_of(server, port).url == url


@pytest.mark.parametrize(
    "server",
    ["http://a.b", "ftp://localhost", "https://", "https://a:b@c", "https://a?b", "a b", "a\nb",
     "https://[::1", "https://a:99999", "https://é.org", "-x.org"],
)  # fmt: skip
def test_addresses_that_are_none(server):
    with pytest.raises(OphidiaError):
        address_of(server)


def test_names_of_this_process():
    assert all(map(is_here, ("", "local", " LOCALHOST ", "127.0.0.1", "::1")))
    assert not is_here("http://localhost:8765")


def test_credentials_are_not_shown():
    assert "secret" not in repr(Credentials("anna", "secret", "token-secret"))
    for wrong in (Credentials(token="a b"), Credentials(token="a\r\nX: y"), Credentials("a:b")):
        with pytest.raises(OphidiaError):
            _ = wrong.header


def files(path, header, content):
    if path == "/site/api/v1/ophidia/files" and content["path"] == "/night/final.fits":
        return 200, {}, b"SIMPLE" * 500_000
    return problem(404, "Not found", f"there is no {content['path']}")


def test_files_come_whole_or_not_at_all(tmp_path):
    with Site(files) as site:
        far, state = remote(site), State(cdd="/night")
        file = far.fetch("final.fits", tmp_path, state)
        assert file == tmp_path / "final.fits"
        assert file.read_bytes() == b"SIMPLE" * 500_000
        with pytest.raises(OphidiaError, match="is there already"):
            far.fetch("final.fits", tmp_path, state)
        assert far.fetch("/night/final.fits", file, state, force=True) == file
        with pytest.raises(OphidiaError, match=r"Not found: there is no /night/other\.fits"):
            far.fetch("other.fits", tmp_path, state)
        with pytest.raises(OphidiaError, match="no directory"):
            far.fetch("final.fits", tmp_path / "no" / "x.fits", state)
    assert [path.name for path in tmp_path.iterdir()] == ["final.fits"]
    short = always((200, {"Content-Length": "50"}, b"half"))
    with Site(short) as site, pytest.raises(OphidiaError, match="sent 4 of 50 bytes"):
        remote(site).fetch("/x.fits", tmp_path, State())
    assert [path.name for path in tmp_path.iterdir()] == ["final.fits"]


# --- the whole way ---------------------------------------------------------------------------


class Engine:
    """Carries out what the contract says, by the engine in this process."""

    def __init__(self, settings):
        from polarnight.ophidia.files.paths import Repository
        from polarnight.ophidia.server import Server

        self.server, self.files = Server(settings, "anna"), Repository(settings, "anna")

    def __call__(self, path, header, content):
        from django.db import connections

        try:
            if path.endswith("/files"):
                return 200, {}, Path(self.files.find(content["path"])).read_bytes()
            request = content.pop("request")
            state = State(**{name: content[name] for name in ("session", "cwd", "cdd", "cube")})
            if request.startswith("{"):
                response = self.server.submit_workflow(request, (), state)
            else:
                response = self.server.submit(request, state)
            return told(response, code=response.code, session=state.session)
        finally:
            connections.close_all()


@pytest.fixture
def site(fresh_database):
    import numpy as np
    from astropy.io import fits

    raw = fresh_database.data.raw
    raw.mkdir(parents=True, exist_ok=True)
    for number in range(3):
        data = np.full((4, 5), 100 + number, dtype=np.uint16)
        fits.PrimaryHDU(data).writeto(raw / f"b{number}.fits")
    engine = Engine(fresh_database)
    with Site(engine) as site:
        yield site
    engine.server.close()
    cube.Cube.client = None


def test_python_and_a_site(site, tmp_path, capsys):
    from astropy.io import fits

    cube.Cube.setclient("anna", "secret", site.url)
    c = cube.Cube.client
    assert "Current session is " in capsys.readouterr().out
    assert "/sessions/" in c.session
    assert c.base_src_path.endswith("/raw")
    c.submit("oph_createcontainer container=N;dim=NAXIS2|NAXIS1;dim_type=int|int")
    frames = cube.Cube.importfits(src_path="[path=/;file=*.fits]", container="N")
    assert [type(one) for one in frames] == [cube.Cube] * 3
    median = cube.Cube.mergecubes2(cubes=frames, dim="z").reduce2(
        operation="quantile", order=0.5, dim="z"
    )
    assert c.cube == median.pid
    answer = median.exportfits(output_path="/", output_name="median")
    path = answer["response"][0]["objcontent"][0]["message"]
    file = c.fetch(path, tmp_path)
    assert (fits.getdata(file) == 101).all()
    median.info(display=False)
    assert median.dim_info
    with pytest.raises(RuntimeError, match=r"the values of .* are at localhost"):
        median.to_dataset()
    with pytest.raises(RuntimeError, match=r"no dimension|'q'"):
        median.reduce2(operation="max", dim="q")
    flow = {"name": "w", "tasks": [{"name": "l", "operator": "oph_list", "arguments": ["path=$1"]}]}
    assert c.wsubmit(flow, "/") is c
    assert c.get_progress()["progress rate"] == 1.0
    again = client.Client("anna", "secret", site.url)
    assert (again.session, again.cube) == (c.session, c.cube)


def test_the_terminal_and_a_site(site, fresh_database, capsys, monkeypatch):
    from polarnight.ophidia.terminal.main import run_terminal

    monkeypatch.setenv("HOME", str(fresh_database.datadir))

    def typed(*arguments):
        code = run_terminal(["-u", "anna", "-p", "x", "-H", site.url, *arguments], fresh_database)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    code, out, _ = typed("-e", "oph_importfits src_path=b0.fits;container=T")
    assert code == 0
    assert "Output Cube" in out
    code, out, _ = typed("-e", "getenv cube")
    assert out.startswith("http://localhost/polarnight/")
    code, out, _ = typed("-e", "view 1")
    assert code == 0, out
    assert typed("-e", "resume")[0] == 0
    assert typed("-e", "oph_nothing")[0] == 3
    assert run_terminal(["-H", "nowhere.invalid:1", "-e", "ll"], fresh_database) == 5
    assert "nowhere.invalid" in capsys.readouterr().err
