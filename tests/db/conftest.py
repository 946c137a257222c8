"""Rows for tests of the database."""

from __future__ import annotations

import pytest

from polarnight.frames import FrameInfo, ImageType, ObsMode


@pytest.fixture
def make_info():
    """Make a normalised header; any value may be changed."""

    def make(**changes):
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
            "width": 2048,
            "height": 2048,
            "binning": (1, 1),
            "gain": 4.5,
            "read_noise": 8.0,
            "saturation": 65000.0,
            "nonlinear": 60000.0,
            "pixel_scale": 0.387,
            "object_name": "BLLac",
        }
        return FrameInfo(**{**values, **changes})

    return make


@pytest.fixture
def epoch(db):
    """A night."""
    from polarnight.db import Epoch

    return Epoch.create("OSN-T090/2022-09-18")


@pytest.fixture
def source(db):
    """BL Lac, as in the catalogue."""
    from polarnight.db import AstroSource

    return AstroSource.objects.create(
        name="2200+420",
        other_names="BL Lac; BLLac",
        ra_hms="22:02:43.2914",
        dec_dms="+42:16:39.980",
        srctype="blazar",
        mag_R=13.38,
        mag_R_err=0.02,
    )


@pytest.fixture
def make_result(epoch, source):
    """Make an unsaved result of BL Lac; any value may be changed."""
    from polarnight.db import PhotoPolResult

    def make(files=("OSN-T090/2022-09-18/BLLac-0001R.fit",), **changes):
        astrosource = changes.pop("astrosource", source)
        reduction = changes.pop("reduction", "relpol")
        values = {
            "identity": PhotoPolResult.make_identity(astrosource.name, reduction, files),
            "epoch": epoch,
            "astrosource": astrosource,
            "reduction": reduction,
            "instrument": "AndorT90",
            "obsmode": "POLARIMETRY",
            "band": "R",
            "juliandate": 2459841.46,
            "mag": 13.38,
            "mag_err": 0.02,
            "q": 0.1,
            "q_err": 0.002,
            "p": 0.14,
            "chi": 14.7,
            "files": list(files),
        }
        return PhotoPolResult(**{**values, **changes})

    return make
