"""What workflows answered is for their owner and for those who read logs."""

from __future__ import annotations

import json

import pytest

from polarnight.web.access import allowed
from polarnight.web.access.roles import Action, may_read_work
from polarnight.web.models import Job

RUN = "http://site/sessions/abc123/experiment?7#1"


@pytest.fixture
def jobs(site):
    result = {"workflow": RUN, "answer": {"response": [{"objkey": "secret_task"}]}, "new": 3}
    return {
        who: Job.objects.create(
            kind="workflow", title="run w", who=who, state="done", exit_code=0, result=result,
            arguments={"text": "{}", "name": "w"},
        ).pk
        for who in ("operator", "observer")
    }  # fmt: skip


@pytest.mark.parametrize(
    ("role", "owner", "reads"),
    [
        ("viewer", "operator", False),
        ("observer", "operator", False),
        ("observer", "observer", True),  # who was an operator once
        ("operator", "operator", True),
        ("admin", "operator", True),
    ],
)
def test_answers_of_workflows(site, jobs, role, owner, reads):
    client, pk = site.client(role), jobs[owner]
    told = client.get(f"/api/v1/jobs/{pk}").json()["result"]
    listed = client.get("/api/v1/jobs", {"who": owner}).json()["items"][0]["result"]
    page = client.get(f"/jobs/{pk}/")
    assert page.status_code == 200
    assert told == listed
    assert told["new"] == 3
    for text in (json.dumps(told), page.content.decode()):
        assert ("abc123" in text) is reads
    assert ("answer" in told) is reads


def test_a_token_of_the_owner_that_may_only_look_reads_its_own(site):
    user = site.user("observer")
    assert not allowed(user, Action.LOGS)
    assert may_read_work(user, "observer")
    user.is_active = False
    assert not may_read_work(user, "observer")
