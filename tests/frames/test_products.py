"""Writing and reading frames: nothing lost, nothing added, readable by others."""

import errno
import warnings

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData, VarianceUncertainty
from astropy.table import Table
from astropy.wcs import WCS, Sip

from polarnight.errors import BadFrame
from polarnight.frames import (
    Bit,
    Frame,
    FrameInfo,
    ImageType,
    ObsMode,
    Provenance,
    Section,
    content_key,
    read_frame,
    read_provenance,
    read_tables,
    write_frame,
)

INFO = FrameInfo(
    telescope="CAHA-T220", instrument="CAFOS2.2", filename="a.fits", night="2021-03-28",
    imgtype=ImageType.LIGHT, obsmode=ObsMode.POLARIMETRY, band="R", rotangle=22.48,
    exptime=60.0, jd_start=2459302.4649, jd_mid=2459302.46525, width=40, height=30,
    binning=(1, 1), gain=1.43, read_noise=7.4, saturation=65535.0, nonlinear=60000.0,
    pixel_scale=0.53, trim=Section(1, 40, 1, 30), origin=(512, 512), has_pairs=True,
    extra={"ccd": "SITE#1d_15"},
)  # fmt: skip


def solution(dx=0.0, dy=0.0, distorted=True):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN-SIP", "DEC--TAN-SIP"] if distorted else ["RA---TAN", "DEC--TAN"]
    wcs.wcs.cunit = ["deg", "deg"]
    wcs.wcs.crval = [114.6021234567891, 21.5731234567891]
    wcs.wcs.crpix = [20.5 + dx, 15.25 + dy]
    wcs.wcs.cd = [[1.2e-6, 1.4625123456789e-4], [1.4631e-4, -2.1e-6]]
    wcs.wcs.radesys = "ICRS"
    if distorted:
        a, b = np.zeros((3, 3)), np.zeros((3, 3))
        a[2, 0], b[1, 1] = 1e-6, -2e-6
        wcs.sip = Sip(a, b, None, None, wcs.wcs.crpix)
    wcs.wcs.set()
    return wcs


def make_frame(**changes):
    rng = np.random.default_rng(5)
    header = fits.Header({"OBJECT": "BL Lac", "EQUINOX": 2000.0, "CTYPE1": "PIXEL"})
    header["RADECSYS"] = "FK5"
    header["HIERARCH CAHA DET CCDS"] = (1, "number of chips")
    header["LONGTEXT"] = "x" * 150
    header["HISTORY"] = "made by the camera"
    header["BLANK"], header["DATAMAX"] = 32768, 0.0
    data = rng.normal(100, 10, (30, 40)).astype("f4")
    data[3, 4] = np.nan
    values = {
        "data": data,
        "variance": rng.uniform(90, 110, (30, 40)).astype("f4"),
        "bits": rng.choice(np.array([0, 64, 257], "u2"), (30, 40)),
        "info": INFO,
        "header": header,
        "wcs": solution(),
        "wcs_pair": solution(-35.725, -0.197),
        "meta": {"level": 1.5, "names": ["a", "ñ"]},
    }
    return Frame(**(values | changes))


def assert_same_sky(one, other, tolerance_arcsec=1e-6):
    x, y = np.meshgrid(np.linspace(-40, 80, 7), np.linspace(-30, 60, 7))
    ours, theirs = (np.array(w.all_pix2world(x, y, 0)) for w in (one, other))
    assert np.abs(ours - theirs).max() * 3600 < tolerance_arcsec


def test_round_trip(tmp_path):
    frame = make_frame()
    path = tmp_path / "deep" / "a.fits"
    write_frame(path, frame)
    back = read_frame(path)
    for plane in ("data", "variance", "bits"):
        np.testing.assert_array_equal(getattr(back, plane), getattr(frame, plane))
        assert getattr(back, plane).dtype.isnative
    assert back.info == INFO
    assert back.meta == frame.meta
    assert back.unit == "adu"
    assert_same_sky(back.wcs, frame.wcs)
    assert_same_sky(back.wcs_pair, frame.wcs_pair)
    assert back.header["OBJECT"] == "BL Lac"
    assert back.header["CAHA DET CCDS"] == 1
    assert back.header["LONGTEXT"] == "x" * 150
    assert back.header["HISTORY"][0] == "made by the camera"


