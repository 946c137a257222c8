"""A light curve in the database."""

from __future__ import annotations

import pytest


@pytest.fixture
def star(db):
    """A source with six results: two instruments, limits, flags by machine and hand."""
    from polarnight.db import AstroSource, Epoch, PhotoPolResult

    epoch = Epoch.create("OSN-T090/2022-09-18")
    source = AstroSource.objects.create(
        name="2200+420", ra_hms="22:02:43.2914", dec_dms="+42:16:39.980", mag_R=13.4, p=0.1, chi=20
    )
    flags = PhotoPolResult.Flags
    numbers = {"p": 0.1, "p_err": 0.01, "p_low": 0.09, "p_high": 0.12, "p_naive": 0.11,
               "chi": 20.0, "chi_err": 1.0, "q": 0.08, "q_err": 0.01, "u": 0.06, "u_err": 0.01,
               "mag": 13.0, "mag_err": 0.02, "mag_corr": 13.5, "mag_corr_err": 0.03,
               "p_corr": 0.2, "p_corr_err": 0.05}  # fmt: skip
    changes = [
        {},
        {"instrument": "DIPOL", "band": "V"},
        {"mag": None, "mag_err": None, "mag_limit": 17.0},
        {"p": 0.0, "p_limit95": 0.02},
        {"machine_flags": flags.BAD_PHOTOMETRY | flags.FORCED, "human_clear": flags.FORCED},
        {"human_set": flags.BAD_POLARIMETRY},
    ]
    PhotoPolResult.objects.bulk_create(
        PhotoPolResult(**{
            "identity": f"r{n}", "epoch": epoch, "astrosource": source, "reduction": "relpol",
            "instrument": "AndorT90", "obsmode": "POLARIMETRY", "band": "R",
            "juliandate": 2459841.5 + n, **numbers, **change,
        })
        for n, change in reversed(list(enumerate(changes)))
    )  # fmt: skip
    return source
