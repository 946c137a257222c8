"""Light curves of others: read whatever their columns are called, and drawn beside ours."""

from __future__ import annotations

import numpy as np
import pytest

from polarnight.web.plots.asking import selection_of
from polarnight.web.plots.foreign import foreign_of

OURS = """source,mjd,band,instrument,mag,mag_err,p,p_err,chi,chi_err
2200+420,59841.0,R,LT,13.1,0.1,0.10,0.01,20,1
2200 420,59840.0,V,LT,13.5,,,,,
other,59840.5,R,LT,10,0.1,,,,
"""
IOP3 = """name_IAU,filter,mjd_obs,Mag,dMag,P,dP,Theta,dTheta,Telescope
2200+420,R,59842.0,13.2,0.05,9.5,0.5,21,2,T90
"""
ECSV = """# %ECSV 1.0
# ---
# datatype:
# - {name: source, datatype: string}
# - {name: jd, datatype: float64, unit: d}
# - {name: p, datatype: float64, unit: '%'}
source jd p
2200+420 2459843.5 7.5
"""


@pytest.fixture
def shelf(star, datadir):
    root = datadir.crosscheck
    (root / "dipol").mkdir(parents=True)
    (root / "ours.csv").write_text(OURS)
    (root / "iop3.csv").write_text(IOP3)
    (root / "percent.ecsv").write_text(ECSV)
    (root / "dipol" / "2200+420_R.txt").write_text("59844.0 1.0 2.0 8.0 0.2 30.0 1.5 extra\n")
    (root / "broken.csv").write_text("a,b\n1,2\n")
    (root / "empty.csv").write_text("")
    return root


def test_all_forms_are_read_in_order_of_time(shelf):
    found = foreign_of(selection_of("2200+420"))
    assert list(found.mjd) == [59840.0, 59841.0, 59842.0, 59843.0, 59844.0]
    assert found.name == ("LT", "LT", "T90", "percent", "DIPOL")
    assert found.values["p"] == pytest.approx([np.nan, 10.0, 9.5, 7.5, 8.0], nan_ok=True)
    assert found.values["mag"][:3] == pytest.approx([13.5, 13.1, 13.2])
    assert np.isnan(found.values["mag_err"][0])


def test_band_window_and_another_file(shelf):
    assert list(foreign_of(selection_of("2200+420", bands=["V"])).name) == [
        "LT", "percent", "DIPOL"
    ]  # fmt: skip
    window = foreign_of(selection_of("2200+420", start="59841", end="59842"))
    assert list(window.mjd) == [59841.0, 59842.0]
    (shelf / "iop3.csv").unlink()
    assert len(foreign_of(selection_of("2200+420")).mjd) == 4


def test_they_come_where_they_are_asked_for(shelf, site):
    client = site.client("viewer")
    path = "/api/v1/plots/light-curve?source=2200%2B420"
    assert "foreign" not in client.get(path).json()
    told = client.get(f"{path}&foreign=true").json()["foreign"]
    assert told["p"] == [None, 10.0, 9.5, 7.5, 8.0]
    assert told["name"][-1] == "DIPOL"


def test_without_the_directory_there_are_none(star, datadir):
    assert len(foreign_of(selection_of("2200+420")).mjd) == 0


def test_they_are_in_the_picture_and_its_axes(shelf, monkeypatch):
    from polarnight.web.plots.picture import picture
    from polarnight.web.plots.query import fetch

    pages = []
    monkeypatch.setattr(
        "matplotlib.figure.Figure.savefig", lambda page, *_, **__: pages.append(page)
    )
    selection = selection_of("2200+420", bands=["I"])
    picture(fetch(selection), "png", foreign=foreign_of(selection_of("2200+420")))
    picture(fetch(selection), "png")
    mag, p, chi = pages[0].axes
    assert min(mag.get_ylim()) < 13.1 < 13.5 < max(mag.get_ylim())
    assert p.get_ylim()[0] < 7.5 < 10.0 < p.get_ylim()[1]
    assert chi.get_xlim()[0] < 59840.0 < 59844.0 < chi.get_xlim()[1]
    names = [text.get_text() for text in pages[0].legends[0].get_texts()]
    assert names == ["DIPOL", "LT", "T90", "percent"]
    assert not pages[1].legends
