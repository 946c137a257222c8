"""What is sent to the browser, and the pictures."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from polarnight.errors import ConfigError


@pytest.fixture
def curve(star):
    from polarnight.web.plots.query import Selection, fetch

    return fetch(Selection(star))


def unpacked(column):
    return np.frombuffer(base64.b64decode(column["data"]), f"<{column['dtype']}")


def test_payload(curve):
    from polarnight.web.plots.payload import payload

    sent = json.loads(json.dumps(payload(curve)))
    columns = {name: unpacked(column) for name, column in sent["columns"].items()}
    assert (sent["total"], sent["hidden"], sent["window"]) == (6, 0, [59841.0, 59846.0])
    assert columns["pk"].astype(int).tolist() == curve.points["pk"].tolist()
    assert columns["flags"].astype(int).tolist() == curve.points["flags"].tolist()
    assert columns["mjd"].tolist() == curve.points["mjd"].tolist()
    np.testing.assert_allclose(columns["p"], curve.points["p"] * 100, rtol=1e-6)
    np.testing.assert_allclose(columns["mag"], curve.points["mag"], rtol=1e-6)
    assert [(one["name"], one["n"]) for one in sent["series"]] == [
        ("AndorT90 R", 5),
        ("DIPOL V", 1),
    ]
    assert columns["series"].tolist() == [0, 1, 0, 0, 0, 0]


def test_nothing_to_send(star):
    from polarnight.web.plots.payload import payload
    from polarnight.web.plots.query import Selection, fetch

    sent = payload(fetch(Selection(star, bands=["I"])))
    assert (sent["total"], sent["window"], sent["series"]) == (0, None, [])
    assert unpacked(sent["columns"]["mag"]).size == 0


def test_colours_can_be_seen():
    from polarnight.web.plots.colours import THEMES, contrast

    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for theme in THEMES.values():
        assert contrast(theme.background, theme.text) > 7
        assert len(set(theme.series)) == 10
        for colour in theme.series:
            assert contrast(theme.background, colour) >= 3, colour


def test_document_has_no_scripts():
    from polarnight.web.plots.document import document

    for theme in ("light", "dark"):
        text = json.dumps(document(theme))
        assert "CustomJS" not in text
        for name in ("points", "shown", "time", "date", "whole", "overview", "panel:qu",
                     "literature:mag"):  # fmt: skip
            assert f'"name": "{name}"' in text, name
        assert len(text) < 100_000


@pytest.mark.parametrize(
    ("kind", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_pictures(curve, star, kind, start):
    from polarnight.web.plots.picture import picture
    from polarnight.web.plots.references import references_of

    data = picture(curve, kind, title="a $ source", references=references_of(star, "RV"),
                   window=(59840, 59850))  # fmt: skip
    assert data.startswith(start)
    assert len(data) > 5000


def test_pictures_of_nothing(star):
    from polarnight.web.plots.picture import picture
    from polarnight.web.plots.query import Selection, fetch

    empty = fetch(Selection(star, bands=["I"]))
    assert picture(empty, "png").startswith(b"\x89PNG")
    with pytest.raises(ConfigError, match="no picture 'gif'; there are png, svg, pdf"):
        picture(empty, "gif")


def test_axes_reach_over_the_errors():
    """Three points of one magnitude look alike only where their errors are seen whole."""
    from bokeh.document import Document

    from polarnight.web.plots.document import document

    read = Document.from_json(document("light")["doc"])
    for name, numbers in {"mag": [0], "p": [1], "chi": [2], "qu": [4]}.items():
        extent = read.get_model_by_name(f"panel:{name}").y_range
        drawn = {renderer.name for renderer in extent.renderers}
        assert drawn >= {f"bars:{number}" for number in numbers}
        assert extent.only_visible
