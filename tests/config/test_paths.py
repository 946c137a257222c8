"""The data directory is laid out as the first seed draws it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from polarnight.config import DataDir

DATA = DataDir("/d")
NIGHT = date(2024, 4, 8)


def test_layout():
    places = {
        DATA.raw_path("OSN-T090", NIGHT, "bias_1.fits"): "raw/OSN-T090/2024-04-08/bias_1.fits",
        DATA.master_path("BIAS", "OSN-T090", "2024-04-08", "masterbias_1.fits"): (
            "masterbias/OSN-T090/2024-04-08/masterbias_1.fits"
        ),
        DATA.master_dir("DARK", "OSN-T090", NIGHT): "masterdark/OSN-T090/2024-04-08",
        DATA.master_dir("FLAT", "OSN-T090", NIGHT): "masterflat/OSN-T090/2024-04-08",
        DATA.rawfit_dir("OSN-T090", NIGHT, "s_1.fits"): (
            "calibration/OSN-T090/2024-04-08/s_1.fits.d/RawFit"
        ),
        DATA.reduced_path("OSN-T090", NIGHT, "s_1.fits"): (
            "calibration/OSN-T090/2024-04-08/s_1.fits.d/ReducedFit/s_1.fits"
        ),
        DATA.reduced_path("OSN-T090", NIGHT, "s_1.fits.fz"): (
            "calibration/OSN-T090/2024-04-08/s_1.fits.fz.d/ReducedFit/s_1.fits"
        ),
        DATA.astrosource_dir("2200+420"): "astrosource/2200+420",
        DATA.logs: "logs",
        DATA.db_path: "iop4.db",
    }
    for path, text in places.items():
        assert path == Path("/d") / text
        assert DATA.relative(path) == text
        assert DATA.absolute(text) == path


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/passwd", "a\x00b"])
def test_names_stay_in_their_directory(name):
    with pytest.raises(ValueError, match="name of a file"):
        DATA.raw_path("OSN-T090", NIGHT, name)
    with pytest.raises(ValueError, match="name of a file"):
        DATA.raw_dir(name, NIGHT)


def test_names_of_sources_are_made_safe():
    assert DATA.astrosource_dir("PG 1553/113: x").name == "PG 1553_113_ x"
    with pytest.raises(ValueError, match="name"):
        DATA.astrosource_dir("..")


def test_nights_are_dates():
    with pytest.raises(ValueError, match="2024-13-01"):
        DATA.raw_dir("OSN-T090", "2024-13-01")
    with pytest.raises(ValueError, match=r"subpath|relative"):
        DATA.relative("/elsewhere/x")


def test_epochs_pass_over_stray_files(tmp_path):
    data = DataDir(tmp_path)
    assert data.epochs() == []
    for name in (
        "OSN-T090/2024-04-08",
        "OSN-T090/2024-13-45",
        "OSN-T090/tmp",
        "CAHA-T220/2020-01-02",
    ):
        (data.raw / name).mkdir(parents=True)
    (data.raw / ".DS_Store").touch()
    (data.raw / "OSN-T090" / ".DS_Store").touch()
    (data.raw / "OSN-T090" / "2024-04-09").touch()
    (data.raw / ".hidden" / "2024-04-08").mkdir(parents=True)
    assert data.epochs() == [("CAHA-T220", date(2020, 1, 2)), ("OSN-T090", NIGHT)]


def test_ensure(tmp_path):
    data = DataDir(
        tmp_path / "x", db_path=tmp_path / "y" / "a.db", log_file=tmp_path / "z" / "a.log"
    )
    data.ensure()
    data.ensure()
    assert (tmp_path / "x" / "logs").is_dir()
    assert (tmp_path / "y").is_dir()
    assert (tmp_path / "z").is_dir()
