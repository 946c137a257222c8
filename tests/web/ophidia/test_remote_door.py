"""PyOphidia and the API of commands, through Django's test client, by users of all roles."""

from __future__ import annotations

import base64
import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

PASSWORD = "a long and quiet night"
API = "/api/v1/ophidia/"


def submit(client, text, status=200, **more):
    answer = client.post(API + "submit", {"request": text, **more}, content_type="application/json")
    assert answer.status_code == status, answer.content
    return answer.json()


def error_of(answer):
    status = answer["response"]["response"][-1]
    assert status["objkey"] == "status"
    content = status["objcontent"][0]
    return "" if content["title"] == "SUCCESS" else content["message"]


IMPORT = "oph_importfits src_path=/fits-raw/LRS.001.fits;container=A;measure=image;"


def test_a_command_is_carried_out_and_the_session_goes_on(door):
    client = door.client("operator")
    answer = submit(client, IMPORT)
    assert (answer["state"], answer["code"], error_of(answer)) == ("DONE", 0, "")
    session = answer["session"]
    extra = answer["response"]["extra"]
    cube = dict(zip(extra["keys"], extra["values"], strict=True))["cube"]
    # A client that says nothing of where it is goes on where its session was.
    answer = submit(client, "oph_reduce2 operation=max;dim=NAXIS1;", session=session)
    assert error_of(answer) == ""
    assert answer["session"] == session
    # One that says where it is, is there.
    answer = submit(client, "oph_cubeschema", session=session, cwd="/", cdd="/", cube=cube)
    rows = answer["response"]["response"][0]["objcontent"][0]["rowvalues"]
    assert rows[0][0] == cube


def test_sessions_are_those_of_the_user_of_the_site(door):
    from polarnight.db.models import CubeSession

    mine = submit(door.client("operator"), IMPORT)["session"]
    assert CubeSession.objects.get().user == "operator"
    answer = submit(door.client("admin"), "oph_list level=1;", session=mine)
    assert "there is no session" in error_of(answer)
    answer = submit(door.client("viewer"), "oph_list level=1;")
    assert error_of(answer) == ""
    assert answer["session"] != mine


@pytest.mark.parametrize(
    "text",
    [
        IMPORT,
        "oph_cubeschema action=add;dim=x;",
        "oph_fs command=rm;dpath=/fits-raw;recursive=yes;",
        "oph_explorecube output_name=x;",
        "oph_resume id=1;execute=yes;",
        "oph_metadata mode=insert;metadata_key=a;metadata_value=b;",
        "OPH_DELETE cube=[*]",
        '{"name": "w", "author": "a", "abstract": "-", "tasks": []}',
    ],
)
def test_viewers_change_nothing(door, text):
    for role in ("viewer", "observer"):
        problem = submit(door.client(role), text, status=403)
        assert "operator" in problem["detail"]
    assert (door.root / "raw" / "fits-raw" / "LRS.001.fits").exists()


@pytest.mark.parametrize("text", ["oph_list", "oph_man function=oph_list", "oph_fs", "oph_tasks"])
def test_viewers_look(door, text):
    assert error_of(submit(door.client("viewer"), text)) == ""


def test_every_operator_says_whether_it_only_reads():
    from polarnight.ophidia.registry import operators

    reading = {name for name, cls in operators().items() if cls.reading is not None}
    assert {"oph_list", "oph_search", "oph_cubeschema", "oph_explorecube", "oph_cubeio"} <= reading
    makers = {"oph_importfits", "oph_delete", "oph_script", "oph_generic", "oph_exportfits",
              "oph_reduce2", "oph_apply", "oph_createcontainer", "oph_publish"}  # fmt: skip
    assert not makers & reading
    for name in reading:
        cls = operators()[name]
        assert set(cls.reading) <= set(cls.declared()), name
        assert cls.only_reads({}), f"{name}: its defaults change something"


