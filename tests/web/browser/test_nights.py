"""Nights and jobs in a browser: a reduction started, watched and cancelled; one that finishes."""

from __future__ import annotations

import re

import pytest

NIGHT = "OSN-T090/2022-09-18"


@pytest.fixture(scope="module")
def served(own_site):
    """A site for this module, whose results come and go."""
    return own_site


@pytest.fixture
def database(served, own_database):
    """The database of the served site."""
    with own_database(served.root):
        yield


def test_a_reduction_is_started_watched_and_cancelled(visit, database):
    from polarnight.db import Epoch
    from polarnight.web.models import ActionLog, Job

    before = Epoch.objects.get().report
    visitor = visit("operator")
    page = visitor.page
    visitor.go(f"/nights/{NIGHT}/")
    page.check("#reduce input[name=force]")
    page.fill("#reduce input[name=why]", "a look")
    page.click("#reduce button[type=submit]")
    page.wait_for_selector("#panel .chip.running")
    assert page.locator("#reduce").is_hidden()
    page.wait_for_selector("#panel progress[value]")
    assert re.search(r"\d+ of \d+", page.inner_text("#panel"))
    assert page.locator("#panel [aria-live=polite]").inner_text().startswith("running")
    visitor.picture("night-running", full=False)
    page.click("#panel >> text=Cancel")
    page.wait_for_selector("#panel .chip.cancelled", timeout=5000)
    assert "cancelled by operator" in page.inner_text("#panel")
    assert page.locator("#reduce").is_visible()
    job = Job.objects.latest("id")
    assert (job.state, job.who, job.why) == ("cancelled", "operator", "a look")
    assert (job.finished - job.cancel_asked).total_seconds() < 10
    assert Epoch.objects.get().report == before
    actions = ActionLog.objects.filter(key=f"job {job.pk}").order_by("id")
    assert list(actions.values_list("what", flat=True)) == ["job started", "job cancelled"]
    visitor.go(f"/jobs/{job.pk}/")
    assert "Cancelled by operator" in page.inner_text("main")


def test_a_reduction_that_finishes_has_the_numbers_of_the_database(visit, database):
    from polarnight.db import Epoch, PhotoPolResult
    from polarnight.web.models import Job

    PhotoPolResult.objects.all().delete()
    visitor = visit("operator")
    page = visitor.page
    visitor.go(f"/nights/{NIGHT}/")
    page.select_option("#reduce select[name=only]", "")
    page.check("#reduce input[name=force]")
    page.click("#reduce button[type=submit]")
    # A second operator at the same time is told who was first.
    other = visit("admin")
    other.go("/jobs/")
    form = other.page.locator("form[aria-label='Reduce a range of nights']")
    form.locator("input[name=first]").fill("2022-09-01")
    form.locator("input[name=last]").fill("2022-09-30")
    form.locator("input[name=force]").check()
    other.expect("409")
    form.locator("button").click()
    refused = form.locator("[data-told-wrong]")
    refused.wait_for()
    assert "of operator is" in refused.inner_text()
    page.wait_for_url(re.compile(r"\?ended="), timeout=90_000)
    visitor.settle()
    page.wait_for_selector("#panel .chip.done")
    assert "2 failed" in page.inner_text("#panel")
    visitor.picture("night-done", full=False)
    epoch = Epoch.objects.with_counts().get()
    shown = [item.split("\n")[0] for item in page.locator(".figures li").all_inner_texts()]
    assert shown[:5] == [
        str(number) for number in (epoch.n_raw, epoch.n_reduced, epoch.n_solved, epoch.n_results, 2)
    ]
    assert epoch.n_results > 0
    job = Job.objects.latest("id")
    visitor.go(f"/jobs/{job.pk}/")
    assert "2 failed" in page.inner_text("h1")
    visitor.picture("job-done")
    made = page.locator("tr", has_text="reduce").locator("td").first.inner_text()
    assert int(made) == job.result["parts"]["reduce"]["done"]
    assert "BLLac-0099R.fit" in page.inner_text("#log")


def test_what_is_stale_is_told_on_asking(visit):
    visitor = visit("viewer")
    visitor.go(f"/nights/{NIGHT}/")
    visitor.page.click("#stale summary")
    visitor.page.wait_for_selector("#stale table, #stale .good-text", timeout=20_000)
    told = visitor.page.inner_text("#stale [data-list]")
    assert "all is current" in told or "The next run would make" in told
