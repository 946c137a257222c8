"""The admin site: who may, what is shown, filters, actions, and how many queries it takes."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date

import pytest

from polarnight.db import AperPhotResult, AstroSource, Epoch, PhotoPolResult, RawFit, ReducedFit
from polarnight.db.models.audit import FlagChange
from polarnight.db.models.masters import MasterBias
from polarnight.web.access import Role
from polarnight.web.admin import admin_site
from polarnight.web.models import ActionLog, ApiToken, Job

FLAGS = RawFit.Flags


def make_frames(n, epoch=None, **more):
    """Make raw and reduced frames of a night, each with a target in the field."""
    epoch = epoch or Epoch.create("OSN-T090/2022-09-18")
    place = {"ra_hms": "22:02:43", "dec_dms": "+42:16:40"}
    source, _ = AstroSource.objects.get_or_create(name="2200+420", defaults=place)
    values = {"instrument": "AndorT90", "imgtype": "LIGHT", "imgsize": "1024x1024", **more}
    first = RawFit.objects.count()
    raws = [RawFit(epoch=epoch, filename=f"BLLac-{first + i:04d}R.fit", **values) for i in range(n)]
    raws = RawFit.objects.bulk_create(raws)
    reduced = ReducedFit.objects.bulk_create([ReducedFit.from_rawfit(raw) for raw in raws])
    for one in reduced:
        one.sources_in_field.add(source)
    return raws, reduced, source


def names(answer):
    return re.findall(r"BLLac-\d{4}R\.fit", answer.content.decode())


def shown(client, query="", model="rawfit"):
    answer = client.get(f"/admin/polarnight/{model}/?{query}")
    assert answer.status_code == 200, query
    return sorted(set(names(answer)))


def test_only_administrators_enter(site, nobody):
    for role, status in (
        (None, 302), ("viewer", 403), ("observer", 403), ("operator", 403), ("admin", 200),
    ):  # fmt: skip
        assert site.client(role).get("/admin/", follow=False).status_code in {status, 302}
        final = site.client(role).get("/admin/polarnight/rawfit/", follow=True)
        assert final.status_code == (200 if role in (None, "admin") else 403), role
        assert (b"Select raw frame" in final.content) is (role == "admin")


def test_every_table_and_row_is_shown_and_none_can_be_changed(demo):
    ApiToken.issue(demo.user("viewer"), "t", Role.VIEWER, 3)
    Job.objects.create(kind="reduce", title="a job", who="x")
    ActionLog.record("x", "y")
    client = demo.client("admin")
    assert client.get("/admin/").status_code == 200
    for model in admin_site._registry:
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        answer = client.get(base)
        assert answer.status_code == 200, base
        assert client.get(f"{base}add/").status_code == 403
        row = model._default_manager.first()
        if row is None:
            continue
        page = client.get(f"{base}{row.pk}/change/")
        assert page.status_code == 200, base
        assert b'name="_save"' not in page.content
        assert client.post(f"{base}{row.pk}/change/", {}).status_code == 403
        assert client.post(f"{base}{row.pk}/delete/", {"post": "yes"}).status_code == 403
        assert model._default_manager.filter(pk=row.pk).exists()


def test_secrets_are_nowhere(site):
    token, _ = ApiToken.issue(site.user("viewer"), "t", Role.VIEWER, 3)
    password = site.user("viewer").password
    client = site.client("admin")
    for path in ("apitoken/", f"apitoken/{token.pk}/change/"):
        assert token.digest not in client.get(f"/admin/polarnight_web/{path}").content.decode()
    page = client.get(f"/admin/auth/user/{site.user('viewer').pk}/change/").content.decode()
    assert password not in page
    assert "pbkdf2" not in page


@pytest.mark.parametrize(
    "model", ["rawfit", "reducedfit", "epoch", "aperphotresult", "photopolresult", "astrosource"]
)
def test_queries_do_not_grow_with_the_rows(site, model):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def add(n, night):
        epoch = Epoch.create(f"OSN-T090/2022-09-{night:02d}")
        _, reduced, source = make_frames(n, epoch)
        for i, frame in enumerate(reduced):
            AperPhotResult.objects.create(
                reducedfit=frame, astrosource=source, aperpix=5.0 + i, r_in=8, r_out=12, pairs="O"
            )
            PhotoPolResult.objects.create(
                identity=f"{night}-{i}", epoch=epoch, astrosource=source, reduction="relphot",
                instrument="AndorT90", obsmode="PHOTOMETRY", band="R", juliandate=2459841.0 + i,
            )  # fmt: skip
            AstroSource.objects.create(
                name=f"s{night}-{i}", ra_hms=f"1{i}:00:00", dec_dms="+01:00:00"
            )

    client = site.client("admin")
    url = f"/admin/polarnight/{model}/" + ("?previews=on" if model.endswith("fit") else "")

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url).status_code == 200
        return len(captured)

    add(2, 1)
    few = queries()
    add(8, 2)
    add(3, 3)
    assert queries() <= few
    assert few <= 25


def test_flags_at_least_and_exactly(site):
    raws, _, _ = make_frames(4)
    for raw, flags in zip(
        raws,
        (0, FLAGS.CLASSIFIED, FLAGS.CLASSIFIED | FLAGS.ERROR, FLAGS.ERROR),
        strict=True,
    ):
        RawFit.objects.filter(pk=raw.pk).update(machine_flags=int(flags))
    client = site.client("admin")
    every = [raw.filename for raw in raws]
    assert shown(client) == every
    assert shown(client, "flags=CLASSIFIED") == every[1:3]
    assert shown(client, "flags=CLASSIFIED&flags=ERROR") == every[2:3]
    assert shown(client, "flags=CLASSIFIED&flags_mode=exactly") == every[1:2]
    assert shown(client, "flags_mode=exactly") == every[:1]
    assert shown(client, "flags=NONSENSE") == []


def test_filters_of_frames(site):
    raws, _, _ = make_frames(3)
    RawFit.objects.filter(pk=raws[1].pk).update(imgsize="512x512", filename="BLLac-0777R.fit")
    other = Epoch.create("OSN-T150/2023-01-02")
    (there,), _, _ = make_frames(1, other)
    client = site.client("admin")
    assert shown(client, f"id_is={raws[0].pk}") == [raws[0].filename]
    assert shown(client, "id_is=x") == []
    assert shown(client, "night=2023-01-02") == [there.filename]
    assert shown(client, "night=230102") == [there.filename]
    assert shown(client, "night=never") == []
    assert shown(client, "epoch__telescope=OSN-T150") == [there.filename]
    assert shown(client, "imgsize_is=512x512") == ["BLLac-0777R.fit"]
    assert shown(client, r"filename=^BLLac-07\d%2BR") == ["BLLac-0777R.fit"]
    assert shown(client, "filename=BLLac&flags=ERROR") == []
    assert len(shown(client, "instrument=AndorT90", "reducedfit")) == 4


@pytest.mark.parametrize(("night", "n"), [("2022-09-18", 1), ("2022-09-19", 0), ("x", 0)])
def test_nights_by_date(site, night, n):
    from polarnight.db.models import Epoch

    Epoch.objects.create(telescope="OSN-T090", night=date(2022, 9, 18))
    page = site.client("admin").get("/admin/polarnight/epoch/", {"night": night})
    assert page.status_code == 200
    assert page.context["cl"].result_count == n


def test_a_pattern_that_runs_away_is_refused(site):
    make_frames(1)
    page = site.client("admin").get("/admin/polarnight/rawfit/?filename=(a%2B)%2Bb", follow=True)
    assert "no groups" in page.content.decode()


def test_previews_are_shown_where_asked(site):
    make_frames(1)
    client = site.client("admin")
    assert b"preview.png" not in client.get("/admin/polarnight/rawfit/").content
    page = client.get("/admin/polarnight/rawfit/?previews=on").content.decode()
    assert re.search(r'src="/api/v1/frames/raw/\d+/preview.png\?side=256"', page)


def post_action(client, model, keys, action, why):
    data = {"action": action, "_selected_action": keys, "why": why, "index": 0}
    return client.post(f"/admin/polarnight/{model}/", data, follow=True)


@pytest.mark.parametrize("model", ["rawfit", "masterbias"])
def test_ignoring_goes_through_the_audit(site, model):
    epoch = Epoch.create("OSN-T090/2022-09-18")
    if model == "rawfit":
        row = make_frames(1, epoch)[0][0]
    else:
        row = MasterBias.objects.create(
            key="OSN-T090/2022-09-18/x",
            epoch=epoch,
            instrument="x",
            imgsize="1x1",
            imgbinning="1x1",
        )
    client = site.client("admin")
    answer = post_action(client, model, [row.pk], "ignore", " ")
    assert b"write down the reason" in answer.content
    assert not FlagChange.objects.exists()
    post_action(client, model, [row.pk], "ignore", "a tram passed")
    row.refresh_from_db()
    assert row.flag_labels == ["IGNORE"]
    change = FlagChange.objects.get()
    assert (change.who, change.why, change.what) == ("admin", "a tram passed", "IGNORE set")
    post_action(client, model, [row.pk], "use_again", "it did not")
    row.refresh_from_db()
    assert row.flag_labels == []
    assert FlagChange.objects.count() == 2


def test_action_needs_the_token_of_a_form(site):
    from django.test import Client

    row = make_frames(1)[0][0]
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(site.user("admin"), backend="django.contrib.auth.backends.ModelBackend")
    assert post_action(strict, "rawfit", [row.pk], "ignore", "x").status_code == 403
    assert not FlagChange.objects.exists()


def test_headers_stay_text(site):
    evil = "<script>alert(1)</script>"
    raws, _, source = make_frames(1, object_name=evil, error=evil)
    AstroSource.objects.filter(pk=source.pk).update(name=evil, comment=evil)
    client = site.client("admin")
    for path in (
        "rawfit/", f"rawfit/{raws[0].pk}/change/", "reducedfit/", "astrosource/?calibrators=all",
        f"astrosource/{source.pk}/change/",
    ):  # fmt: skip
        page = client.get(f"/admin/polarnight/{path}").content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_our_own_log_in_and_password_pages(site):
    client = site.client()
    assert client.get("/admin/polarnight/rawfit/")["Location"].startswith("/admin/login/")
    answer = client.get("/admin/login/?next=/admin/polarnight/rawfit/")
    assert answer["Location"] == "/login/?next=%2Fadmin%2Fpolarnight%2Frawfit%2F"
    assert site.client("admin").get("/admin/password_change/")["Location"] == "/account/"


def test_no_inline_script_and_nothing_from_elsewhere(site):
    make_frames(2)
    page = site.client("admin").get("/admin/polarnight/rawfit/").content.decode()
    for script in re.findall(r"<script\b([^>]*)>", page):
        assert re.search(r'src="/(static|admin)/', script) or "application/json" in script
    assert not re.findall(r'\son\w+="', page)
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)


def test_sources_are_targets_unless_asked(site):
    target = AstroSource.objects.create(name="aim", ra_hms="01:00:00", dec_dms="+01:00:00")
    star = AstroSource.objects.create(name="star 1", ra_hms="01:00:09", dec_dms="+01:00:00")
    star.calibrates.add(target)
    client = site.client("admin")

    def rows(query):
        page = client.get(f"/admin/polarnight/astrosource/?{query}").content.decode()
        return [name for name in ("aim", "star 1") if f">{name}</a>" in page]

    assert rows("") == ["aim"]
    assert rows("calibrators=only") == ["star 1"]
    assert rows("calibrators=all") == ["aim", "star 1"]


def test_previews_stay_until_they_are_hidden(site):
    make_frames(1)
    client = site.client("admin")
    lists = ("rawfit/", "rawfit/?previews=on", "reducedfit/", "reducedfit/?previews=off", "rawfit/")
    pages = [client.get(f"/admin/polarnight/{one}").content for one in lists]
    seen = [b"pn-preview" in page for page in pages]
    assert seen == [False, True, True, False, False]


def test_a_night_tells_the_flags_of_its_frames_and_leads_to_them(site):
    raws, _, _ = make_frames(2)
    raws[0].set_flag(FLAGS.CLASSIFIED)
    raws[0].save()
    raws[1].set_flag(FLAGS.ERROR_DOWNLOAD)
    raws[1].save()
    client = site.client("admin")
    text = client.get("/admin/polarnight/epoch/").content.decode()
    assert "ERROR_DOWNLOAD, CLASSIFIED" in text
    link = re.search(r'href="(/admin/polarnight/rawfit/[^"]+)"', text)[1].replace("&amp;", "&")
    assert len(set(names(client.get(link)))) == 2


def test_from_a_result_to_its_frames_apertures_and_diagnostic(demo):
    result = PhotoPolResult.objects.filter(reduction="relpol").first()
    client = demo.client("admin")
    text = client.get(f"/admin/polarnight/photopolresult/?id_is={result.pk}").content.decode()
    assert f'href="/results/{result.pk}/"' in text
    for model, number in (("reducedfit", result.n_frames), ("aperphotresult", None)):
        link = f"/admin/polarnight/{model}/?result={result.pk}"
        assert f'href="{link}"' in text
        rows = re.findall(
            r'name="_selected_action"|class="field-id"', client.get(link).content.decode()
        )
        assert len(rows) >= (number or result.aperphotresults.count())
    aperture = result.aperphotresults.first()
    listed = client.get(f"/admin/polarnight/aperphotresult/?result={result.pk}").content.decode()
    assert f'href="/apertures/{aperture.pk}/"' in listed
    assert f'src="/api/v1/apertures/{aperture.pk}/thumbnail.png"' in listed


def test_a_master_leads_to_what_it_was_built_from(demo):
    bias = MasterBias.objects.first()
    client = demo.client("admin")
    link = f"/admin/polarnight/rawfit/?bias_master={bias.pk}"
    assert f'href="{link}"' in client.get("/admin/polarnight/masterbias/").content.decode()
    text = client.get(link).content.decode()
    assert text.count('name="_selected_action"') == bias.rawfits.count()


def test_sources_with_last_magnitude_exposures_and_comment(demo):
    source = AstroSource.objects.get(name="2200+420")
    source.comment = "bright " * 30
    source.save()
    text = demo.client("admin").get("/admin/polarnight/astrosource/").content.decode()
    row = text.partition("2200+420")[2].partition("</tr>")[0]
    assert re.search(r"field-last_mag[^>]*>13\.\d+", row)
    assert re.search(r"field-andor90[^>]*>\d+", row)
    assert re.search(r"field-dipol[^>]*>\d+ × \d", row)
    assert "bright bright" in row
    assert "…" in row
    assert f"/sources/{source.pk}/field-stars/" in row


def test_a_night_tells_the_keywords_of_its_headers(demo):
    from polarnight.frames import read_header
    from polarnight.frames.cards import COMMENTARY

    night = RawFit.objects.order_by("epoch", "pk").first().epoch
    text = demo.client("admin").get(f"/admin/polarnight/epoch/{night.pk}/change/").content.decode()
    frames = list(RawFit.objects.filter(epoch=night))
    assert f"{len(frames)} of {len(frames)} raw frames were read" in text
    counts = Counter(key for one in frames for key in set(read_header(one.filepath)) - COMMENTARY)
    for key, count in counts.items():
        assert f"<code>{key}</code></th><td>{count}</td>" in text, key
