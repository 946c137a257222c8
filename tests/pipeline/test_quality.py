"""Figures of quality follow from what was measured; masters are compared with those before."""

import csv
import io

import numpy as np
import pytest
from astropy.io import fits

from polarnight.config import load_settings
from polarnight.db import FrameQuality, MasterBias, MasterDark, MasterFlat, NightQuality, ReducedFit
from polarnight.pipeline.demo.simulated import simulate_to_directory
from polarnight.pipeline.quality.figures import sky_brightness
from polarnight.pipeline.quality.history import Usual, ZeroPointHistory
from polarnight.pipeline.quality.masters import master_warnings

NIGHT, NEXT = "OSN-T090/2022-09-18", "OSN-T090/2022-09-21"


@pytest.fixture(scope="module")
def next_night(tmp_path_factory):
    """The same three nights later, one R frame."""
    return simulate_to_directory(
        "AndorT90", "2022-09-21", 3, tmp_path_factory.mktemp("next"), size=400,
        photometry=("R",), n_photometry=1, n_cycles=0, n_bias=3, n_flats=3, n_stars=120,
    )  # fmt: skip


def test_brightness_of_the_sky():
    # 4 ADU/s in pixels of 2 arcsec are 1 ADU/s in a square arcsec.
    assert sky_brightness(4.0, 21.0, 2.0) == pytest.approx(21.0)
    assert sky_brightness(2.0, 21.0, 2.0, share=0.5) == pytest.approx(21.0)
    assert sky_brightness(40.0, 21.0, 2.0) == pytest.approx(18.5)
    for unknown in ((None, 21.0, 2.0), (4.0, None, 2.0), (-1.0, 21.0, 2.0), (4.0, 21.0, None)):
        assert sky_brightness(*unknown) is None


def test_figures_of_frames_and_nights(reduced):
    assert FrameQuality.objects.count() == ReducedFit.objects.count() == 6
    frames = FrameQuality.objects.filter(obsmode="PHOTOMETRY")
    night = NightQuality.objects.get(obsmode="PHOTOMETRY", band="R")
    assert (night.n_frames, night.n_solved) == (2, 2)
    assert max(row.transparency for row in frames) == 1.0
    for row in frames:
        measured = row.reducedfit
        above = night.extinction_taken * (measured.airmass - 1.0)
        assert row.seeing == measured.fwhm
        assert 1.0 <= row.elongation < 1.2
        assert row.sky_rate == pytest.approx(measured.background_level / measured.exptime)
        ratio = 10 ** (0.4 * (measured.mag_zp + above - night.zero_point))
        assert row.transparency == pytest.approx(ratio)
        assert row.throughput is None  # nobody knows yet what is usual
    # One sky above both: behind a polaroid there is half of it.
    behind = NightQuality.objects.get(obsmode="POLARIMETRY", band="R")
    assert behind.sky_mag == pytest.approx(night.sky_mag, abs=0.1)
    assert behind.sky_rate < 0.6 * night.sky_rate
    detector = NightQuality.objects.get(band="")
    bias = MasterBias.objects.get()
    assert detector.bias_level == bias.stats["level"]
    assert detector.read_noise == bias.stats["read_noise"] == pytest.approx(8.0, rel=0.05)


def test_only_what_changed_is_written(reduced):
    assert reduced.run("run", NIGHT) == 0
    line = next(line for line in reduced.out.splitlines() if line.startswith("quality"))
    assert line.split()[1:] == ["0", "9", "0"]
    row = ReducedFit.objects.get(filename="BLLac-0001R.fit")
    row.flag("IGNORE", who="ana")
    assert reduced.run("run", NIGHT) == 0
    assert FrameQuality.objects.count() == 5
    assert NightQuality.objects.get(obsmode="PHOTOMETRY", band="R").n_frames == 1
    row.undecide("IGNORE")
    reduced.run("run", NIGHT)
    assert FrameQuality.objects.count() == 6


