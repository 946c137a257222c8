"""Sessions, numbers of jobs, massive operations, what goes on in the background."""

from __future__ import annotations

import json
import threading
import time

import numpy as np
import pytest
from django.db import OperationalError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polarnight.ophidia import Response, State
from polarnight.ophidia.answers.response import Graph, Grid, Text, items_of


def test_the_json_of_a_response():
    response = Response(
        [Text("reduce2", "Output Cube", "http://x/1/2"), Grid("g", "A", ("B",), [(1,), (None,)])],
        extra={"execution_time": "0.1"},
        source={"Workflow": "1"},
        user="ada",
    )
    made = json.loads(response.to_json())
    assert made["response"] == [
        {
            "objclass": "text",
            "objkey": "reduce2",
            "objcontent": [{"title": "Output Cube", "message": "http://x/1/2"}],
        },
        {
            "objclass": "grid",
            "objkey": "g",
            "objcontent": [
                {
                    "title": "A",
                    "rowkeys": ["B"],
                    "rowfieldtypes": ["string"],
                    "rowvalues": [["1"], [""]],
                }
            ],
        },
        {
            "objclass": "text",
            "objkey": "status",
            "objcontent": [{"title": "SUCCESS", "message": ""}],
        },
    ]
    assert made["responseKeyset"] == ["reduce2", "g", "status"]
    assert made["extra"] == {"keys": ["execution_time"], "values": ["0.1"]}
    assert made["consumers"] == ["ada"]
    assert set(made) == {"response", "responseKeyset", "source", "consumers", "extra"}


def test_tables_of_one_key_are_one_object_and_read_back():
    objects = [
        Grid("d", "x", ("VALUE",), [("1",)], ("int",)),
        Grid("d", "y", ("VALUE",), [("2",)], ("int",)),
        Graph("g", "t", ("PID",), [["a"], ["b"]], [(0, 1, "op")]),
    ]
    made = Response(list(objects)).as_dict()
    assert [len(item["objcontent"]) for item in made["response"]] == [2, 1, 1]
    read = items_of(made)
    assert Response(read).as_dict() == made


def test_a_session_is_taken_up_and_kept(client):
    client.ok("oph_folder command=mkdir;path=a")
    client.ok("oph_folder command=cd;path=a")
    session = client.state.session
    assert "/sessions/" in session
    other = State()
    response = client.server.submit("oph_list", other)
    assert other.session == session
    assert other.cwd == "/a"
    assert response.extra["sessionid"] == session
    assert response.jobid == f"{session}?3#3"
    assert response.source["Workflow"] == "3"
    assert client.server.submit("oph_list", State(session="no such")).code == 9


def test_a_command_may_name_its_session(client):
    client.ok("oph_folder command=mkdir;path=a")
    first = client.state.session
    second = client.server.catalogue.sessions.open("ada", new=True)
    name = client.server.catalogue.sessions.name_of(second)
    assert ["f", "a/"] not in client.rows(f"oph_list sessionid={name}")
    assert client.state.session == name
    assert ["f", "a/"] in client.rows(f"oph_list sessionid={first}")
    assert client.state.session == first
    client.error("oph_list sessionid=http://localhost/polarnight/sessions/12/experiment")
    assert client.state.session == first
    client.error("oph_list sessionid=nonsense")


def test_answers_that_are_too_long_are_not_kept(client, monkeypatch):
    monkeypatch.setattr("polarnight.ophidia.jobs._LONGEST_RESPONSE", 300)
    client.ok("oph_man function=oph_man")
    assert "was not kept" in client.ok("oph_resume id=1").objects[0].message


def test_what_the_client_knows_is_filled_in(imported):
    response = imported.ok("oph_cubeschema cube=3")
    for part in ("sessionid=http", "exec_mode=sync", "ncores=1", "cwd=/", "cube=3"):
        assert part in response.request
    pid = imported.pid("oph_subset cube=1;subset_dims=NAXIS1;subset_filter=1:2")
    assert f"cube={pid};" in imported.ok("oph_cubeschema").request
    assert "cube=" not in imported.ok("oph_fs").request
    imported.state.ncores = 2
    assert "ncores=2" in imported.ok("oph_cubesize").request
    assert imported.rows("oph_list cwd=/archive") == []


