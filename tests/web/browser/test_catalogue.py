"""The catalogue, the logs, users and the admin site in a real browser."""

from __future__ import annotations

import re

import pytest

from .conftest import SCHEMES

expect = pytest.importorskip("playwright.sync_api").expect


@pytest.fixture(scope="module")
def served(own_site):
    """A site for this module: what it adds, ignores and refuses would surprise others."""
    return own_site


def test_a_source_is_added_and_edited(visit):
    visitor = visit("observer")
    page = visitor.page
    visitor.go("/sources/add/")
    page.fill("#id_name", "Mrk 501")
    page.fill("#id_ra_hms", "16h53m52.2s")
    page.fill("#id_dec_dms", "+39:85:00")
    page.wait_for_selector("text=minutes and seconds end at 60")
    page.fill("#id_dec_dms", "+39:45:36.6")
    page.wait_for_selector("#place:has-text('253.467500° 39.760167°')")
    assert page.locator(".errorlist").count() == 0
    page.fill("#id_other_names", "2200 420")
    page.wait_for_selector("#hints li:has-text('is a name of 2200+420 too')")
    visitor.picture("source-add-hints")
    visitor.expected.append("409")
    page.click("button:has-text('Save')")
    page.wait_for_selector("text=Look at this before saving")
    page.fill("#id_other_names", "4C 39.49")
    page.fill("[name=why]", "new campaign")
    page.click("text=Save all the same")
    page.wait_for_selector("h1:has-text('Mrk 501')")
    assert "16:53:52.2000 +39:45:36.600" in page.inner_text("table.facts")
    assert "new campaign" in page.inner_text(".history")
    page.click("a:text-is('Edit')")
    page.fill("#id_mag_R", "13.5")
    page.click("button:has-text('Save')")
    page.wait_for_selector("td:has-text('13.500 mag')")
    page.click("summary:has-text('Write')")
    page.fill("textarea[name=comment]", "**bright** <b>not bold</b>")
    page.click("text=Save comment")
    page.wait_for_selector(".prose strong")
    assert "<b>not bold</b>" in page.inner_text(".prose")


def test_sources_are_imported(visit, tmp_path):
    visitor = visit("operator")
    page = visitor.page
    file = tmp_path / "mine.csv"
    file.write_text(
        "name,ra_hms,dec_dms,mag_R,calibrates\n2200+420,22:02:43.29,+42:16:39.9,14.2,\n"
        "Star <b>,22:02:41.0,+42:15:00,12.8,2200+420\n"
    )
    visitor.go("/sources/import/")
    page.set_input_files("[name=file]", file)
    page.click("text=Look at the changes")
    page.wait_for_selector("table.changes")
    assert "1 sources added, 1 changed" in page.inner_text("h2")
    visitor.picture("source-import-preview")
    page.click("button:text-is('Import')")
    page.wait_for_selector(".note.success")
    visitor.go("/sources/?kind=calibrators&q=star")
    assert page.locator("th a:text-is('Star <b>')").count() == 1


def test_logs_are_filtered(visit, served):
    path = served.root / "logs" / "browser.log"
    lines = [f"2022-09-18 22:00:00 INFO x: line {n}" for n in range(2000)]
    lines[1500] = "2022-09-18 22:00:00 ERROR x: <img src=x onerror=alert(1)> broke"
    path.write_text("\n".join(lines) + "\n")
    visitor = visit("operator")
    page = visitor.page
    visitor.go("/logs/?log_file=browser.log")
    page.wait_for_selector("#lines div:has-text('line 1999')")
    shown = page.locator("#lines div")
    expect(shown).to_have_count(500)
    page.click("#older")
    page.wait_for_selector("#lines div:has-text('line 1000')")
    page.check("[name=level][value=ERROR]", force=True)
    expect(shown).to_have_count(1)
    assert page.inner_text("#lines").strip() == lines[1500]
    page.uncheck("[name=level][value=ERROR]", force=True)
    page.fill("[name=text]", "LINE 199")
    expect(shown).to_have_count(11)
    assert page.locator("#lines mark").first.inner_text() == "line 199"
    assert re.search(r"log_file=browser.log&text=LINE\+199", page.url)
    visitor.picture("logs-filtered")
    page.fill("[name=text]", "")
    page.wait_for_selector("#lines div:has-text('line 1999')")
    page.check("[name=follow]")
    with path.open("a") as out:
        out.write("2022-09-18 22:00:01 WARNING x: just now\n")
    page.wait_for_selector("#lines div.WARNING:has-text('just now')")


def test_a_user_is_made_and_a_token_used(visit, served):
    admin = visit("admin")
    page = admin.page
    admin.go("/users/")
    page.fill("[name=username]", "newcomer")
    page.select_option(".ask select[name=group]", "observer")
    page.click("text=Add and make link")
    link = page.inner_text("#link")
    admin.picture("users-link")
    stranger = visit()
    there = stranger.page
    there.goto(link)
    there.fill("#id_new_password1", "an even longer quiet night")
    there.fill("#id_new_password2", "an even longer quiet night")
    for scheme in SCHEMES:
        stranger.look(scheme)
        assert stranger.fits()
        stranger.picture(f"password-choose-{scheme}")
    there.click("button:has-text('Keep it')")
    there.fill("[name=username]", "newcomer")
    there.fill("[name=password]", "an even longer quiet night")
    there.click("main button[type=submit]")
    there.wait_for_selector("summary:has-text('newcomer')")
    stranger.go("/account/")
    there.fill("#id_name", "script")
    there.click("text=Make token")
    header = {"Authorization": f"Bearer {there.inner_text('#secret')}", "Cookie": ""}
    sources = there.request.get(f"{served.url}/api/v1/sources", headers=header)
    assert sources.json()["items"][0]["name"] == "2200+420"
    admin.go("/users/tokens/")
    page.click("tr:has-text('newcomer') button:has-text('Revoke')")
    refused = there.request.get(f"{served.url}/api/v1/sources", headers=header)
    assert refused.status == 401
    admin.go("/users/")
    page.click("tr:has-text('newcomer') button:has-text('Disable')")
    stranger.go("/")
    assert "/login/" in there.url


def test_frames_are_ignored_in_the_admin_site(visit):
    visitor = visit("admin")
    page = visitor.page
    visitor.go("/admin/polarnight/rawfit/?filename=^BLLac-0001R\\.fit")
    page.check("tbody tr:first-child .action-select")
    page.select_option("select[name=action]", "ignore")
    page.fill("[name=why]", "a tram passed")
    page.click(".actions button[type=submit]")
    page.wait_for_selector("text=1 of 1 rows: ignored in subsequent runs")
    page.click("summary:has-text('By flags')")
    page.select_option("select[name=flags]", "IGNORE")
    page.click("form.pn-filter:has(select[name=flags]) button")
    page.wait_for_selector("tbody tr")
    assert page.locator("tbody .field-filename").all_inner_texts() == ["BLLac-0001R.fit"]
    visitor.picture("admin-ignored")
    visitor.go("/users/audit/?text=tram")
    assert "IGNORE set" in page.inner_text("table")