def test_what_the_server_has_is_out_of_reach(door, tmp_path):
    client = door.client("operator")
    secret = tmp_path / "secret.fits"
    fits.writeto(secret, np.zeros((3, 3)))
    for path in (secret, *door.root.glob("*.db")):
        answer = submit(client, f"oph_explorefits src_path={path};")
        assert "is refused" in error_of(answer) or "there is no" in error_of(answer)
        got = client.get(API + "files", {"path": str(path)})
        assert got.status_code in (403, 404)
        assert b"SQLite" not in got.content
    for path in ("../iop4.db", "/../iop4.db", "/fits-raw/../../iop4.db", "x\0y"):
        assert client.get(API + "files", {"path": path}).status_code in (403, 404)
    (door.root / "raw" / "fits-raw" / "link.fits").symlink_to(secret)
    assert client.get(API + "files", {"path": "/fits-raw/link.fits"}).status_code == 403


def test_a_site_writes_only_to_exports(door):
    client = door.client("operator")
    submit(client, IMPORT)
    answer = submit(client, "oph_exportfits output_path=/fits-raw;output_name=x;")
    assert "is refused" in error_of(answer)
    assert not (door.root / "raw" / "fits-raw" / "x.fits").exists()
    answer = submit(client, "oph_exportfits output_path=/mine;output_name=x;")
    assert error_of(answer) == ""
    assert (door.root / "export" / "operator" / "mine" / "x.fits").is_file()
    assert error_of(submit(client, "oph_fs command=rm;dpath=/fits-raw/LRS.001.fits;"))
    assert (door.root / "raw" / "fits-raw" / "LRS.001.fits").exists()
    got = client.get(API + "files", {"path": "/mine/x.fits"})
    content = b"".join(got.streaming_content)
    assert int(got["Content-Length"]) == len(content)
    assert content == (door.root / "export" / "operator" / "mine" / "x.fits").read_bytes()
    # Another user has other exports.
    assert door.client("admin").get(API + "files", {"path": "/mine/x.fits"}).status_code == 404
    real = door.root / "export" / "operator" / "mine" / "x.fits"
    assert door.client("admin").get(API + "files", {"path": str(real)}).status_code in (403, 404)


def test_no_program_runs(door, monkeypatch):
    from polarnight.config import get_settings

    cubes = get_settings().cubes
    monkeypatch.setattr(type(cubes), "scripts", {"id": Path("/usr/bin/id")}, raising=False)
    assert "runs no programs" in error_of(submit(door.client("operator"), "oph_script script=id"))


def slow(monkeypatch, seconds=20.0):
    """Let oph_list take so long, unless it is stopped."""
    from polarnight.ophidia.operators.metadata.listing import List

    begun = threading.Event()

    def run(self, given, context):
        begun.set()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            context.progress("looking", 0.25)
            context.check()
            time.sleep(0.02)
        from polarnight.ophidia.operator import Answer

        return Answer([])

    monkeypatch.setattr(List, "run", run)
    return begun


def test_a_long_command_goes_on_and_is_asked_for(door, monkeypatch):
    slow(monkeypatch, 1.2)
    client = door.client("viewer")
    run = "a" * 32
    answer = submit(client, "oph_list", run=run, wait=0.3)
    assert (answer["state"], answer["run"]) == ("RUNNING", run)
    assert "response" not in answer
    answer = client.post(API + "poll", {"run": run, "wait": 0}, content_type="application/json")
    assert answer.json()["state"] == "RUNNING"
    assert answer.json()["fraction"] == 0.25
    # The run is nobody else's business.
    other = door.client("admin").post(API + "poll", {"run": run}, content_type="application/json")
    assert other.status_code == 404
    answer = client.post(API + "poll", {"run": run, "wait": 20}, content_type="application/json")
    assert answer.json()["state"] == "DONE"
    assert error_of(answer.json()) == ""
    assert submit(client, "oph_list", run=run, status=409)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_long_command_is_stopped(door, monkeypatch, elsewhere):
    from polarnight.web.console import running

    slow(monkeypatch)
    client = door.client("viewer")
    run = "b" * 32
    assert submit(client, "oph_list", run=run, wait=0.2)["state"] == "RUNNING"
    time.sleep(1.2)
    if elsewhere:  # as another process of the site sees it
        monkeypatch.setattr(running, "_running", {})
    answer = client.post(API + "cancel", {"run": run}, content_type="application/json")
    assert answer.status_code == 200
    answer = client.post(API + "poll", {"run": run, "wait": 20}, content_type="application/json")
    assert "stopped" in error_of(answer.json())


