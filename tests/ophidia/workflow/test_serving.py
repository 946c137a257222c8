"""Workflows at the server: numbers, what is kept, resuming, cancelling, messages."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from workflow_doubles import task

from polarnight.ophidia.errors import OperatorFailed
from polarnight.ophidia.server import Server
from polarnight.ophidia.state import State
from polarnight.ophidia.workflow import Status, resume_workflow
from polarnight.ophidia.workflow.serving.live import running
from polarnight.ophidia.workflow.serving.requests import cancel_workflow, kept_workflow


@pytest.fixture
def server(fresh_database):
    fresh_database.data.raw.mkdir(parents=True, exist_ok=True)
    return Server(fresh_database, "tester")


def flow(*tasks, **fields):
    return json.dumps({"name": "nightly", **fields, "tasks": list(tasks)})


def grid(response, title):
    contents = [c for item in response.as_dict()["response"] for c in item["objcontent"]]
    found = next(c for c in contents if c["title"] == title)
    return [dict(zip(found["rowkeys"], row, strict=True)) for row in found["rowvalues"]]


def jobs(number):
    from polarnight.db.models import CubeJob

    return list(CubeJob.objects.filter(workflow=number).order_by("pk"))


def test_a_workflow_is_a_job_and_its_tasks_are_jobs_of_it(server):
    state = State()
    response = server.submit_workflow(
        flow(
            task("make", "oph_folder", "command=mkdir", "path=a"),
            task("go", "oph_folder", "command=cd", "path=a", after=["make"]),
            task("list", "oph_fs", after=["go"]),
        ),
        state=state,
    )
    assert response.ok, response.error
    assert state.cwd.rstrip("/").endswith("a")
    rows = grid(response, "Workflow Task List")
    assert [row["TASK NAME"] for row in rows] == ["make", "go", "list"]
    assert {row["EXIT STATUS"] for row in rows} == {Status.COMPLETED}
    number = int(response.source["Workflow"])
    assert response.jobid == f"{state.session}?{number}#{response.source['Marker']}"
    kept = jobs(number)
    assert [job.name for job in kept] == ["nightly", "oph_folder", "oph_folder", "oph_fs"]
    assert {job.parent for job in kept[1:]} == {kept[0].marker}
    assert kept[0].status == Status.COMPLETED
    assert [int(row["MARKER ID"]) for row in rows] == [job.marker for job in kept[1:]]


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("{", 8, "line 1"),
        (flow(task("a", "oph_foldr")), 8, "did you mean 'oph_folder'"),
        (flow(task("a", "oph_fs", after=["b"])), 8, "there is no task 'b'"),
        (flow(task("a", "oph_fs", "command=fly")), 8, "fly"),
    ],
)
def test_what_is_wrong_is_told_and_never_raised(server, text, code, told):
    response = server.submit_workflow(text)
    assert not response.ok
    assert response.code == code
    assert told in response.error


def test_a_failed_workflow_goes_on_where_it_stopped(server, fresh_database):
    state = State()
    text = flow(
        task("make", "oph_folder", "command=mkdir", "path=once"),
        task("go", "oph_fs", "command=cd", "dpath=late", after=["make"]),
        task("list", "oph_fs", after=["go"]),
    )
    first = server.submit_workflow(text, state=state)
    assert "task 'go' failed" in first.error
    (fresh_database.data.raw / "late").mkdir(parents=True)
    again = resume_workflow(server, int(first.source["Workflow"]), "last", state)
    assert again.ok, again.error
    rows = grid(again, "Workflow Task List")
    assert {row["EXIT STATUS"] for row in rows} == {Status.COMPLETED}
    # The folder was made once: making it again would have failed.
    number = int(again.source["Workflow"])
    assert [job.name for job in jobs(number)] == ["nightly", "oph_fs", "oph_fs"]


def test_checkpoints(server):
    state = State()
    first = server.submit_workflow(
        flow(
            task("a", "oph_fs"),
            task("b", "oph_fs", after=["a"], checkpoint="middle"),
            task("c", "oph_fs", after=["b"]),
            task("d", "oph_fs", after=["a"]),
        ),
        state=state,
    )
    number = int(first.source["Workflow"])
    for checkpoint, done_again in (("middle", 2), ("all", 4), ("last", 0), ("d", 1)):
        again = resume_workflow(server, number, checkpoint, state)
        assert again.ok, again.error
        assert len(jobs(int(again.source["Workflow"]))) == 1 + done_again, checkpoint
    wrong = resume_workflow(server, number, "midle", state)
    assert wrong.code == 8
    assert "did you mean 'middle'" in wrong.error
    assert "no workflow 999" in resume_workflow(server, 999, "last", state).error


def waiting(server, state, *tasks):
    """Begin a workflow that waits for input, in the background."""
    response = server.submit_workflow(flow(*tasks, exec_mode="async"), state=state)
    assert response.ok, response.error
    session = server.resume(state)
    number = int(response.source["Workflow"])
    end = time.monotonic() + 20
    while not ((run := running(session.code, number)) and run._waiters):
        assert time.monotonic() < end
        time.sleep(0.01)
    return number, response.jobid


def test_a_workflow_in_the_background_gets_its_answer_by_a_command(server):
    state = State()
    number, job = waiting(
        server, state,
        task("ask", "oph_wait", "type=input", "key=what"),
        task("man", "oph_man", "function=@what", after=["ask"]),
    )  # fmt: skip
    answer = server.submit(f"oph_input id={number};key=what;value=oph_fs;", state)
    assert answer.ok, answer.error
    done = server.wait(job, 20)
    assert done is not None
    assert done.ok, done.error
    late = server.submit(f"oph_input id={number};key=what;value=oph_fs;", state)
    assert "does not run any more" in late.error
    assert "no workflow 77" in server.submit("oph_input id=77;", state).error


@pytest.mark.parametrize("here", [True, False])
def test_a_workflow_can_be_cancelled_also_from_another_process(server, here, monkeypatch):
    state = State()
    number, job = waiting(server, state, task("ask", "oph_wait", "type=input"))
    if not here:
        monkeypatch.setattr(
            "polarnight.ophidia.workflow.serving.live.running", lambda code, number: None
        )
    cancel_workflow(server, number, "kill", state)
    done = server.wait(job, 20)
    assert done is not None
    assert "cancelled" in done.error
    assert jobs(number)[0].status == Status.ABORTED
    assert all(one.name != "oph_letter" for one in jobs(number))


def test_stopping_by_the_client(server):
    from polarnight.ophidia.workflow import submit_workflow

    cancelled = threading.Event()
    threading.Timer(0.3, cancelled.set).start()
    response = submit_workflow(
        server, flow(task("w", "oph_wait", "timeout=60")), (), State(), None, cancelled
    )
    assert "cancelled" in response.error


def test_what_should_not_stay_is_removed(server):
    state = State()
    made = task("make", "oph_createcontainer", "container=TMP", "dim=NAXIS1", "dim_type=int")
    response = server.submit_workflow(
        flow(made | {"on_exit": "oph_deletecontainer"}, task("list", "oph_list", after=["make"])),
        state=state,
    )
    assert response.ok, response.error
    assert not response.warnings
    number = int(response.source["Workflow"])
    assert [job.name for job in jobs(number)][1:] == [
        "oph_createcontainer", "oph_list", "oph_deletecontainer",
    ]  # fmt: skip
    assert int(grid(response, "Workflow Task List")[0]["MARKER ID"]) == jobs(number)[1].marker
    assert "TMP" not in server.submit("oph_list", state).to_json()


def test_many_tasks_at_once_share_the_database(server, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    state = State()
    response = server.submit_workflow(
        flow(
            task("for", "oph_for", "key=n", "counter=1:24", "parallel=yes"),
            task("make", "oph_folder", "command=mkdir", "path=n@n", after=["for"]),
            task("end", "oph_endfor", after=["make"]),
        ),
        state=state,
    )
    assert response.ok, response.error
    listed = server.submit("oph_list level=0", state).to_json()
    assert all(f"n{n}/" in listed for n in range(1, 25))


_KILLED = """
import sys
import polarnight
from polarnight.ophidia.errors import OperatorFailed
from polarnight.ophidia.server import Server
from polarnight.ophidia.state import State
settings = polarnight.Config(config_db=True, datadir=sys.argv[1])
print(Server(settings, "tester").submit_workflow(open(sys.argv[2]).read(), state=State()).error)
"""


@pytest.mark.slow
def test_a_killed_workflow_is_resumed(tmp_path, fresh_database):
    text = flow(
        task("make", "oph_folder", "command=mkdir", "path=once"),
        task("for", "oph_for", "key=n", "counter=1:3", after=["make"]),
        task("deep", "oph_folder", "command=mkdir", "path=once/n@n", after=["for"]),
        task("end", "oph_endfor", after=["deep"]),
        task("hang", "oph_wait", "type=file", "filename=come.fits", after=["end"]),
        task("last", "oph_fs", after=["hang"]),
    )
    (tmp_path / "flow.json").write_text(text)
    root = fresh_database.datadir
    command = [sys.executable, "-c", _KILLED, str(root), str(tmp_path / "flow.json")]
    process = subprocess.Popen(
        command,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "polarnight.db.settings"},
    )
    try:
        end = time.monotonic() + 120
        while True:
            found = [job for job in jobs(1) if job.name == "nightly" and job.response]
            tasks = kept_workflow(found[0])["tasks"] if found else {}
            if tasks.get("hang", {}).get("status") == Status.WAITING:
                break
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
        process.wait()
    finally:
        process.kill()
    server, state = Server(fresh_database, "tester"), State()
    with pytest.raises(OperatorFailed, match="is gone"):
        cancel_workflow(server, 1, "kill", state)
    (fresh_database.data.raw).mkdir(parents=True, exist_ok=True)
    (fresh_database.data.raw / "come.fits").write_text("x")
    again = resume_workflow(server, 1, "last", state)
    assert again.ok, again.error
    number = int(again.source["Workflow"])
    assert [job.name for job in jobs(number)] == ["nightly", "oph_fs"]


def test_the_client_stays_where_it_is_whatever_the_workflow_begins_with(server):
    state = State()
    server.submit("oph_folder command=mkdir;path=a", state)
    assert server.submit_workflow(flow(task("l", "oph_list"), cwd="/a"), state=state).ok
    assert state.cwd == "/"
    wrong = server.submit_workflow(flow(task("l", "oph_list"), cwd="../.."), state=state)
    assert not wrong.ok
    assert server.submit("oph_list", state).ok


def test_variables_do_not_grow_without_end(server):
    tasks = [task("s0", "oph_set", "key=a0", f"value={'x' * 1000}")]
    for n in range(1, 9):
        value = f"@{{a{n - 1}}}" * 10
        tasks.append(task(f"s{n}", "oph_set", f"key=a{n}", f"value={value}", after=[f"s{n - 1}"]))
    response = server.submit_workflow(flow(*tasks), state=State())
    assert response.code == 8
    assert "more than 4000000 characters" in response.error


def test_a_fault_of_ours_is_no_traceback(server, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("fault")

    monkeypatch.setattr("polarnight.ophidia.workflow.running.runner.Run.execute", broken)
    response = server.submit_workflow(flow(task("l", "oph_list")), state=State())
    assert response.code == 1
    assert response.error == "ZeroDivisionError: fault (unforeseen; the log says where)"
    assert jobs(int(response.source["Workflow"]))[0].status == Status.ERROR


def test_what_was_not_given_is_refused_before_anything_begins(server):
    text = flow(
        task("make", "oph_folder", "command=mkdir", "path=once"),
        task("list", "oph_list", "path=$1", after=["make"]),
    )
    state = State()
    response = server.submit_workflow(text, (), state)
    assert response.code == 8
    assert "task 'list', arguments: $1 in 'path=$1' was not given" in response.error
    assert "once" not in server.submit("oph_list level=0", state).to_json()
    assert server.submit_workflow(text, ("once",), state).ok
    # What is kept has its places filled: nothing is asked for again.
    number = int(
        server.submit_workflow(text.replace("once", "two"), ("$7",), state).source["Workflow"]
    )
    again = resume_workflow(server, number, "last", state)
    assert "was not given" not in again.error


def test_the_bound_of_tasks_is_a_setting(server):
    server.settings = server.settings.model_copy(
        update={"cubes": server.settings.cubes.model_copy(update={"workflow_tasks": 5})}
    )
    tasks = [
        task("for", "oph_for", "key=n", "counter=1:4"),
        task("list", "oph_list", after=["for"]),
        task("end", "oph_endfor", after=["list"]),
    ]
    response = server.submit_workflow(flow(*tasks))
    assert response.code == 8
    assert "its loops make 6 tasks ('for': 4 turns), and at most 5 run" in response.error
    assert server.submit_workflow(flow(*tasks[:0], task("l", "oph_list"))).ok
