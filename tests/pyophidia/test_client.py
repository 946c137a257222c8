"""The client: state, answers, errors, what it prints."""

import json
import socket

import pytest

from polarnight.ophidia.answers.response import Graph, Grid, Response, Text
from PyOphidia import client, cube
from PyOphidia.calls import OphidiaWarning


def test_the_constructor_takes_up_the_session_and_says_so(server, capsys):
    cube.Cube.setclient("anna", "secret", "local", "11732")
    assert capsys.readouterr().out.splitlines() == [
        "Current cdd is /night",
        "Current session is http://localhost/polarnight/sessions/123/experiment",
        "Current cwd is /",
    ]
    made = cube.Cube.client
    assert (made.username, made.session[-10:], made.cdd) == ("anna", "experiment", "/night")
    assert (made.base_src_path, made.exec_mode, made.ncores) == ("/data/raw", "sync", 1)
    assert made.host_partition == "auto"
    server.last = "http://localhost/polarnight/1/44"
    cube.Cube.setclient("anna", "secret")
    assert capsys.readouterr().out.splitlines()[-1] == f"The last produced cube is {server.last}"
    made.resume_cube().resume_cdd().resume_cwd().resume_session()
    assert (made.cube, made.cdd, made.cwd) == (server.last, "/night", "/")


def test_a_server_that_is_not_there_is_one_clear_error(monkeypatch):
    def nowhere(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "create_connection", nowhere)
    with pytest.raises(RuntimeError, match=r"no server 'ophidialab\.cmcc\.it': .*'' computes in"):
        cube.Cube.setclient("anna", "secret", "ophidialab.cmcc.it", "11732")


@pytest.mark.parametrize(
    ("server", "port", "told"),
    [
        ("http://cubes.example.org", "", "send passwords and data open to all"),
        ("https://anna:secret@cubes.example.org", "", "holds a user or a password"),
        ("cubes example", "", "is no address"),
        (5.5, "", "Name or service|no server"),
        ("cubes.example.org", "eleven", "no number from 1 to 65535"),
    ],
)
def test_addresses_that_are_none(monkeypatch, server, port, told):
    def nowhere(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "create_connection", nowhere)
    with pytest.raises(RuntimeError, match=told) as caught:
        client.Client("anna", "secret", server, port)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("query", [None, 5, b"oph_list", ["oph_list"], {"a": 1}, object()])
def test_what_is_no_command_is_one_line(server, capsys, query):
    c = cube.Cube.client
    assert c.submit(query) is None
    told = capsys.readouterr().out
    assert told.startswith("Something went wrong in submitting the request: a command is a text")
    assert told.count("\n") == 1
    assert (c.last_response_status, c.last_return_value) == ("ERROR", 1)
    assert c.last_error.startswith("a command is a text such as 'oph_list level=2', not ")
    assert server.commands == []


@pytest.mark.parametrize("flow", [None, 5, b"{}", [1], {"a": object()}, {"a": {1, 2}}, object()])
def test_what_is_no_workflow_is_one_line(server, capsys, flow):
    c = cube.Cube.client
    assert c.wsubmit(flow) is None
    told = capsys.readouterr().out
    assert told.startswith("Something went wrong in submitting the workflow: ")
    assert told.count("\n") == 1
    assert c.last_response_status == "ERROR"
    valid, why = c.wisvalid(flow)
    assert not valid
    assert why == c.last_error


@pytest.mark.parametrize("value", [b"a", bytearray(b"a"), {"a": 1}])
def test_what_no_command_can_hold(server, value):
    with pytest.raises(RuntimeError, match="nothing that a command can hold"):
        cube.Cube(pid="http://a/1/2").reduce2(operation=value, dim="z")


def test_paths_are_texts(server, tmp_path):
    cube.Cube.importfits(src_path=tmp_path / "a.fits")
    assert f"src_path={tmp_path}/a.fits" in server.commands[-1]


@pytest.mark.parametrize("fault", [ZeroDivisionError("inside"), RecursionError("too deep")])
def test_a_fault_of_ours_is_one_line_and_in_the_log(server, capsys, caplog, fault):
    def broken(_state):
        raise fault

    server.answers += [broken, broken]
    c = cube.Cube.client
    assert c.submit("oph_list") is None
    told = capsys.readouterr().out
    kind = type(fault).__name__
    assert f"submit: {kind}: {fault} (unforeseen; the log says where)\n" in told
    assert caplog.records[-1].exc_info[1] is fault
    with pytest.raises(RuntimeError, match="unforeseen; the log says where") as caught:
        cube.Cube(pid="http://a/1/2").reduce2(operation="max", dim="z")
    assert caught.value.__suppress_context__


def test_a_disk_that_is_full_is_no_fault_of_ours(server, capsys):
    def full(_state):
        raise OSError(28, "No space left on device", "/data/x")

    server.answers.append(full)
    assert cube.Cube.client.submit("oph_list") is None
    assert "the machine refuses: /data/x: No space left on device" in capsys.readouterr().out