def limit(monkeypatch, **values):
    """Put other limits of the console in force."""
    from polarnight.config import get_settings

    given = get_settings()
    changed = given.model_copy(update={"web": given.web.model_copy(update=values)})
    monkeypatch.setattr("polarnight.web.console.limits.get_settings", lambda: changed)


def test_a_command_has_a_limit_of_time(door, monkeypatch):
    slow(monkeypatch, 300.0)
    limit(monkeypatch, console_minutes=0.02)
    answer = submit(door.client("viewer"), "oph_list", wait=40)
    told = error_of(answer)
    assert told.startswith("stopped after 0.02 minutes, the limit of the console")
    assert "long work is for a job" in told
    assert "web.console_minutes" in told
    assert answer["code"] != 0


def test_a_long_answer_is_left_out_and_says_so(door, monkeypatch):
    limit(monkeypatch, console_bytes=1000)
    answer = submit(door.client("viewer"), "oph_operators_list", wait=40)
    assert error_of(answer) == ""
    text = json.dumps(answer["response"])
    assert "the answer is left out" in text
    assert "web.console_bytes" in text
    assert "oph_cubeschema" not in text


def test_oph_cancel_stops_a_command_of_the_session(door, monkeypatch):
    slow(monkeypatch)
    client = door.client("operator")
    run = "c" * 32
    submit(client, "oph_list", run=run, wait=1.3)
    answer = client.post(API + "poll", {"run": run, "wait": 0}, content_type="application/json")
    number = answer.json()["jobid"].partition("?")[2].partition("#")[0]
    assert error_of(submit(client, f"oph_cancel id={number};")) == ""
    answer = client.post(API + "poll", {"run": run, "wait": 20}, content_type="application/json")
    assert "stopped" in error_of(answer.json())


def test_one_command_at_a_time_changes_a_session(door, monkeypatch):
    from polarnight.ophidia.operators.fits.importing import ImportFits
    from polarnight.web.console import running

    going, most, lock = [0], [0], threading.Lock()
    begun, end = threading.Event(), threading.Event()
    end.set()

    def run(self, given, context):
        from polarnight.ophidia.operator import Answer

        with lock:
            going[0] += 1
            most[0] = max(most[0], going[0])
        begun.set()
        time.sleep(0.2)
        end.wait(60)
        with lock:
            going[0] -= 1
        return Answer([])

    monkeypatch.setattr(ImportFits, "run", run)
    session = submit(door.client("operator"), "oph_list")["session"]
    answers = []

    def one():
        answers.append(running.begin("operator", IMPORT, {"session": session}))

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [error_of(answer) for answer in answers] == ["", "", ""]
    assert most == [1]
    monkeypatch.setattr(running, "_PATIENCE", 0.05)
    begun.clear()
    end.clear()
    thread = threading.Thread(target=one)
    thread.start()
    try:
        assert begun.wait(60)
        with pytest.raises(running.Refused, match="another command of this session"):
            running.begin("operator", IMPORT, {"session": session})
    finally:
        end.set()
        thread.join()


def test_too_many_at_once(door, monkeypatch):
    slow(monkeypatch)
    client = door.client("viewer")
    runs = [letter * 32 for letter in "defg"]
    for run in runs:
        submit(client, "oph_list", run=run, wait=0)
    problem = submit(client, "oph_list", wait=0, status=429)
    assert "run already" in problem["detail"]
    for run in runs:
        client.post(API + "cancel", {"run": run}, content_type="application/json")
        client.post(API + "poll", {"run": run}, content_type="application/json")


def basic(user, password):
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"HTTP_AUTHORIZATION": f"Basic {pair}"}


def post(client, path, body, **header):
    return client.post(path, json.dumps(body), content_type="application/json", **header)


