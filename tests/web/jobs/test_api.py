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
    broken = start(kind="workflow", text=text.replace("oph_list", "oph_nothing"), name="broken")
    assert Run(broken.pk).to_the_end() == "failed"
    broken.refresh_from_db()
    assert "oph_nothing" in broken.error


def test_what_failed_leads_to_its_frame(demo):
    job = Job.objects.create(
        kind="reduce", title="x", who="operator", state="done", exit_code=1,
        arguments={"nights": [NIGHT], "only": None, "force": False, "retry_failed": False},
        result={"failed": [[f"{NIGHT}/BLLac-0099R.fit", "too few"], ["polarization", "none"]]},
    )  # fmt: skip
    page = demo.client("viewer").get(f"/jobs/{job.pk}/").content.decode()
    assert f'href="/nights/{NIGHT}/?text=BLLac-0099R.fit#frames"' in page
    assert "<code>polarization</code> none" in page
    assert "1: some of it failed" in page
