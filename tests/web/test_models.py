"""Tables of the site."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command

from polarnight.web.models import ActionLog, Job, JobState, SavedView


def test_groups_are_there(db):
    assert {"viewer", "observer", "operator", "admin"} <= set(
        Group.objects.values_list("name", flat=True)
    )


def test_models_and_migrations_agree(db):
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_history_is_only_added_to(users):
    entry = ActionLog.record(
        users["admin"], "source edited", "BL Lac", {"p": 1}, {"p": 2}, "typo", "192.0.2.1"
    )
    entry.why = "another reason"
    with pytest.raises(TypeError, match="only ever added"):
        entry.save()
    User.objects.get(username="admin").delete()
    kept = ActionLog.objects.get()
    assert (kept.who, kept.key, kept.before, kept.after) == ("admin", "BL Lac", {"p": 1}, {"p": 2})
    assert (kept.why, kept.ip) == ("typo", "192.0.2.1")


def test_what_it_was_done_to(users, db):
    view = SavedView.objects.create(user=users["viewer"], page="plot", name="x" * 80)
    entry = ActionLog.record("ana", "view kept", view)
    assert (entry.who, entry.kind, entry.key) == ("ana", "SavedView", "x" * 80)
    assert ActionLog.record("ana", "logged in", ip="").ip is None


def test_jobs_outlive_their_user(users):
    job = Job.objects.create(kind="reduce", title="T090", user=users["operator"], who="operator")
    assert job.active
    assert job.fraction is None
    job.n_done, job.n_total = 3, 2
    assert job.fraction == 1.0
    users["operator"].delete()
    job.refresh_from_db()
    assert (job.user, job.who) == (None, "operator")
    assert str(job) == "T090 (queued)"
    job.state = JobState.DONE
    assert not job.active