def test_user_and_password_open_this_door_alone(door):
    from django.test import Client

    stranger = Client()
    header = basic("operator", PASSWORD)
    assert post(stranger, API + "submit", {"request": "oph_list"}, **header).status_code == 200
    assert stranger.get("/api/v1/me", **header).status_code == 401
    assert stranger.get("/", **header).status_code == 302
    assert stranger.get(API + "operators", **header).status_code == 401
    assert post(stranger, API + "submit", {"request": "oph_list"}).status_code == 401
    for wrong in ("Basic", "Basic !!!", "Basic Zm9v", "Digest x"):
        answer = post(stranger, API + "submit", {"request": "oph_list"}, HTTP_AUTHORIZATION=wrong)
        assert answer.status_code == 401, wrong


def test_wrong_passwords_lock_for_a_while(door):
    from django.test import Client

    stranger = Client()
    body = {"request": "oph_list"}
    assert post(stranger, API + "submit", body, **basic("viewer", PASSWORD)).status_code == 200
    codes = [
        post(stranger, API + "submit", body, **basic("viewer", f"wrong {n}")).status_code
        for n in range(6)
    ]
    assert codes[0] == 401
    assert codes[-1] == 429
    # The right one does not help now, also where it was right a moment ago.
    answer = post(stranger, API + "submit", body, **basic("viewer", PASSWORD))
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert post(stranger, API + "submit", body, **basic("operator", PASSWORD)).status_code == 200


def test_a_changed_password_ends_what_was_right(door):
    from django.test import Client

    stranger = Client()
    body = {"request": "oph_list"}
    assert post(stranger, API + "submit", body, **basic("viewer", PASSWORD)).status_code == 200
    user = door.user("viewer")
    user.set_password("another long and quiet night")
    user.save()
    assert post(stranger, API + "submit", body, **basic("viewer", PASSWORD)).status_code == 401
    user.is_active = False
    user.save()
    right = basic("viewer", "another long and quiet night")
    assert post(stranger, API + "submit", body, **right).status_code == 401


def test_a_form_of_another_site_runs_nothing(door):
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(
        User.objects.get(username="operator"), backend="django.contrib.auth.backends.ModelBackend"
    )
    answer = post(client, API + "submit", {"request": IMPORT})
    assert answer.status_code == 403
    assert "CSRF" in answer.json()["detail"]


def test_completion_reads_no_files_of_the_server(door):
    client = door.client("viewer")

    def complete(line):
        return post(client, API + "complete", {"line": line}).json()

    assert "oph_list " in [one["text"] for one in complete("oph_li")]
    assert "level=" in [one["text"] for one in complete("oph_list le")]
    assert "LRS.001.fits" in [one["text"] for one in complete("oph_explorefits src_path=fits-raw/")]
    for line in ("/etc/", "./", "watch /etc/", " watch -n 1 /etc/", "check /etc/", "/", "."):
        assert complete(line) == [], line
    for line in ("oph_explorefits src_path=/etc/", "lsd /etc/", "oph_fs dpath=../"):
        assert complete(line) == [], line


def test_short_words_of_the_terminal(door):
    answer = submit(door.client("viewer"), "ls /", typed=True)
    assert error_of(answer) == ""
    assert answer["response"]["response"][0]["objkey"] == "list"
    submit(door.client("viewer"), "rmr A", typed=True, status=403)


WORKFLOW = {
    "name": "two",
    "author": "w",
    "abstract": "-",
    "exec_mode": "sync",
    "tasks": [
        {"name": "read", "operator": "oph_importfits",
         "arguments": ["src_path=/fits-raw/LRS.001.fits", "container=W", "measure=image"]},
        {"name": "most", "operator": "oph_reduce2",
         "arguments": ["operation=max", "dim=NAXIS1"],
         "dependencies": [{"task": "read", "type": "single"}]},
    ],
}  # fmt: skip


