"""The page of a result and of an aperture, their pictures, and what people say there."""

from __future__ import annotations

import io

import pytest
from PIL import Image

API = "/api/v1"


def result_of(reduction):
    from polarnight.db import PhotoPolResult

    rows = PhotoPolResult.objects.filter(reduction=reduction, aperphotresults__isnull=False)
    return rows.distinct().order_by("pk").first()


@pytest.mark.parametrize("reduction", ["relphot", "relpol"])
def test_page_of_a_result(demo, reduction):
    row = result_of(reduction)
    answer = demo.client("viewer").get(f"/results/{row.pk}/")
    assert answer.status_code == 200
    text = answer.content.decode()
    frames = list(row.reducedfits.all())
    for frame in frames:
        assert f'href="/frames/reduced/{frame.pk}/"' in text
        assert f'href="/frames/raw/{frame.rawfit_id}/"' in text
        assert f'href="/frames/bias/{frame.masterbias_id}/"' in text
    for aperture in row.aperphotresults.all():
        assert f'href="/apertures/{aperture.pk}/"' in text
        assert f'src="/api/v1/apertures/{aperture.pk}/thumbnail.png"' in text
    assert f"{row.mag:.3f} ± {row.mag_err:.3f}" in text
    assert f'href="/nights/{row.epoch.telescope}/{row.epoch.night}/"' in text
    assert ("Modulation" in text) is (reduction == "relpol")
    if reduction == "relpol":
        assert f"{100 * row.p:.3f} ± {100 * row.p_err:.3f}" in text
        assert "the result</span>" in text
        assert "Computed anew" not in text


def test_the_way_to_a_result(demo):
    """From the API, the table of sources and the graph of a frame."""
    row = result_of("relpol")
    client = demo.client("viewer")
    told = client.get(f"{API}/results/{row.pk}").json()
    assert told["page"] == f"/results/{row.pk}/"
    assert told["apertures"] == sorted(row.aperphotresults.values_list("pk", flat=True))
    masters = {one["kind"]: one for one in told["frames"][0]["masters"]}
    assert masters["bias"]["id"] == row.reducedfits.order_by("juliandate").first().masterbias_id
    assert masters["bias"]["reason"]
    frame = client.get(f"/frames/reduced/{told['frames'][0]['id']}/").content.decode()
    assert f'href="/results/{row.pk}/"' in frame
    source = client.get(f"/sources/{row.astrosource_id}/").content.decode()
    assert "/results/" in source


@pytest.mark.parametrize("what", ["modulation", "zero-point"])
def test_numbers_and_pictures(demo, what):
    row = result_of("relpol")
    client = demo.client("viewer")
    told = client.get(f"{API}/results/{row.pk}/{what}").json()
    assert told["differs"] == ""
    if what == "modulation":
        (own,) = [one for one in told["methods"] if one["of_result"]]
        assert own["q"] == pytest.approx(row.q_nocorr, abs=1e-5)
        assert own["p"] == pytest.approx(row.p, rel=1e-3)
        assert len(own["residual"]) == len(told["angles"]) == row.n_frames
    else:
        assert told["kept"]["value"] == row.mag_zp
        assert len(told["calibrators"]) == row.zp_n
    base = f"{API}/results/{row.pk}/{what}/picture"
    for kind, start in (("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")):
        answer = client.get(base, {"kind": kind})
        assert answer.content.startswith(start)
    answer = client.get(base)
    again = client.get(base, headers={"If-None-Match": answer["ETag"]})
    assert again.status_code == 304
    assert client.get(base, {"kind": "gif"}).status_code == 422


def test_photometry_has_no_modulation(demo):
    row = result_of("relphot")
    for path in ("modulation", "modulation/picture"):
        answer = demo.client("viewer").get(f"{API}/results/{row.pk}/{path}")
        assert answer.status_code == 404
        assert "only polarimetry" in answer.json()["detail"]


def test_apertures(demo):
    row = result_of("relpol")
    client = demo.client("viewer")
    told = client.get(f"{API}/apertures", {"result": row.pk}).json()
    assert told["count"] == row.aperphotresults.count()
    one = told["items"][0]
    assert client.get(f"{API}/apertures/{one['id']}").json() == one
    page = client.get(f"/apertures/{one['id']}/").content.decode()
    assert f'href="/results/{row.pk}/"' in page
    picture = client.get(f"{API}/apertures/{one['id']}/picture")
    assert Image.open(io.BytesIO(picture.content)).size == (900, 800)
    small = client.get(f"{API}/apertures/{one['id']}/thumbnail.png")
    assert Image.open(io.BytesIO(small.content)).size == (128, 128)
    again = client.get(f"{API}/apertures/{one['id']}/picture",
                       headers={"If-None-Match": picture["ETag"]})  # fmt: skip
    assert again.status_code == 304


def test_an_aperture_whose_file_is_gone(demo):
    """Words in place of a picture, and the page still opens."""
    from polarnight.db import ReducedFit

    aperture = result_of("relphot").aperphotresults.first()
    ReducedFit.objects.filter(pk=aperture.reducedfit_id).update(path="calibration/gone.fit")
    client = demo.client("viewer")
    assert client.get(f"/apertures/{aperture.pk}/").status_code == 200
    answer = client.get(f"{API}/apertures/{aperture.pk}/picture")
    assert answer.status_code == 404
    assert "the file is not there" in answer.json()["detail"]


def test_flags_comments_and_the_way_back(demo):
    row = result_of("relphot")
    observer = demo.client("observer")
    path = f"{API}/results/{row.pk}"

    def post(action, body=None):
        return observer.post(f"{path}/{action}", body or {}, content_type="application/json")

    flag = {"flag": "BAD_PHOTOMETRY", "value": True, "why": "a cloud"}
    state = post("flags", flag).json()
    assert state["history"][0]["why"] == "a cloud"
    assert state["history"][0]["who"] == "observer"
    row.refresh_from_db()
    assert "BAD_PHOTOMETRY" in row.flag_labels
    assert post("flags", {**flag, "why": " "}).status_code == 400
    assert post("flags", {**flag, "flag": "NOTHING"}).status_code == 400
    assert post("flags", {**flag, "why": "\x00"}).status_code == 400
    state = post("undo").json()
    assert not any(flag["on"] for flag in state["flags"] if flag["name"] == "BAD_PHOTOMETRY")
    html = post("comment", {"text": "*good* <script>x</script>"}).json()["comment_html"]
    assert "<em>good</em>" in html
    assert "<script>" not in html
    assert demo.client("viewer").post(f"{path}/flags", flag).status_code == 403
    assert len(observer.get(f"{path}/judgement").json()["history"]) == 3
