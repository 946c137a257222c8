"""A catalogue to look at, and star catalogues on disk."""

from __future__ import annotations

import numpy as np
import pytest

from polarnight.db import AstroSource


@pytest.fixture
def bllac(site):
    """A target, with a calibrator."""
    source = AstroSource.objects.create(
        name="2200+420", other_names="BL Lac", ra_hms="22:02:43.29", dec_dms="+42:16:39.9",
        srctype="blazar", p=0.05, p_err=0.01, mag_R=14.0,
    )  # fmt: skip
    star = AstroSource.objects.create(
        name="BLLac-C", ra_hms="22:02:45.0", dec_dms="+42:17:30", srctype="star", mag_R=13.8
    )
    star.calibrates.add(source)
    return source


@pytest.fixture
def stars(site):
    """Import stars about 2200+420: ten of rising R, one faint, one badly known, one known."""
    from astropy.table import Table

    from polarnight.astrometry import import_stars
    from polarnight.config import get_settings

    step = np.arange(13) / 60.0 / 3.0
    ra, dec = 330.680375 + step, 42.27775 + 0.02 + step
    ra[12], dec[12] = 330.6875, 42.291667  # BLLac-C
    r = 12.0 + 0.2 * np.arange(13)
    r[10] = 18.0
    err = np.full(13, 0.01)
    err[11] = 0.4
    table = Table({"ra": ra, "dec": dec, "R": r, "e_R": err, "V": r + 0.4, "e_V": err})
    import_stars(
        table, get_settings().data.stars, mags={"R": "R", "V": "V"},
        errors={"R": "e_R", "V": "e_V"}, name="field",
    )  # fmt: skip