def test_massive_operations_are_a_table_of_tasks(imported):
    response = imported.ok("oph_subset cube=[metadata_key=OBS_TYPE;metadata_value=FLAT];"
                           "subset_dims=NAXIS1;subset_filter=1:3")  # fmt: skip
    status, grid = response.objects
    assert (status.title, status.message) == ("Massive Operation Status", "4 of 4 tasks completed")
    assert grid.title == "Massive Operation Task List"
    assert list(grid.columns[:6]) == [
        "OPH JOB ID", "SESSION CODE", "WORKFLOW ID", "MARKER ID", "PARENT MARKER ID",
        "EXIT STATUS",
    ]  # fmt: skip
    outputs = [row[7] for row in grid.rows]
    assert all(imported.values(pid).shape == (6, 3) for pid in outputs)
    assert len({row[3] for row in grid.rows}) == 4
    assert imported.state.cube == ""


def test_one_hit_is_an_ordinary_command(imported):
    pid = imported.pid("oph_subset cube=[3];subset_dims=NAXIS1;subset_filter=1:3")
    assert imported.state.cube == pid


def test_a_hit_that_fails_does_not_stop_the_others(imported):
    imported.write("fits-raw/LRS.012.fits", np.zeros((2, 2)))
    (imported.root / "fits-raw/LRS.005.fits").write_text("no FITS")
    response = imported.send("oph_importfits src_path=[path=/fits-raw;file=*.fits];container=N")
    assert response.code == 9
    assert "1 of 12 tasks failed" in response.error
    assert "LRS.005.fits" in response.error
    grid = response.objects[1]
    assert [row[5] for row in grid.rows].count("OPH_STATUS_COMPLETED") == 11
    failed = next(row for row in grid.rows if row[5] == "OPH_STATUS_ERROR")
    assert failed[7] == ""


def test_filters(imported):
    def hits(text):
        rows = imported.rows(f"oph_massive cubes=[{text}]")
        return [int(row[0].rpartition("/")[2]) for row in rows]

    imported.pid("oph_mergecubes2 cubes=1|2;dim=z;container=stacks")
    imported.pid("oph_reduce2 operation=median;dim=z")
    assert hits("*") == list(range(1, 14))
    assert hits("container=FITS2;9:end") == [9, 10, 11]
    assert hits("container!=FITS2") == [12, 13]
    assert hits("level=0;!2:10") == [1, 11]
    assert hits("level=1|2") == [12, 13]
    assert hits("level!=0") == [12, 13]
    assert hits("parent_cube=12") == [13]
    assert hits("measure=image;container=stacks") == [12, 13]
    assert hits("metadata_key=FLT_ID|OBS-TYPE;metadata_value=B_JOHN_10|FLAT") == [4, 5]
    assert hits("metadata_key=obs_type;metadata_value=BIAS") == [1, 2, 3]
    assert hits("metadata_key=obs_type;metadata_value=BIAS;derived=yes") == [1, 2, 3, 12, 13]
    assert hits("metadata_key=EXPTIME;metadata_value=>=10") == [10, 11]
    assert hits("metadata_key!=FLT_ID;metadata_value=OPEN;level=0") == list(range(4, 12))
    assert hits("metadata_key=FLT_ID;metadata_value!=OPEN;level=0") == list(range(4, 12))
    assert hits("metadata_key!=FLT_ID;metadata_value=OPEN") == list(range(4, 12))
    assert hits("metadata_key!=FLT_ID;metadata_value=OPEN;derived=yes") == list(range(4, 12))
    mixed = "metadata_key!=FLT_ID;metadata_value=OPEN;metadata_key=OBS_TYPE;metadata_value=FLAT"
    assert hits(mixed) == [4, 5, 8, 9]
    assert hits("metadata_key=FLT_ID;metadata_value!=OPEN") == list(range(4, 12))
    container = imported.server.catalogue.pid(imported.server.catalogue.cubes.get(12).container)
    assert hits(f"container_pid={container}") == [12, 13]
    imported.ok("oph_folder command=mkdir;path=deep")
    imported.ok("oph_folder command=cd;path=deep")
    assert "matches no cube" in imported.error("oph_massive cubes=[*]")
    starred = "oph_massive cubes=[path=/;metadata_key=OBS_TYPE;metadata_value=BI*]"
    assert "% stands for any letters: BI%" in imported.error(starred)
    assert hits("path=/;metadata_key=OBS_TYPE;metadata_value=BI%") == [1, 2, 3]
    assert hits("path=/;metadata_key=OBS_TYPE;metadata_value==BI*") == [1, 2, 3]
    assert len(hits("path=/")) == 13
    assert hits("path=/FITS2;3") == [3]
    imported.error("oph_massive cubes=[path=/nowhere]")
    imported.ok("oph_folder command=cd")
    assert len(hits("recursive=yes;level=0")) == 11
    assert "one is needed" in imported.error("oph_cubeschema cube=[1:2]")


