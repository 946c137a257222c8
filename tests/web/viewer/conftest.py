"""A night with one raw frame, its masters and its reduced frame of two images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS, Sip

from polarnight.frames import Bit, Frame, FrameInfo, ImageType, ObsMode, write_frame

SHAPE = (520, 601)


def make_wcs(crpix=(300.2, 250.7), crval=(330.68038, 42.27777), angle=12.0, sip=True):
    """Return a TAN(-SIP) solution of 0.387 arcsec per pixel, turned and mirrored."""
    wcs = WCS(naxis=2)
    end = "-SIP" if sip else ""
    wcs.wcs.ctype = [f"RA---TAN{end}", f"DEC--TAN{end}"]
    wcs.wcs.crpix, wcs.wcs.crval = list(crpix), list(crval)
    step, turn = 0.387 / 3600.0, np.deg2rad(angle)
    wcs.wcs.cd = step * np.array([[-np.cos(turn), np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    if sip:
        a, b = np.zeros((4, 4)), np.zeros((4, 4))
        a[2, 0], a[1, 1], a[0, 3] = 2.1e-6, -1.4e-6, 3e-9
        b[0, 2], b[2, 1] = -1.8e-6, 2e-9
        wcs.sip = Sip(a, b, None, None, list(crpix))
    wcs.wcs.set()
    return wcs


@dataclass
class Night:
    data: Any
    epoch: Any
    raw: Any
    reduced: Any
    bias: Any
    source: Any
    pixels: np.ndarray
    frame: Frame


def make_info(**changes):
    values = {
        "telescope": "OSN-T090",
        "instrument": "AndorT90",
        "filename": "BLLac-0001R.fit",
        "night": "2022-09-18",
        "imgtype": ImageType.LIGHT,
        "obsmode": ObsMode.PHOTOMETRY,
        "band": "R",
        "rotangle": None,
        "exptime": 60.0,
        "jd_start": 2459841.46,
        "jd_mid": 2459841.46 + 30 / 86400,
        "width": SHAPE[1],
        "height": SHAPE[0],
        "binning": (1, 1),
        "gain": 4.5,
        "read_noise": 8.0,
        "saturation": 65000.0,
        "nonlinear": 60000.0,
        "pixel_scale": 0.387,
        "object_name": "<script>alert(1)</script>",
    }
    return FrameInfo(**{**values, **changes})


def make_frame():
    rng = np.random.default_rng(5)
    data = rng.normal(1000.0, 12.0, SHAPE).astype(np.float32)
    y, x = np.indices(SHAPE)
    for x0, y0, peak in ((299.0, 249.0, 9000.0), (120.0, 400.0, 3000.0)):
        data += (peak * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / 18.0)).astype(np.float32)
    data[10:13, 20:24] = np.nan
    bits = np.zeros(SHAPE, np.uint16)
    bits[10:13, 20:24] = Bit.NO_DATA
    bits[300, 301] = Bit.COSMIC_RAY | Bit.SATURATED
    return Frame(
        data=data,
        variance=np.abs(np.nan_to_num(data, nan=1.0)),
        bits=bits,
        info=make_info(),
        header=fits.Header([("OBJECT", "<script>alert(1)</script>", "of <b>whom</b>")]),
        wcs=make_wcs(),
        wcs_pair=make_wcs(crpix=(320.2, 251.7)),
    )


def write_raw(path, pixels):
    header = fits.Header([("OBJECT", "<img src=x onerror=alert(1)>", "hostile")])
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.PrimaryHDU(pixels, header).writeto(path, overwrite=True)


def make_night(datadir):
    """Write the files and rows of the night into a data directory and the database in force."""
    from polarnight.db import (
        AperPhotResult,
        AstroSource,
        Epoch,
        MasterBias,
        PhotoPolResult,
        RawFit,
        ReducedFit,
    )

    epoch = Epoch.create("OSN-T090/2022-09-18")
    info = make_info()
    pixels = np.random.default_rng(3).integers(0, 65536, SHAPE).astype(np.uint16)
    path = datadir.raw_path("OSN-T090", "2022-09-18", info.filename)
    write_raw(path, pixels)
    raw = RawFit.from_info(epoch, info)
    raw.size_bytes, raw.mtime_ns = path.stat().st_size, path.stat().st_mtime_ns
    raw.save()
    bias = MasterBias.objects.create(
        epoch=epoch, instrument="AndorT90", imgsize="601x520", imgbinning="1x1", n_used=2
    )
    place = datadir.reduced_path("OSN-T090", "2022-09-18", info.filename)
    frame = make_frame()
    write_frame(place, frame)
    reduced = ReducedFit.from_rawfit(
        raw,
        path=datadir.relative(place),
        content_key="x",
        solved=True,
        masterbias=bias,
        bias_level=1,
        bias_reason="BIAS <b>near</b>: level 1",
    )
    reduced.save()
    source = AstroSource.objects.create(
        name="2200+420", ra_hms="22:02:43.2914", dec_dms="+42:16:39.980", srctype="blazar"
    )
    reduced.sources_in_field.add(source)
    for pair, x in (("O", 299.0), ("E", 319.0)):
        AperPhotResult.objects.create(
            reducedfit=reduced, astrosource=source, pairs=pair, x_px=x, y_px=249.0, aperpix=9.0,
            r_in=20.0, r_out=30.0, flux_counts=1e5, flux_counts_err=300.0, bits=64,
        )  # fmt: skip
    AperPhotResult.objects.create(
        reducedfit=reduced, astrosource=source, pairs="O", aperindex=2, is_default=False,
        x_px=299.0, y_px=249.0, aperpix=20.0,
    )  # fmt: skip
    result = PhotoPolResult.objects.create(
        identity=PhotoPolResult.make_identity("2200+420", "relphot", [raw.fileloc]),
        epoch=epoch, astrosource=source, reduction="relphot", instrument="AndorT90",
        obsmode="PHOTOMETRY", band="R", juliandate=2459841.46, mag=13.3, mag_err=0.02,
    )  # fmt: skip
    result.reducedfits.add(reduced)
    return Night(datadir, epoch, raw, reduced, bias, source, pixels, frame)


@pytest.fixture
def night(db, datadir):
    from polarnight.web.viewer.planes import CACHE

    CACHE.clear()
    return make_night(datadir)