def test_the_environment_is_read_when_asked(server, monkeypatch):
    monkeypatch.setenv("OPH_USER", "berta")
    monkeypatch.setenv("OPH_SERVER_HOST", "far.away")
    with pytest.raises(RuntimeError, match=r"far\.away"):
        client.Client(read_env=True)
    monkeypatch.setenv("OPH_SERVER_HOST", "local")
    assert client.Client(read_env=True, api_mode=False).username == "berta"
    assert client.Client(api_mode=False).username == ""


def test_submit_returns_itself_and_keeps_the_answer(server):
    c = cube.Cube.client
    assert c.submit("oph_reduce2 operation=max;dim=z") is c
    assert server.commands[-1] == "oph_reduce2 operation=max;dim=z"
    told = json.loads(c.last_response)
    assert told == c.deserialize_response()
    assert told["response"][0]["objcontent"][0]["message"] == c.cube
    assert (c.last_response_status, c.last_return_value, c.last_error) == ("SUCCESS", 0, "")
    assert c.last_exec_time == 0.25
    assert (c.last_workflowid(), c.last_markerid()) == ("7", "9")
    assert c.submit("operator=oph_list;level=2;") is c
    assert server.commands[-1] == "oph_list level=2;"


def test_submit_prints_what_went_wrong_and_returns_none(server, capsys):
    server.answers.append(Response(error="oph_list: level=9 is out of range", code=8))
    assert cube.Cube.client.submit("oph_list level=9") is None
    assert capsys.readouterr().out == (
        "Something went wrong in submitting the request: oph_list: level=9 is out of range\n"
    )
    c = cube.Cube.client
    assert (c.last_response_status, c.last_return_value) == ("ERROR", 8)
    assert c.last_error == "oph_list: level=9 is out of range"
    assert c.deserialize_response()["response"][-1]["objcontent"][0]["title"] == "ERROR"


def test_methods_raise_with_the_text(server):
    server.answers.append(Response(error="oph_reduce2: there is no dimension 'q'", code=9))
    with pytest.raises(RuntimeError, match="there is no dimension 'q'"):
        cube.Cube(pid="http://a/1/2").reduce2(operation="max", dim="q")


def test_warnings_of_the_server_are_passed_on_once(server):
    answer = Response([], warnings=["oph_list has no argument 'ndb' any more"] * 3)
    server.answers.append(answer)
    with pytest.warns(OphidiaWarning, match="no argument 'ndb'") as caught:
        cube.Cube.client.submit("oph_list ndb=1")
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_attributes_of_the_state_are_those_of_the_server(server):
    c = cube.Cube.client
    c.ncores, c.cwd = 3, "/deeper"
    assert (c.state.ncores, c.state.cwd) == (3, "/deeper")
    c.submit("oph_anything")
    assert c.cube == c.state.cube == "http://localhost/polarnight/1/1"


def test_pretty_print_of_tables_and_graphs(server, capsys):
    grid = Grid("list", "/", ("T", "PATH"), [("c", "FITS2"), ("f", "a folder")])
    graph = Graph("io", "Provenance", ("PID", "SOURCE"), [("p1", "a.fits"), ("p2", "")],
                  [(0, 1, "oph_reduce2")])  # fmt: skip
    text = Text("path", "Current Data Directory", "/night")
    answer = Response([grid, graph, text], extra={"execution_time": "1.5"})
    server.answers.append(answer)
    cube.Cube.client.submit("oph_list", display=True)
    assert capsys.readouterr().out == (
        "/\n-\n"
        "+===+==========+\n"
        "| T | PATH     |\n"
        "+===+==========+\n"
        "| c | FITS2    |\n"
        "|---|----------|\n"
        "| f | a folder |\n"
        "+===+==========+\n\n"
        "Provenance\n----------\n"
        "digraph DG {\n"
        "\tnode [shape=box]\n"
        '\t0 [label="PID: p1\\nSOURCE: a.fits"]\n'
        '\t1 [label="PID: p2\\nSOURCE: "]\n'
        '\t0 -> 1 [label="oph_reduce2"]\n'
        "}\n\n"
        "Current Data Directory\n----------------------\n/night\n\n"
        "Execution time: 1.50 seconds\n"
    )


def test_wide_cells_go_on_in_the_next_line():
    from PyOphidia.printing import table_text

    table = table_text(("A", "B"), [("x" * 30, "y\nz"), ("", "")], width=24)
    lines = table.splitlines()
    assert {len(line) for line in lines} == {24}
    assert "".join(line[2:18].strip() for line in lines if "x" in line) == "x" * 30
    assert sum("y" in line for line in lines) == sum("z" in line for line in lines) == 1
    assert table_text(("A",), [], width=40) == "+===+\n| A |\n+===+"


def test_progress_of_a_workflow(server):
    title = "Workflow Progress Ratio"
    row = ("2026-01-01 10:00:00", "0.5")
    grid = Grid("resume", title, ("SUBMISSION DATE", "PROGRESS RATIO"), [row])
    server.answers.append(Response([grid]))
    assert cube.Cube.client.get_progress(7) == {
        "submission date": "2026-01-01 10:00:00", "progress rate": 0.5,
    }  # fmt: skip
    assert server.commands[-1] == "oph_resume level=0;id=7;"
    cube.Cube.client.last_jobid = ""
    with pytest.raises(RuntimeError, match="no workflow"):
        cube.Cube.client.get_progress()
