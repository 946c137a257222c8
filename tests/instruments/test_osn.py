"""RoperT90 and AndorT150: what they share with AndorT90, and what is their own."""

import pytest

from polarnight.errors import BadFrame
from polarnight.frames import ImageType, ObsMode
from polarnight.instruments import get_instrument, identify

from .headers import ANDOR, change

ROPER = change(ANDOR, INSTRUME="RoperT90", JD=2458710.5, DATE__OBS="2019-08-15T00:00:00")
T150 = change(ANDOR, INSTRUME="AndorT150", TELESCOP="T150-OSN", FILTER="R45")


def test_a_frame_of_roper(roper):
    info = roper.classify(ROPER, "BLLac-0001R.fit")
    assert (info.telescope, info.instrument, info.night) == ("OSN-T090", "RoperT90", "2019-08-14")
    assert (info.gain, info.pixel_scale) == (7.14, 0.387)
    assert (info.obsmode, info.band) == (ObsMode.PHOTOMETRY, "R")
    assert identify(ROPER, "a.fit") is roper


def test_a_frame_of_the_larger_telescope(t150):
    info = t150.classify(T150, "BLLac-0001R45.fit")
    assert (info.telescope, info.instrument) == ("OSN-T150", "AndorT150")
    assert (info.gain, info.pixel_scale) == (4.5, 0.232)
    assert (info.obsmode, info.band, info.rotangle) == (ObsMode.POLARIMETRY, "R", 45.0)
    assert identify(T150, "a.fit") is t150
    assert identify(change(T150, INSTRUME="Andor"), "a.fit") is t150


@pytest.mark.parametrize(
    ("jd", "name"),
    [
        (2459510.9, "RoperT90"),  # 2021-10-23 09:36 UT: the night began on the 22nd
        (2459511.3, "AndorT90"),  # 19:12 UT
        (2459700.4, "AndorT90"),
        (2457000.4, "RoperT90"),
    ],
)
def test_the_day_when_one_camera_replaced_the_other(jd, name):
    assert identify(change(ROPER, JD=jd), "a.fit").name == name


def test_each_at_its_telescope(andor, roper, t150):
    assert not roper.recognises(change(ROPER, TELESCOP="T150-OSN"))
    assert not t150.recognises(change(T150, TELESCOP="T90-OSN"))
    assert not roper.recognises(change(ROPER, JD=None, DATE__OBS=None))
    with pytest.raises(BadFrame, match=r"TELESCOP = 'T90-OSN' is no telescope of AndorT150"):
        t150.classify(change(T150, TELESCOP="T90-OSN"), "a.fit")


@pytest.mark.parametrize("name", ["AndorT90", "RoperT90", "AndorT150"])
def test_what_the_three_share(name):
    camera = get_instrument(name)
    assert camera.polarimeter == "polaroids"
    assert camera.angles == (-45.0, 0.0, 45.0, 90.0)
    assert (camera.min_angles, camera.angle_period, camera.beams) == (4, 180.0, "one")
    assert camera.requires == {ImageType.BIAS, ImageType.FLAT}
    assert camera.pixel_scale * 2048 / 60 == pytest.approx(camera.field_arcmin, rel=0.01)


@pytest.mark.parametrize("header", [ROPER, T150])
@pytest.mark.parametrize(
    ("changes", "filename", "words"),
    [
        ({"FILTER": "R30"}, "a.fit", "FILTER = 'R30' is neither R nor one of its polaroids"),
        ({"FILTER": None}, "a.fit", "no FILTER"),
        ({"IMAGETYP": "Tricolor"}, "a.fit", "IMAGETYP = 'Tricolor'"),
        ({"EXPTIME": None}, "a.fit", "no EXPTIME or EXPOSURE"),
        ({"JD": None, "DATE__OBS": "yesterday"}, "a.fit", "DATE-OBS: 'yesterday'"),
        ({"BITPIX": -64}, "a.fit", "BITPIX = -64"),
    ],
)
def test_faults_are_named(header, changes, filename, words):
    camera = get_instrument(header["INSTRUME"])
    with pytest.raises(BadFrame, match=r"^a\.fit: ") as caught:
        camera.classify(change(header, **changes), filename)
    assert words in str(caught.value)


def test_calibrations_written_as_light(roper):
    flat = roper.classify(change(ROPER, OBJECT="Flat R", IMAGETYP="LIGHT"), "Flat-001R.fit")
    assert flat.imgtype is ImageType.FLAT


def test_the_side_of_the_pier(roper):
    assert roper.classify(change(ROPER, FLIPSTAT="Flip"), "a.fit").extra == {"flipped": True}
    assert roper.classify(change(ROPER, FLIPSTAT=""), "a.fit").extra == {}


def test_a_window_of_the_chip(roper):
    header = change(ROPER, XORGSUBF=512, YORGSUBF=256, NAXIS1=1024, NAXIS2=1024)
    assert roper.classify(header, "a.fit").origin == (512, 256)
    with pytest.raises(BadFrame, match=r"XORGSUBF = -1 is no first pixel"):
        roper.classify(change(ROPER, XORGSUBF=-1), "a.fit")


def test_polaroids_that_nobody_measured_admit_it(andor, roper, t150):
    assert andor.polarization_measured("R")
    assert not roper.polarization_measured("R")
    assert not t150.polarization_measured("R")
    known, assumed, unknown = (
        camera.instrumental_polarization("R", "2020-01-01") for camera in (andor, roper, t150)
    )
    assert (assumed.q0, assumed.u0) == (known.q0, known.u0)
    assert assumed.q0_err > 3 * known.q0_err
    assert "not measured with this camera" in assumed.origin
    # At the other telescope nothing is subtracted, and what may be there is in the error.
    assert (unknown.q0, unknown.u0) == (0.0, 0.0)
    assert unknown.q0_err >= known.q0
    assert unknown.u0_err >= known.u0
    assert unknown.zero_angle_err == 52.0
    assert "not calibrated" in unknown.origin
