"""The frame of all pages: scheme, menu, keyboard, log-in and log-out, tokens, first page."""

from __future__ import annotations


def test_the_scheme_is_chosen_and_kept(visit):
    visitor = visit("viewer", "light")
    page = visitor.page
    visitor.go("/")
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.click("#theme")
    dark = page.evaluate(colour)
    assert dark != light
    visitor.go("/about/")
    assert page.evaluate(colour) == dark
    page.click("#theme")
    assert page.evaluate(colour) == light


def test_a_token_is_shown_once_and_works(visit, served):
    visitor = visit("observer")
    visitor.go("/account/")
    page = visitor.page
    page.fill("#id_name", "a script <b>bold</b>")
    page.select_option("#id_scope", "viewer")
    page.click("text=Make token")
    secret = page.inner_text("#secret")
    answer = page.request.get(
        served.url + "/api/v1/me", headers={"Authorization": f"Bearer {secret}", "Cookie": ""}
    )
    assert answer.json()["role"] == "viewer"
    visitor.picture("account-token")
    visitor.go("/account/")
    assert page.locator("#secret").count() == 0
    assert page.locator("th", has_text="a script <b>bold</b>").count() == 1
    page.click("text=Revoke")
    refused = page.request.get(
        served.url + "/api/v1/me", headers={"Authorization": f"Bearer {secret}", "Cookie": ""}
    )
    assert refused.status == 401


def test_the_keyboard_reaches_everything(visit):
    visitor = visit("viewer")
    page = visitor.page
    visitor.go("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.focus("details.menu summary")
    page.keyboard.press("Enter")
    assert page.is_visible("details.menu .panel")
    page.keyboard.press("Escape")
    assert not page.is_visible("details.menu .panel")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_log_out_ends_the_session(visit):
    visitor = visit()
    visitor.log_in("viewer")  # not the session of the other tests
    visitor.page.click("details.menu summary")
    visitor.page.click("text=Log out")
    visitor.page.wait_for_url("**/login/")
    visitor.go("/")
    assert "/login/" in visitor.page.url


def test_the_first_page_keeps_up_with_jobs(visit, served, own_database):
    with own_database(served.root):
        from polarnight.web.models import Job

        job = Job.objects.create(kind="reduce", title="a <b>night</b>", who="ana", state="running")
        visitor = visit("viewer")
        page = visitor.page
        visitor.go("/")
        assert page.inner_text("#jobs th") == "a <b>night</b>"
        Job.objects.filter(pk=job.pk).update(n_done=1, n_total=2, stage="masters")
        page.wait_for_selector("#jobs progress")
        assert page.get_attribute("#jobs progress", "value") == "0.500"
        Job.objects.filter(pk=job.pk).update(state="done")
        page.wait_for_selector("#jobs", state="detached")