def test_tables_files_and_pictures(reduced, tmp_path):
    assert reduced.run("quality") == 0
    assert sum(NIGHT in line for line in reduced.out.splitlines()) == 3
    assert reduced.run("quality", "T090/220918") == 0
    assert "BLLac-0001R45.fit" in reduced.out
    assert reduced.run("quality", "--frames", "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(reduced.out)))
    assert len(rows) == 6
    assert float(rows[0]["sky_mag"]) == FrameQuality.objects.first().sky_mag
    assert reduced.run("quality", "--output", tmp_path / "nights.ecsv") == 0
    text = (tmp_path / "nights.ecsv").read_text()
    assert "unit: mag / arcsec2" in text
    assert reduced.run("quality", "--plot", tmp_path / "night.png", "--instrument", "AndorT90") == 0
    assert (tmp_path / "night.png").read_bytes()[:4] == b"\x89PNG"
    assert reduced.run("quality", "--from", "2023-01-01") == 2
    assert "no figures of quality there; there are some of AndorT90 in R from" in reduced.err
    assert reduced.run("quality", "--format", "parquet") == 2


def spoil(night, directory, prefix, change):
    """Write copies of some frames of a night with other pixels."""
    for path in night.directory.iterdir():
        with fits.open(path) as hdus:
            if path.name.startswith(prefix):
                data = change(hdus[0].data.astype(np.int64))
                hdus[0].data = np.clip(data, 0, 65535).astype(np.uint16)
            hdus.writeto(directory / path.name)
    return directory


def dust(data):
    y, x = np.mgrid[: data.shape[0], : data.shape[1]]
    for x0, y0 in ((100, 90), (250, 180), (310, 300)):
        data = np.where(np.hypot(x - x0, y - y0) < 9, 300 + 0.95 * (data - 300), data)
    return data


def test_the_next_night_without_changes(reduced, next_night):
    assert reduced.run("ingest", next_night.directory) == 0
    assert reduced.run("run", NEXT) == 0
    flat = MasterFlat.objects.get(epoch__night="2022-09-21")
    before = MasterFlat.objects.get(epoch__night="2022-09-18", obsmode="PHOTOMETRY")
    assert flat.comparison["previous"] == before.key
    figures = flat.comparison["figures"]
    assert figures["rms"] == pytest.approx(figures["noise"], rel=0.25)
    assert figures["new_spots"] == 0
    for model in (MasterBias, MasterFlat):
        assert model.objects.get(epoch__night="2022-09-21").comparison["warnings"] == []
    # The worker that made the flat compared it: nothing is left to do.
    assert "0 products are not current" in reduced.pending()
    # Another flat before it: the ratio is another one, the flat itself stays.
    made = flat.content_key
    row = before.rawfits.get(filename="Flat-0001R.fit")
    row.flag("IGNORE", who="ana")
    assert f"the flat before it, {before.key}, changed" in reduced.pending()
    assert reduced.run("run", "--all-local") in (0, 1)
    flat.refresh_from_db()
    assert flat.content_key == made
    assert flat.comparison["figures"] != figures


def test_warnings_of_dust_and_of_another_bias_level(reduced, next_night, tmp_path):
    (tmp_path / "raw1").mkdir()
    (tmp_path / "raw").mkdir()
    spoil(next_night, tmp_path / "raw1", "Bias", lambda data: data + 20)

    class Spoilt:
        directory = tmp_path / "raw1"

    spoil(Spoilt, tmp_path / "raw", "Flat", dust)
    assert reduced.run("ingest", tmp_path / "raw") == 0
    assert reduced.run("run", NEXT) == 0
    bias = MasterBias.objects.get(epoch__night="2022-09-21")
    flat = MasterFlat.objects.get(epoch__night="2022-09-21")
    figures = bias.comparison["figures"]
    # Levels are medians of whole numbers.
    assert figures["level"] - figures["previous_level"] == pytest.approx(20.0, abs=1.0)
    assert bias.comparison["warnings"][0].startswith("the bias level changed by +")
    assert bias.comparison["warnings"][0].endswith(
        "sigma of the read noise), compared with " + NIGHT
    )
    dusty = "3 new places of the flat are darker by 1 % or more: dust"
    assert any(dusty in warning for warning in flat.comparison["warnings"])
    for words in ("the bias level changed by +", dusty):
        assert words in reduced.out  # of the run
    assert reduced.run("status", NEXT) == 0
    assert dusty in reduced.out
    assert reduced.run("why", f"{NEXT}/Flat-0001R.fit") == 0
    assert dusty in reduced.out
    assert reduced.run("quality") == 0
    assert dusty in reduced.out
    assert NightQuality.objects.get(epoch__night="2022-09-21", band="R").new_spots == 3
    # The thresholds are settings: with others there is no warning, and nothing is made anew.
    options = ["-o", "quality.bias_shift=15", "-o", "quality.new_spots=4"]
    assert reduced.run(*options, "run", NEXT) == 0
    for model in (MasterBias, MasterFlat):
        assert model.objects.get(epoch__night="2022-09-21").comparison["warnings"] == []


def a_master(model, figures):
    return model(comparison={"previous": f"{NIGHT}/AndorT90", "figures": figures})


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({"level": 300.0, "previous_level": 297.0, "read_noise_adu": 4.0}, None),
        ({"level": 300.0, "previous_level": 308.5, "read_noise_adu": 4.0}, "-8.5 ADU to 300.0"),
        ({"read_noise": 9.5, "previous_read_noise": 8.0}, None),
        ({"read_noise": 10.0, "previous_read_noise": 8.0}, "changed from 8 to 10 e-"),
        # Ten more of ten are chance; a thousand more of a thousand are not.
        ({"bad_fraction": 2e-5, "previous_bad_fraction": 1e-5, "pixels": 1000000}, None),
        ({"bad_fraction": 2e-3, "previous_bad_fraction": 1e-3, "pixels": 1000000}, "2000 hot"),
    ],
)
def test_thresholds(figures, words):
    told = master_warnings(a_master(MasterBias, figures), load_settings().quality)
    assert (told == []) if words is None else (words in told[0])


