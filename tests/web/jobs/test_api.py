"""Jobs over the API: who may, what is refused and why, and what is written down."""

from __future__ import annotations

import json

import pytest

from polarnight.web.models import ActionLog, Job, JobState

from .conftest import NIGHT


def post(client, path, **body):
    return client.post(f"/api/v1/jobs{path}", json.dumps(body), content_type="application/json")


def reduce(client, **more):
    return post(client, "", kind="reduce", **{"nights": [NIGHT], **more})


def test_operators_start_and_cancel_and_it_is_written_down(demo):
    client = demo.client("operator")
    answer = reduce(client, nights=["T090/220918"], force=True, why="new flats")
    assert answer.status_code == 201, answer.content
    job = answer.json()
    assert job["state"] == "queued"
    assert job["nights"] == [NIGHT]
    assert job["command"] == f"polarnight run {NIGHT} --force"
    assert demo.client("viewer").get(f"/api/v1/nights/{NIGHT}/job").json() == {"job": job["id"]}
    ended = demo.client("admin").post(f"/api/v1/jobs/{job['id']}/cancel?why=wrong").json()
    assert (ended["state"], ended["cancelled_by"]) == ("cancelled", "admin")
    written = ActionLog.objects.filter(what__startswith="job").order_by("id")
    assert list(written.values_list("who", "what", "key", "why")) == [
        ("operator", "job started", f"job {job['id']}", "new flats"),
        ("admin", "job cancelled", f"job {job['id']}", "wrong"),
    ]
    again = client.post(f"/api/v1/jobs/{job['id']}/cancel")
    assert again.status_code == 409
    assert "nothing to cancel" in again.json()["detail"]


@pytest.mark.parametrize("role", ["viewer", "observer"])
def test_others_look_on(demo, role):
    job = reduce(demo.client("operator")).json()
    client = demo.client(role)
    assert client.get(f"/api/v1/jobs/{job['id']}").json()["title"] == f"reduce {NIGHT}"
    assert reduce(client, force=True).status_code == 403
    assert client.post(f"/api/v1/jobs/{job['id']}/cancel").status_code == 403
    assert client.get(f"/api/v1/jobs/{job['id']}/log").status_code == 403
    page = client.get(f"/jobs/{job['id']}/").content.decode()
    assert 'data-run="false"' in page
    assert Job.objects.get().state == JobState.QUEUED


def test_two_operators_at_once(demo):
    first = reduce(demo.client("operator")).json()
    second = reduce(demo.client("admin"))
    assert second.status_code == 409
    told = second.json()["detail"]
    assert f"job {first['id']} of operator is queued" in told
    assert NIGHT in told
    # Another part of the same night waits for its turn.
    assert reduce(demo.client("admin"), only="masters").status_code == 201
    assert Job.objects.count() == 2