def test_second_round_changes_nothing(tmp_path):
    write_frame(tmp_path / "a.fits", make_frame())
    write_frame(tmp_path / "b.fits", read_frame(tmp_path / "a.fits"))
    assert content_key(tmp_path / "a.fits") == content_key(tmp_path / "b.fits")


def test_bare_frame(tmp_path):
    frame = Frame(np.ones((5, 6), "f4"), unit="")
    write_frame(tmp_path / "a.fits", frame)
    back = read_frame(tmp_path / "a.fits")
    assert back.variance is None
    assert back.bits is None
    assert back.info is None
    assert back.header is None
    assert back.wcs is None
    assert back.unit == ""
    assert read_provenance(tmp_path / "a.fits") is None


def test_stale_coordinates_and_structure_are_dropped(tmp_path):
    write_frame(tmp_path / "a.fits", make_frame())
    header = fits.getheader(tmp_path / "a.fits")
    for keyword in ("BLANK", "DATAMAX", "EQUINOX", "RADECSYS"):
        assert keyword not in header
    assert header["CTYPE1"] == "RA---TAN-SIP"
    assert header["CRPIX1"] == header["CRPIX1A"] == pytest.approx(20.5)
    assert header["CRPIX1B"] == pytest.approx(20.5 - 35.725)


def test_raw_coordinates_stay_without_a_solution(tmp_path):
    write_frame(tmp_path / "a.fits", make_frame(wcs=None, wcs_pair=None))
    assert fits.getheader(tmp_path / "a.fits")["EQUINOX"] == 2000.0
    assert read_frame(tmp_path / "a.fits").wcs is None


def test_checksums_hold_for_astropy(tmp_path):
    path = tmp_path / "a.fits"
    write_frame(path, make_frame(), provenance=Provenance(), tables={"SOURCES": sources()})
    with fits.open(path, checksum=True) as hdus:  # warnings are errors
        assert len(hdus) == 6
        for hdu in hdus:
            assert hdu.header.get("CHECKSUM") or isinstance(hdu, fits.CompImageHDU)
            hdu.verify("exception")
    content = bytearray(path.read_bytes())
    start = fits.info(path, output=False) and hdu_data_offset(path)
    content[start] ^= 1
    path.write_bytes(content)
    with pytest.warns(match="(Check|Data)sum verification failed"), fits.open(path, checksum=True):
        pass


def hdu_data_offset(path):
    with fits.open(path) as hdus:
        return hdus[0].fileinfo()["datLoc"]


def sources():
    return Table({"x": [1.5, 2.5], "name": ["a", "b"]})


def test_read_by_astropy_without_us(tmp_path):
    path = tmp_path / "a.fits"
    frame = make_frame()
    write_frame(path, frame)
    ccd = CCDData.read(path, hdu_uncertainty="VAR", hdu_mask="BITS")
    np.testing.assert_array_equal(ccd.data, frame.data)
    assert isinstance(ccd.uncertainty, VarianceUncertainty)
    np.testing.assert_array_equal(ccd.uncertainty.array, frame.variance)
    np.testing.assert_array_equal(ccd.mask, frame.bits != 0)
    assert ccd.unit.to_string() == "adu"
    assert_same_sky(ccd.wcs, frame.wcs)