@pytest.mark.parametrize(
    ("now", "before", "told"),
    [
        (2e-4, 5e-5, False),  # both are zero within the rounding of their levels
        (-1e-3, 1e-3, False),
        (0.02, 0.011, True),
        (0.02, 0.016, False),
    ],
)
def test_a_dark_that_is_hotter(now, before, told):
    figures = {"level": now, "previous_level": before, "exptime": 300.0}
    warnings = master_warnings(a_master(MasterDark, figures), load_settings().quality)
    assert bool(warnings) == told
    assert not told or "the dark rate changed from 0.011 to 0.02 ADU/s" in warnings[0]


def test_what_is_usual_of_a_camera(reduced):
    from datetime import date

    from polarnight.db import Epoch

    settings = load_settings().quality
    kind = ("AndorT90", "PHOTOMETRY", "R")
    history, epoch = ZeroPointHistory({}), Epoch.objects.get()
    assert history.usual(epoch, kind, settings) == Usual(None, 0.0, 0)
    for day, value in ((1, 21.0), (2, 21.4), (3, 20.0), (18, 5.0), (19, 30.0)):
        other = Epoch(telescope="OSN-T090", night=date(2022, 9, day))
        history.remember(other, kind, value)
    # The median of the nights before; those after and the night itself do not count.
    usual = history.usual(epoch, kind, settings)
    assert (usual.value, usual.n) == (21.0, 3)
    # Error of a median of three that scatter by 0.4 about it.
    assert usual.error == pytest.approx(1.2533 * 1.4826 * 0.4 / 3**0.5)
    assert history.usual(epoch, ("AndorT90", "PHOTOMETRY", "V"), settings) == Usual(None, 0.0, 0)