def test_a_workflow_is_checked_run_and_watched(door):
    client = door.client("operator")
    told = post(client, API + "workflow/check", {"text": json.dumps(WORKFLOW)}).json()
    assert told["ok"], told
    assert [node["name"] for node in told["graph"]["nodes"]] == ["read", "most"]
    assert told["graph"]["links"][0]["from"] == "read"
    wrong = json.loads(json.dumps(WORKFLOW))
    wrong["tasks"][1]["operator"] = "oph_redce2"
    told = post(client, API + "workflow/check", {"text": json.dumps(wrong)}).json()
    assert not told["ok"]
    assert "oph_redce2" in told["faults"][0]
    for text in ("{", "[]", '{"tasks": 3}', "x"):
        assert not post(client, API + "workflow/check", {"text": text}).json()["ok"]
    answer = submit(client, json.dumps(WORKFLOW))
    assert error_of(answer) == ""
    state = client.get(API + "workflow", {"jobid": answer["jobid"]}).json()
    assert state["over"]
    assert {node["status"] for node in state["graph"]["nodes"]} == {"completed"}
    other = door.client("admin").get(API + "workflow", {"jobid": answer["jobid"]})
    assert other.status_code == 404


def test_a_site_open_to_all_runs_nothing_for_strangers(door, monkeypatch):
    from polarnight.config import get_settings

    mine = door.root / "export" / "operator" / "mine.fits"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    monkeypatch.setitem(get_settings().web.__dict__, "anonymous", "viewer")
    stranger = door.client()
    assert stranger.get("/api/v1/me").status_code == 200
    submit(stranger, "oph_list", status=401)
    for path in ("/mine.fits", "/operator/mine.fits", str(mine)):
        assert stranger.get(API + "files", {"path": path}).status_code == 401
    assert post(stranger, API + "complete", {"line": "oph_li"}).status_code == 401


def test_a_job_of_the_background_is_stopped_from_another_process(door, monkeypatch):
    from polarnight.db.models import CubeJob
    from polarnight.web.console.servers import server_of

    slow(monkeypatch)
    answer = submit(door.client("viewer"), "oph_list exec_mode=async;")
    name = answer["jobid"]
    server = server_of("viewer")
    assert server.jobs.running() == [name]
    job = CubeJob.objects.get(name="oph_list")
    # What `send` of another process leaves for it.
    CubeJob.objects.create(
        session=job.session, workflow=job.workflow, marker=-1, parent=job.marker,
        name="oph_letter", user="viewer", request=json.dumps({"what": "cancel", "content": {}}),
    )  # fmt: skip
    response = server.wait(name, 20)
    assert response is not None
    assert "stopped" in response.error


def test_no_more_than_a_few_jobs_in_the_background(door, monkeypatch):
    from polarnight.web.console.servers import server_of

    slow(monkeypatch)
    client = door.client("viewer")
    answers = [submit(client, "oph_list exec_mode=async;") for _ in range(5)]
    assert [bool(error_of(answer)) for answer in answers] == [False] * 4 + [True]
    assert "in the background already" in error_of(answers[-1])
    server = server_of("viewer")
    for name in server.jobs.running():
        server.cancel(name)
        server.wait(name, 20)


def test_a_command_whose_process_died_is_told(door, monkeypatch):
    import os as system

    from polarnight.config import get_settings
    from polarnight.web.console.desk import Desk

    desk, run = Desk(get_settings().datadir), "h" * 32
    desk.note("viewer", run, {"state": "RUNNING", "run": run, "jobid": "", "session": ""})
    (file,) = (door.root / "web-console").glob("*.json")
    system.utime(file, (1, 1))
    answer = post(door.client("viewer"), API + "poll", {"run": run}).json()
    assert "has ended" in error_of(answer)
    assert answer["code"] == 1
    desk.tidy()
    assert not file.exists()


def test_answers_of_long_commands_are_for_their_owner_alone(door, monkeypatch):
    slow(monkeypatch, 1.5)
    client = door.client("viewer")
    submit(client, "oph_list", run="k" * 32, wait=1.2)
    client.post(API + "poll", {"run": "k" * 32}, content_type="application/json")
    place = door.root / "web-console"
    assert place.stat().st_mode & 0o077 == 0
    assert not [file for file in place.iterdir() if "k" * 32 in file.name]