def test_every_filter_of_numbers_is_a_set(imported):
    @settings(
        max_examples=30,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(st.integers(1, 11), st.integers(1, 3), st.integers(1, 11), st.booleans())
    def check(start, step, stop, negated):
        expected = set(range(start, stop + 1, step))
        if negated:
            expected = set(range(1, 12)) - expected
        response = imported.send(f"oph_massive cubes=[{'!' * negated}{start}:{step}:{stop}]")
        if stop < start or not expected:
            assert not response.ok
            return
        found = {int(row[0].rpartition("/")[2]) for row in response.objects[0].rows}
        assert found == expected

    check()


def test_a_fault_of_ours_is_one_line_and_in_the_log(client, monkeypatch, caplog):
    from polarnight.ophidia.operators.metadata.listing import List

    def broken(*_):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(List, "run", broken)
    told = client.error("oph_list", 1)
    assert told == "ZeroDivisionError: by zero (unforeseen; the log says where)"
    assert "Traceback" in caplog.text


@pytest.mark.parametrize(
    ("error", "told"),
    [(OperationalError("disk I/O error"), "the database cannot be used: disk I/O error (is the"),
     (MemoryError(), "there is not enough memory (take a part"),
     (OSError(28, "No space left on device", "/x"), "the machine refuses: /x: No space left")],
)  # fmt: skip
def test_what_the_machine_refuses_is_no_fault_of_ours(client, monkeypatch, error, told):
    from polarnight.ophidia.operators.metadata.listing import List

    def broken(*_):
        raise error

    monkeypatch.setattr(List, "run", broken)
    assert client.error("oph_list", 9).startswith(told)
    monkeypatch.setattr("polarnight.ophidia.server.resume", broken)
    assert client.error("oph_fs", 9).startswith(told)


def test_numbers_that_nothing_has_are_told(imported):
    many = "9" * 30
    for text in (
        f"oph_delete cube={many}",
        f"oph_cubeschema cube={many}",
        f"oph_massive cubes=[parent_cube={many}]",
        f"oph_massive cubes=[{many}]",
        f"oph_delete cube=http://localhost/polarnight/{many}/{many}",
        f"oph_resume id={many}",
        f"oph_metadata cube=1;metadata_id={many};mode=delete",
        f"oph_mergecubes2 cubes=1;number={many}",
        f"oph_explorecube cube=1;subset_dims=NAXIS1;subset_filter={many}",
        f"oph_split cube=1;nsplit={many}",
    ):
        told = imported.error(text)
        assert "unforeseen" not in told, (text, told)


_WORDS = [
    "oph_list", "oph_delete", "oph_reduce2", "oph_mergecubes2", "oph_importfits", "oph_subset",
    "oph_intercube", "oph_metadata", "oph_apply", "oph_exportfits", "oph_search", "oph_folder",
    "cube=", "cubes=", "cube2=", "operation=", "dim=", "container=", "src_path=", "path=", "mode=",
    "query=", "subset_dims=", "subset_filter=", "metadata_key=", "level=", "order=", "ncores=",
    "[", "]", ";", "|", "=", "'", '"', " ", "*", "!", ":", "1", "2", "99", "-1", "0.5", "z", "all",
    "NAXIS1", "median", "quantile", "FITS2", "http://localhost/polarnight/1/1", "../..", "/", "\n",
    "measure", "oph_reduce(", ")", "read", "delete", "no", "yes", "\x00", "\u2603", "[container=",
]  # fmt: skip


def test_malformed_commands_end_in_one_clear_error_and_lose_nothing(imported):
    """A thousand of them, put together from the words of commands."""
    before = {str(n): imported.values(str(n)) for n in range(1, 12)}
    codes = set()

    @settings(
        max_examples=1000,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(st.lists(st.sampled_from(_WORDS), max_size=14))
    def check(words):
        text = "".join(words)
        if "delete" in text or "container force" in text:
            text += ";force=no" if "oph_delete" not in text else ";run=no"
        response = imported.send(text)
        codes.add(response.code)
        assert response.ok or response.error.strip()
        assert "Traceback" not in response.error
        assert "unforeseen" not in response.error, (text, response.error)
        assert len(response.error.splitlines()) <= 6

    check()
    assert {0, 3} <= codes
    for pid, values in before.items():
        row = imported.server.catalogue.cubes.get(pid) if _there(imported, pid) else None
        if row is not None:
            np.testing.assert_array_equal(imported.values(pid), values)
    assert sum(_there(imported, pid) for pid in before) == 11


def _there(client, number):
    from polarnight.db.models import DataCube

    return DataCube.objects.filter(pk=int(number)).exists()


@pytest.fixture
def background(fresh_database):
    """A server on a database that other threads see too."""
    from polarnight.ophidia import Server

    server = Server(fresh_database, "ada")
    fresh_database.data.ensure()
    yield server
    server.close()


def test_asynchronous_commands_answer_at_once_and_are_fetched_later(background):
    state = State()
    response = background.submit("oph_folder command=mkdir;path=a;exec_mode=async", state)
    assert response.ok
    assert response.objects[0].title == "Job"
    done = background.wait(response.jobid, 30)
    assert done is not None
    assert done.ok, done.error
    rows = background.submit("oph_list", state).objects[0].rows
    assert ("f", "a/") in rows
    kept = background.submit("oph_resume id=1", state)
    assert kept.ok
    broken = background.submit("oph_folder command=cd;path=nowhere;exec_mode=async", state)
    assert broken.ok
    done = background.wait(broken.jobid, 30)
    assert "nowhere" in done.error
    status = background.submit("oph_resume", state).objects[0].rows
    assert [row[4] for row in status][-1] == "OPH_STATUS_ERROR"


def test_a_job_that_cannot_write_its_end_has_an_answer(background, monkeypatch):
    def full(*_):
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(background.jobs, "finish", full)
    response = background.submit("oph_list exec_mode=async", State())
    done = background.wait(response.jobid, 30)
    assert done.error.startswith("the database cannot be used: database or disk is full")
    assert background.jobs.running() == []


def test_a_job_is_stopped(background, monkeypatch):
    from polarnight.ophidia.operators.metadata.listing import List

    begun = threading.Event()

    def slow(self, given, context):
        begun.set()
        while True:
            context.check()
            time.sleep(0.01)

    monkeypatch.setattr(List, "run", slow)
    state = State()
    response = background.submit("oph_list exec_mode=async", state)
    assert begun.wait(30)
    assert background.wait(response.jobid, 0) is None
    assert response.jobid in background.jobs.running()
    background.cancel(response.jobid)
    done = background.wait(response.jobid, 30)
    assert "stopped" in done.error
    from polarnight.ophidia.errors import BadValue

    with pytest.raises(BadValue, match="no job"):
        background.cancel(response.jobid)
    row = background.submit("oph_resume id=1;level=2", state)
    assert "OPH_STATUS_ABORTED" in json.dumps(row.as_dict())


def test_commands_at_once_get_numbers_of_their_own(background):
    state = State()
    background.submit("oph_list", state)
    jobs = [background.submit(f"oph_folder command=mkdir;path=f{n};exec_mode=async", state).jobid
            for n in range(8)]  # fmt: skip
    answers = [background.wait(job, 60) for job in jobs]
    assert all(answer.ok for answer in answers), [answer.error for answer in answers]
    assert len(set(jobs)) == 8
    assert len(background.submit("oph_list", state).objects[0].rows) == 9


@pytest.mark.cluster
def test_processes_give_the_same_and_are_kept(frames):
    from polarnight.config import load_settings
    from polarnight.ophidia import Server

    datadir = frames.server.settings.datadir
    told = {"datadir": datadir, "cubes.scheduler": "local"}
    frames.server = Server(load_settings(overrides=told), "ada")
    frames.ok("oph_importfits src_path=[path=/fits-raw;file=*.fits];container=P")
    merged = frames.pid("oph_mergecubes2 cubes=[metadata_key=FLT_ID;metadata_value=OPEN];dim=z")
    expected = np.median([frames.values(str(n)) for n in (1, 2, 3)], axis=0)
    for operation in ("median", "quantile;order=0.5"):
        made = frames.pid(f"oph_reduce2 cube={merged};operation={operation};dim=z;ncores=2")
        np.testing.assert_array_equal(frames.values(made), expected.astype(np.float32))
    frames.server.close()


def test_blocks_are_made_for_the_memory_of_the_settings(frames, monkeypatch):
    from polarnight.cubes.running.memory import bound_bytes, total_memory
    from polarnight.ophidia.operators.fits import importing

    seen = []
    run = importing.ImportFits.run
    monkeypatch.setattr(
        importing.ImportFits, "run", lambda *given: seen.append(bound_bytes()) or run(*given)
    )
    fraction = frames.server.settings.cubes.model_copy(update={"memory_fraction": 0.03})
    monkeypatch.setattr(frames.server._runners, "_settings", fraction)
    frames.ok("oph_importfits src_path=[path=/fits-raw;file=*.fits];container=M")
    assert seen
    assert seen == pytest.approx([0.03 * total_memory()] * len(seen), rel=1e-3)
