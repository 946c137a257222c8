from __future__ import annotations

import pytest


def test_the_record_of_operations(imported):
    client = imported
    first = next(row[2] for row in client.rows("oph_list level=2") if row[2])
    made = client.pid(f"oph_apply cube={first};query=measure+1")
    rows = client.rows(f"oph_tasks cube_filter={made}")
    assert rows == [["oph_apply", first, made]]
    assert len(client.rows("oph_tasks operator_filter=import")) == 11
    assert client.rows("oph_tasks operator_filter=import;container=OTHER") == []
    assert len(client.rows("oph_tasks container=FITS2;path=/")) == 12
    client.ok(f"oph_delete cube={made}")
    assert client.rows(f"oph_tasks cube_filter={made}")[0][2] == made


def test_sessions_and_jobs_are_listed(client):
    client.ok("oph_createcontainer container=A;dim=x;dim_type=int")
    client.send("oph_createcontainer container=A;dim=x;dim_type=int")
    table = client.table("oph_loggingbk job_level=2;mask=111;session_level=1")
    keys = table["rowkeys"]
    assert keys[:3] == ["SESSION ID", "SESSION LABEL", "SESSION CREATION DATE"]
    status = [row[keys.index("JOB STATUS")] for row in table["rowvalues"]]
    assert status[:2] == ["OPH_STATUS_COMPLETED", "OPH_STATUS_ERROR"]
    assert "container=A" in table["rowvalues"][0][keys.index("SUBMISSION STRING")]
    failed = client.rows("oph_loggingbk job_level=1;job_status_filter=ERROR")
    assert len(failed) == 1
    assert len(client.rows("oph_loggingbk job_level=1;nlines=2")) == 2
    assert client.rows("oph_loggingbk job_level=1;job_start_filter=1990,1995") == []
    assert len(client.rows("oph_loggingbk job_level=1;job_start_filter=2000-01-01,")) > 3
    assert client.rows("oph_loggingbk job_level=1;parent_job_filter=%") == []
    assert len(client.rows("oph_loggingbk")) == 1
    assert "three digits" in client.error("oph_loggingbk mask=12", 8)
    assert "holds no date" in client.error("oph_loggingbk session_creation_filter=x,y", 8)


def test_what_runs_can_be_cancelled(client):
    assert client.ok("oph_service level=2").objects[0].message == "up"
    assert "no server to stop" in client.error("oph_service status=down", 8)
    assert "is no workflow and no job" in client.error("oph_cancel id=abc", 8)
    assert "no workflow 4711" in client.error("oph_cancel id=4711", 8)


def test_a_workflow_that_waits_is_stopped(fresh_database):
    import json

    from polarnight.ophidia import Server, State

    server, state = Server(fresh_database, "ada"), State()
    flow = {
        "name": "waiting",
        "exec_mode": "async",
        "tasks": [
            {
                "name": "w",
                "operator": "oph_wait",
                "type": "control",
                "arguments": ["type=clock", "timeout=60"],
            }
        ],
    }
    response = server.submit_workflow(json.dumps(flow), (), state)
    assert response.ok, response.error
    number = response.jobid.split("?")[1].split("#")[0]
    answer = server.submit(f"oph_cancel id={number}", state)
    assert answer.ok, answer.error
    done = server.wait(response.jobid, timeout=30)
    assert done is not None
    assert not done.ok
    assert not server.submit(f"oph_cancel id={number}", state).ok


def test_a_command_in_the_background_is_stopped(fresh_database, tmp_path):
    from polarnight.ophidia import Server, State

    program = tmp_path / "sleep.sh"
    program.write_text("#!/bin/sh\nsleep 60\n")
    program.chmod(0o755)
    cubes = fresh_database.cubes.model_copy(update={"scripts": {"sleep": program}})
    server = Server(fresh_database.model_copy(update={"cubes": cubes}), "ada")
    state = State()
    response = server.submit("oph_script script=sleep;exec_mode=async", state)
    assert response.ok, response.error
    answer = server.submit(f"oph_cancel id={response.jobid}", state)
    assert answer.ok, answer.error
    done = server.wait(response.jobid, timeout=30)
    assert done is not None
    assert "was stopped" in done.error


def test_sessions_of_a_user(client):
    first = client.ok("oph_manage_session").objects[0].rows[0][0]
    client.ok("oph_createcontainer container=A;dim=x;dim_type=int")
    client.ok("oph_manage_session action=setenv;key=label;value=old one")
    second = client.ok("oph_manage_session action=new").objects[0].message
    assert client.state.session == second != first
    rows = client.rows("oph_manage_session")
    assert {row[0] for row in rows} == {first, second}
    assert {row[0]: row[1] for row in rows}[first] == "old one"
    assert [row[5] for row in rows if row[0] == second] == ["*"]
    assert all(row[1] != "A" for row in client.rows("oph_list"))
    environment = dict(client.rows(f"oph_manage_session action=env;session={first}"))
    assert environment["label"] == "old one"
    assert client.rows("oph_manage_session action=listusers") == [["ada", "owner"]]
    client.ok(f"oph_manage_session action=disable;session={first}")
    assert dict(client.rows(f"oph_manage_session action=env;session={first}"))["active"] == "no"
    client.ok(f"oph_manage_session action=enable;session={first}")
    assert "in use" in client.error("oph_manage_session action=remove", 8)
    client.ok(f"oph_manage_session action=remove;session={first}")
    assert [row[0] for row in client.rows("oph_manage_session")] == [second]
    for command, code in (
        ("action=grant;value=eve:read", 9),
        ("action=setenv;key=user;value=eve", 8),
        ("action=env;session=123", None),
    ):
        client.error(f"oph_manage_session {command}", code)


def test_removing_a_session_leaves_what_others_have(client):
    import numpy as np

    client.write("a.fits", np.arange(12, dtype="i2").reshape(3, 4))
    old = client.ok("oph_manage_session").objects[0].rows[0][0]
    client.ok("oph_importfits src_path=a.fits;container=A")
    client.pid("oph_reduce2 operation=max;dim=NAXIS1")
    client.ok("oph_manage_session action=new")
    client.ok("oph_importfits src_path=a.fits;container=A")
    kept = client.pid("oph_reduce2 operation=max;dim=NAXIS1")
    client.ok(f"oph_manage_session action=remove;session={old}")
    np.testing.assert_array_equal(client.values(kept), [3, 7, 11])


@pytest.mark.parametrize("key", ["OPH_CWD", "OPH_BASE_SRC_PATH", "OPH_NCORES"])
def test_configuration_keys(client, key):
    rows = client.rows(f"oph_get_config key={key}")
    assert [row[0] for row in rows] == [key]
    assert rows[0] in client.rows("oph_get_config")


def test_the_machine(client):
    assert client.rows("oph_instances")[0][2] == "up"
    assert client.rows("oph_instances host_status=down") == []
    assert client.rows("oph_instances level=3") == [["auto"]]
    assert client.rows("oph_instances level=2")[0][3] == "threads"
    assert client.rows("oph_cluster")[0][0] == "auto"
    assert "cubes.scheduler" in client.error("oph_cluster action=deploy", 9)
    assert "cubes.scheduler" in client.error("oph_instances action=add", 9)


@pytest.mark.parametrize("kept", ["{not json", "[1]", '{"response": [{"objcontent": 5}]}', "7"])
def test_an_answer_that_is_none_is_shown_as_it_is(client, kept):
    from polarnight.db.models import CubeJob

    client.ok("oph_list")
    CubeJob.objects.update(response=kept)
    assert kept in client.ok("oph_resume id=1").objects[0].message