def test_read_by_ccdproc_without_us(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what foreign packages say at import is not ours
        import ccdproc

    path = tmp_path / "a.fits"
    frame = make_frame(wcs=None, wcs_pair=None, data=np.full((30, 40), 7.0, "f4"))
    write_frame(path, frame)
    files = ccdproc.ImageFileCollection(tmp_path, keywords=["object"], glob_include="*.fits")
    assert list(files.summary["object"]) == ["BL Lac"]
    doubled = ccdproc.combine([str(path), str(path)], method="sum")
    np.testing.assert_array_equal(doubled.data, 14.0)


def test_provenance_and_tables(tmp_path):
    path = tmp_path / "a.fits"
    provenance = Provenance(
        inputs=[("raw/año/a.fits", "raw", "00ff"), ("b.fits", "masterbias", "11")],
        stages=[("calibrate", "1", '{"nsigma":3.0}')],
        recipe_key="ab" * 32,
    )
    write_frame(path, make_frame(), provenance=provenance, tables={"sources": sources()})
    assert read_provenance(path) == provenance
    tables = read_tables(path)
    assert list(tables) == ["SOURCES"]
    assert list(tables["SOURCES"]["x"]) == [1.5, 2.5]
    assert list(tables["SOURCES"]["name"]) == ["a", "b"]


def test_same_frame_same_bytes(tmp_path, monkeypatch):
    import time

    keys = []
    for offset in (0.0, 86400.0 * 400):
        real = time.time
        monkeypatch.setattr(time, "time", lambda real=real, offset=offset: real() + offset)
        write_frame(tmp_path / "a.fits", make_frame(), tables={"SOURCES": sources()})
        keys.append(content_key(tmp_path / "a.fits"))
        monkeypatch.undo()
    assert keys[0] == keys[1]


def test_unreadable_cards_do_not_stop_a_product(tmp_path):
    text = fits.Header({"OBJECT": "BL Lac"}).tostring(endcard=False, padding=False)
    text += "AIRMASS = 1.2.3 / what is this".ljust(80)
    frame = make_frame(header=fits.Header.fromstring(text))
    write_frame(tmp_path / "a.fits", frame)
    header = read_frame(tmp_path / "a.fits").header
    assert header["OBJECT"] == "BL Lac"
    assert "AIRMASS" not in header


def test_wrong_requests(tmp_path):
    path = tmp_path / "a.fits"
    with pytest.raises(ValueError, match="belong to units of the frame"):
        write_frame(path, make_frame(), tables={"var": sources()})
    with pytest.raises(ValueError, match="JSON-able"):
        write_frame(path, make_frame(meta={"x": object()}))
    with pytest.raises(ValueError, match="different SIP"):
        write_frame(path, make_frame(wcs_pair=solution(distorted=False)))
    with pytest.raises(ValueError, match="without those of the ordinary"):
        write_frame(path, make_frame(wcs=None))
    assert list(tmp_path.iterdir()) == []


def test_foreign_and_damaged_products(tmp_path):
    path = tmp_path / "a.fits"
    fits.PrimaryHDU(np.zeros((3, 3), "f4")).writeto(path)
    with pytest.raises(BadFrame, match="not a frame that Polarnight wrote"):
        read_frame(path)
    write_frame(path, make_frame())
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(BadFrame, match="truncated"):
        read_frame(path)
    with pytest.raises(BadFrame, match="cannot be read"):
        read_frame(tmp_path / "missing.fits")


def test_full_disk_leaves_the_old_product(tmp_path, monkeypatch):
    path = tmp_path / "a.fits"
    write_frame(path, make_frame())
    before = path.read_bytes()

    def full(pieces):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("polarnight.frames.products.with_checksums", full)
    with pytest.raises(OSError, match="No space left"):
        write_frame(path, make_frame(meta={"new": 1}))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.fits"]


def test_bits_are_named_in_the_file(tmp_path):
    write_frame(tmp_path / "a.fits", make_frame())
    header = fits.getheader(tmp_path / "a.fits", "BITS")
    for bit in Bit:
        assert header[f"BIT{int(bit).bit_length() - 1:02d}"] == bit.name


def test_a_frame_says_in_a_line_what_it_is():
    data = np.zeros((30, 40), np.float32)
    assert repr(Frame(data, unit="")) == "<Frame 40 x 30 pixels, no unit>"
    frame = Frame(data, variance=data + 1, info=INFO, header=fits.Header())
    assert repr(frame) == (
        "<Frame CAHA-T220/2021-03-28/a.fits, 40 x 30 pixels, adu, variance, header>"
    )
