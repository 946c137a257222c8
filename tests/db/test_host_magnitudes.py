"""Host galaxies in polarimetry without magnitudes: those of photometry near in time serve."""

from types import SimpleNamespace

import numpy as np
import pytest

from polarnight.photometry.hosts import flux_of_magnitude, load_host_tables
from polarnight.pipeline.groups.host_light import host_correction
from polarnight.pipeline.lightcurves.host_magnitudes import correct_with_near_magnitudes

TABLE = load_host_tables()["BL Lacertae"]
VALUES = {"mag": 14.0, "mag_err": 0.02, "p": 0.10, "p_err": 0.004, "aperas": 6.0, "fwhm": 4.0}


@pytest.fixture
def context():
    def make(**changes):
        photometry = {"host_galaxies": True, "host_tables": None, "host_minutes": 30.0, **changes}
        settings = SimpleNamespace(photometry=SimpleNamespace(**photometry))
        return SimpleNamespace(settings=settings)

    return make


@pytest.mark.django_db
class TestWithoutMagnitudes:
    """Polarimetry without a magnitude takes that of photometry near in time."""

    @pytest.fixture
    def rows(self, epoch, make_result):
        """Give polarimetry without a magnitude and photometry 15 minutes before it."""
        jd = 2459841.46
        bare = make_result(mag=None, mag_err=None, p=0.1, p_err=0.004, aperas=6.0, fwhm=4.0)
        bare.save()
        near = make_result(
            ("OSN-T090/2022-09-18/BLLac-0002R.fit",), reduction="relphot", juliandate=jd - 0.0104,
            mag=14.0, mag_err=0.02, q=None, p=None, chi=None, aperas=6.0, fwhm=4.0,
        )  # fmt: skip
        near.save()
        return bare, near

    def test_corrected_and_the_evidence_says_from_when(self, rows, epoch, context):
        bare, _ = rows
        correct_with_near_magnitudes(context(), [epoch])
        bare.refresh_from_db()
        expected = host_correction({**VALUES, "p": 0.1}, "R", TABLE).values
        assert bare.p_corr == pytest.approx(expected["p_corr"])
        assert bare.p_corr_err == pytest.approx(expected["p_corr_err"])
        assert bare.mag_corr is None
        assert bare.flag_labels == ["HOST_CORRECTED"]
        assert bare.evidence["host"]["minutes"] == [pytest.approx(-15, abs=0.1)]

    def test_another_aperture_is_brought_to_this_one(self, rows, epoch, context):
        bare, near = rows
        # The same nucleus, seen with more of its galaxy.
        flux = flux_of_magnitude(14.0, 0.02)[0] + TABLE.at(9.0, 4.0).flux - TABLE.at(6.0, 4.0).flux
        near.mag, near.aperas = -2.5 * np.log10(flux / 3.08e6), 9.0
        near.save()
        correct_with_near_magnitudes(context(), [epoch])
        bare.refresh_from_db()
        expected = host_correction({**VALUES, "p": 0.1}, "R", TABLE).values["p_corr"]
        assert bare.p_corr == pytest.approx(expected)

    def test_a_frame_outside_the_table_leaves_the_others_to_serve(
        self, rows, epoch, context, make_result
    ):
        bare, _ = rows
        make_result(
            ("OSN-T090/2022-09-18/BLLac-0003R.fit",), reduction="relphot",
            juliandate=2459841.46 + 0.005, mag=14.1, mag_err=0.02, q=None, p=None, chi=None,
            aperas=15.0, fwhm=4.0,
        ).save()  # fmt: skip
        correct_with_near_magnitudes(context(), [epoch])
        bare.refresh_from_db()
        assert bare.flag_labels == ["HOST_CORRECTED"]
        assert bare.evidence["host"]["minutes"] == [pytest.approx(-15, abs=0.1)]

    def test_refused_when_too_far_away_or_spoilt(self, rows, epoch, context):
        bare, near = rows
        correct_with_near_magnitudes(context(host_minutes=10.0), [epoch])
        bare.refresh_from_db()
        assert bare.p_corr is None
        assert bare.flag_labels == ["HOST_REFUSED"]
        assert "within 10 minutes" in bare.evidence["host"]["refused"]
        near.flag("BAD_PHOTOMETRY")
        correct_with_near_magnitudes(context(), [epoch])
        bare.refresh_from_db()
        assert bare.flag_labels == ["HOST_REFUSED"]
        near.unflag("BAD_PHOTOMETRY")
        correct_with_near_magnitudes(context(), [epoch])
        bare.refresh_from_db()
        assert bare.flag_labels == ["HOST_CORRECTED"]

    def test_a_second_time_nothing_changes(self, rows, epoch, context):
        bare, _ = rows
        correct_with_near_magnitudes(context(), [epoch])
        bare.refresh_from_db()
        before = bare.modified
        correct_with_near_magnitudes(context(), [epoch])
        bare.refresh_from_db()
        assert bare.modified == before

    def test_not_where_it_is_turned_off(self, rows, epoch, context):
        bare, _ = rows
        correct_with_near_magnitudes(context(host_galaxies=False), [epoch])
        bare.refresh_from_db()
        assert bare.flag_labels == []
