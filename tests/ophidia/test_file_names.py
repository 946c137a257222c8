"""Names of files that are no text, or that would steer the screen."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from polarnight.ophidia.answers.tables import clean


def _named(client, *names):
    content = client.write("g/a.fits", np.zeros((2, 2), np.int16)).read_bytes()
    for name in names:
        try:
            (client.root / "g" / os.fsdecode(name)).write_bytes(content)
        except OSError:
            pytest.skip("the file system has no such names")


def test_a_name_that_is_no_text_is_listed_and_does_not_stop_the_others(client):
    from polarnight.db.models import CubeJob

    _named(client, b"\xff.fits", b"b.fits")
    listed = client.ok("oph_fs dpath=g")
    rows = listed.as_dict()["response"][0]["objcontent"][0]["rowvalues"]
    assert ["f", "\udcff.fits"] in rows
    assert "\\udcff.fits" in listed.to_json()
    assert json.loads(listed.to_json()) == listed.as_dict()
    response = client.send("oph_importfits src_path=[path=g;file=*];container=C")
    assert "1 of 3 tasks failed" in response.error
    assert "give the file another name" in response.error
    assert len(client.rows("oph_list level=3")) == 3
    assert not CubeJob.objects.filter(status="OPH_STATUS_RUNNING").exists()


@pytest.mark.parametrize("text", ["oph_list level=\udcff", "\udcff", "oph_folder path=\ud800"])
def test_a_command_that_is_no_text_is_refused(client, text):
    assert "unforeseen" not in client.error(text)


def test_the_screen_is_not_steered():
    assert clean("a\x1b[31m\u202eb\udcff\u2067") == "a\\x1b[31m\\u202eb\\udcff\\u2067"
    assert clean("é\n☃") == "é\n☃"


def test_one_that_fails_as_nobody_foresaw_does_not_stop_the_others(client, monkeypatch):
    from polarnight.db.models import CubeJob
    from polarnight.ophidia.operators.fits.importing import ImportFits

    whole = ImportFits.run

    def broken(self, given, context):
        if given["src_path"].endswith("a.fits"):
            raise ZeroDivisionError("by zero")
        return whole(self, given, context)

    monkeypatch.setattr(ImportFits, "run", broken)
    _named(client, b"b.fits")
    response = client.send("oph_importfits src_path=[path=g;file=*];container=C")
    assert "1 of 2 tasks failed" in response.error
    assert "ZeroDivisionError" in response.error
    assert len(client.rows("oph_list level=3")) == 2
    assert not CubeJob.objects.filter(status="OPH_STATUS_RUNNING").exists()