def test_a_job_is_done_again_when_it_has_ended(demo):
    client = demo.client("operator")
    job = reduce(client, force=True).json()
    assert client.post(f"/api/v1/jobs/{job['id']}/requeue").status_code == 409
    Job.objects.update(state=JobState.LOST)
    answer = client.post(f"/api/v1/jobs/{job['id']}/requeue")
    assert answer.status_code == 201
    again = answer.json()
    assert again["arguments"] == job["arguments"]
    assert again["why"] == f"again, as job {job['id']}"
    assert again["id"] != job["id"]


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"kind": "reduce"}, 400, "name nights"),
        ({"kind": "reduce", "nights": ["T090/2022-09-19"]}, 400, "no raw files of OSN-T090"),
        ({"kind": "reduce", "nights": ["nonsense"]}, 400, "not the name of an epoch"),
        ({"kind": "reduce", "telescope": "T090", "first": "2022-09-01"}, 400, "needs telescope"),
        (
            {"kind": "reduce", "telescope": "T090", "first": "2023-09-01", "last": "2022-09-01"},
            400,
            "exchange them",
        ),
        ({"kind": "reduce", "nights": [NIGHT], "only": "everything"}, 422, "only"),
        ({"kind": "reduce", "nights": [NIGHT], "quiet": True}, 422, "quiet"),
        ({"kind": "shell", "command": "id"}, 422, "kind"),
        ({"kind": "ingest", "directory": "../.."}, 400, "not below raw"),
        ({"kind": "ingest", "directory": "/etc"}, 400, "not below raw"),
        ({"kind": "ingest", "directory": "nowhere"}, 400, "no directory"),
        ({"kind": "ingest", "directory": 400 * "x"}, 400, "no directory"),
        ({"kind": "ingest", "directory": "a\x00b"}, 422, "directory"),
        ({"kind": "workflow", "text": "/etc/passwd"}, 409, "JSON"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(demo, body, status, told):
    answer = post(demo.client("operator"), "", **body)
    assert answer.status_code == status, answer.content
    assert told in answer.json()["detail"]
    assert not Job.objects.exists()


def test_a_range_of_nights_is_resolved_when_it_is_asked_for(demo):
    answer = reduce(
        demo.client("operator"), nights=[], telescope="T090", first="2022-09-01", last="2022-09-30"
    )
    assert answer.json()["nights"] == [NIGHT]
    assert answer.json()["arguments"]["nights"] == [NIGHT]


def test_jobs_are_listed_the_newest_first(demo):
    client = demo.client("operator")
    numbers = [reduce(client, only=part).json()["id"] for part in ("masters", "photometry")]
    Job.objects.filter(pk=numbers[0]).update(state=JobState.DONE, result={"n_failed": 0})

    def listed(query=""):
        return [row["id"] for row in client.get(f"/api/v1/jobs?{query}").json()["items"]]

    assert listed() == numbers[::-1]
    assert listed("state=active") == [numbers[1]]
    assert listed("state=done&kind=reduce&who=operator") == [numbers[0]]
    assert listed("kind=ingest") == []
    page = client.get("/jobs/?state=active").content.decode()
    assert f"/jobs/{numbers[1]}/" in page
    assert f"/jobs/{numbers[0]}/" not in page


def test_pages_of_jobs_show_text_as_text(demo):
    evil = "<script>alert(1)</script>"
    job = Job.objects.create(
        kind="reduce", title=evil, who=evil, why=evil, state="failed", error=evil, exit_code=2,
        arguments={"nights": [], "only": None, "force": False, "retry_failed": False},
        result={"failed": [[evil, evil]], "warned": [[evil, evil]], "n_failed": 1},
    )  # fmt: skip
    for path in ("/jobs/", f"/jobs/{job.pk}/"):
        page = demo.client("viewer").get(path).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


def test_a_token_starts_a_job_without_csrf_and_a_session_needs_it(demo):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(demo.user("operator"), backend="django.contrib.auth.backends.ModelBackend")
    assert reduce(client).status_code == 403
    assert not Job.objects.exists()


def test_logs_are_bounded_and_plain(demo, tmp_path):
    from polarnight.config import get_settings
    from polarnight.web.jobs import joblog

    name = joblog.log_name(7)
    path = demo.root / name
    path.parent.mkdir(parents=True)
    path.write_text("\x1b[31mred\x1b[0m\n" + "x" * 100 + "\n" + 100_000 * "line\n" + "last\x07\n")
    lines = joblog.tail(get_settings(), name, 5)
    assert lines == ["line"] * 4 + ["last"]
    assert joblog.tail(get_settings(), "logs/jobs/none.log") == []


def test_ingestion_runs_as_the_command(start, demo):
    from polarnight.db import RawFit
    from polarnight.web.jobs.running import Run

    n = RawFit.objects.exclude(imgtype="").count()
    job = start(kind="ingest", directory=NIGHT)
    assert Run(job.pk).to_the_end() == "done"
    job.refresh_from_db()
    assert job.exit_code == 1  # one has no type
    assert job.result["placed"] == {NIGHT: n}
    assert job.result["new"] == 0
    assert "unknown-0001.fit" in job.result["failed"][0][0]
    assert str(demo.root) not in json.dumps(job.result)


def test_a_calibration_without_standards_says_so(start):
    from polarnight.web.jobs.running import Run

    job = start(
        kind="calibrate", instrument="AndorT90", band="R", first="2022-09-01", last="2022-09-30"
    )
    assert Run(job.pk).to_the_end() == "failed"
    job.refresh_from_db()
    assert job.exit_code == 2
    assert "standard" in job.error


def test_a_workflow_runs_in_the_background(start):
    from polarnight.web.jobs.running import Run

    text = json.dumps(
        {
            "name": "look", "author": "tester", "abstract": "-",
            "tasks": [{"name": "a", "operator": "oph_list", "arguments": ["level=0"]}],
        }
    )  # fmt: skip
    job = start(kind="workflow", text=text, name="look")
    assert Run(job.pk).to_the_end() == "done"
    job.refresh_from_db()
    assert (job.exit_code, job.error) == (0, "")
    assert job.result["answer"]
    text = text.replace("oph_list", "oph_cubeschema").replace("level=0", "cube=http://x/9/9")
    broken = start(kind="workflow", text=text, name="broken")
    assert Run(broken.pk).to_the_end() == "failed"
    broken.refresh_from_db()
    assert "http://x/9/9" in broken.error
    assert broken.result["workflow"]


def test_what_failed_leads_to_its_frame(demo):
    job = Job.objects.create(
        kind="reduce", title="x", who="operator", state="done", exit_code=1,
        arguments={"nights": [NIGHT], "only": None, "force": False, "retry_failed": False},
        result={"failed": [[f"{NIGHT}/BLLac-0099R.fit", "too few"], ["polarization", "none"]]},
    )  # fmt: skip
    page = demo.client("viewer").get(f"/jobs/{job.pk}/").content.decode()
    assert f'href="/nights/{NIGHT}/?text=BLLac-0099R.fit#frames"' in page
    assert '<code>polarization</code> <span class="bad-text">none</span>' in page
    assert "1: some of it failed" in page


def _workflow(**more):
    tasks = [
        {"name": "a", "operator": "oph_list", "arguments": ["level=$1"]},
        {"name": "b", "operator": "oph_list", "arguments": ["level=0"],
         "dependencies": [{"task": "a"}], "checkpoint": "half"},
    ]  # fmt: skip
    return json.dumps({"name": "look", "author": "tester", "abstract": "-", "tasks": tasks, **more})


def test_a_workflow_is_started_with_arguments_and_goes_on_from_its_checkpoint(demo):
    from polarnight.web.jobs.running import Run

    client = demo.client("operator")
    body = {"kind": "workflow", "name": "look", "text": _workflow(), "arguments": ["0"]}
    job = post(client, "", **body).json()
    assert job["arguments"]["arguments"] == ["0"]
    early = post(client, f"/{job['id']}/resume")
    assert early.status_code == 409
    assert "start it again" in early.json()["detail"]
    assert Run(job["id"]).to_the_end() == "done"
    run = client.get(f"/api/v1/jobs/{job['id']}").json()["result"]["workflow"]
    state = client.get("/api/v1/ophidia/workflow", {"jobid": run}).json()
    assert [(n["name"], n["status"]) for n in state["graph"]["nodes"]] == [
        ("a", "completed"),
        ("b", "completed"),
    ]
    other = demo.client("admin").post(f"/api/v1/jobs/{job['id']}/resume")
    assert other.status_code == 409
    assert "cubes are those of operator" in other.json()["detail"]
    page = client.get(f"/jobs/{job['id']}/").content.decode()
    assert 'id="resume"' in page
    assert 'id="resume"' not in demo.client("admin").get(f"/jobs/{job['id']}/").content.decode()
    again = client.post(f"/api/v1/jobs/{job['id']}/resume?checkpoint=half")
    assert again.status_code == 201, again.content
    assert again.json()["title"] == "workflow look, resumed"
    number = again.json()["id"]
    assert Run(number).to_the_end() == "done", Job.objects.get(pk=number).error
    resumed = Job.objects.get(pk=number).result["workflow"]
    assert resumed != run
    assert client.get("/api/v1/ophidia/workflow", {"jobid": resumed}).json()["over"] is True
    nowhere = client.post(f"/api/v1/jobs/{job['id']}/resume?checkpoint=nowhere").json()["id"]
    assert Run(nowhere).to_the_end() == "failed"
    assert "no checkpoint or task 'nowhere'" in Job.objects.get(pk=nowhere).error


def test_a_workflow_with_faults_is_refused_with_all_of_them(demo):
    client = demo.client("operator")
    text = _workflow().replace('"b", "operator": "oph_list"', '"b", "operator": "oph_nothing"')
    answer = post(client, "", kind="workflow", text=text)
    assert answer.status_code == 409, answer.content
    told = answer.json()["detail"]
    assert "oph_nothing" in told
    assert "$1 in 'level=$1' was not given" in told
    assert not Job.objects.exists()
    checked = client.post(
        "/api/v1/ophidia/workflow/check",
        json.dumps({"text": _workflow(), "arguments": ["0"]}),
        content_type="application/json",
    ).json()
    assert checked["ok"] is True


def test_failed_frames_alone_are_tried_again(demo):
    client = demo.client("operator")
    job = reduce(client, force=True).json()
    assert client.post(f"/api/v1/jobs/{job['id']}/retry").status_code == 409
    failed = [[f"{NIGHT}/BLLac-0099R.fit", "12 stars; open the frame and look at it"]]
    Job.objects.update(state=JobState.DONE, result={"n_failed": 1, "failed": failed})
    page = client.get(f"/jobs/{job['id']}/").content.decode()
    assert 'data-again="retry"' in page
    assert '<span class="bad-text">12 stars</span>' in page
    assert "open the frame and look at it" in page
    again = client.post(f"/api/v1/jobs/{job['id']}/retry")
    assert again.status_code == 201, again.content
    asked = again.json()["arguments"]
    assert (asked["force"], asked["retry_failed"], asked["nights"]) == (False, True, [NIGHT])


def test_progress_tells_what_is_left(demo):
    from datetime import timedelta

    from django.utils import timezone

    now = timezone.now()
    job = Job.objects.create(
        kind="reduce", title="x", who="operator", state="running", worker="elsewhere:1",
        arguments={"nights": [NIGHT], "only": None, "force": False, "retry_failed": False},
        stage="reducing frames", started=now - timedelta(seconds=50), heartbeat=now,
        stage_since=now - timedelta(seconds=30), n_done=10, n_total=40,
    )  # fmt: skip
    told = demo.client("viewer").get(f"/api/v1/jobs/{job.pk}").json()
    assert (told["remaining"], told["seconds"]) == (90.0, 50.0)
    Job.objects.update(n_done=0)
    assert demo.client("viewer").get(f"/api/v1/jobs/{job.pk}").json()["remaining"] is None


def test_the_log_is_filtered_by_level(demo):
    job = Job.objects.create(kind="reduce", title="x", who="operator", state="done", log="logs/x")
    path = demo.root / "logs" / "x"
    path.parent.mkdir(exist_ok=True)
    lines = ["10:00:00 INFO begins", "10:00:01 WARNING odd", "10:00:02 ERROR broken", "  at line 3"]
    path.write_text("\n".join([*lines, "10:00:03 INFO goes on"]))
    client = demo.client("operator")

    def shown(level):
        return client.get(f"/api/v1/jobs/{job.pk}/log?level={level}").json()

    assert shown("") == [*lines, "10:00:03 INFO goes on"]
    assert shown("WARNING") == lines[1:]
    assert shown("ERROR") == lines[2:]
    assert client.get(f"/api/v1/jobs/{job.pk}/log?level=LOUD").status_code == 422
