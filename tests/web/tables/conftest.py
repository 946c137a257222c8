"""Results to list, filter and export."""

from __future__ import annotations

import pytest

from polarnight.db import AstroSource, Epoch, PhotoPolResult


def make(n, epoch, source, **changes):
    values = {
        "identity": f"{source.name}|{n}",
        "epoch": epoch,
        "astrosource": source,
        "reduction": "relpol",
        "instrument": "AndorT90",
        "obsmode": "POLARIMETRY",
        "band": "R",
        "juliandate": 2459841.46 + n / 7,
        "mag": 13.38 + n / 3,
        "mag_err": 0.1 / 3,
        "p": 0.14,
        "chi": 14.7,
        "files": [f"OSN-T090/2022-09-18/{n}.fit"],
    }
    return PhotoPolResult(**{**values, **changes})


@pytest.fixture
def results(db):
    """Five results of two sources; the last has no numbers and a wicked name."""
    epoch = Epoch.create("OSN-T090/2022-09-18")
    place = {"ra_hms": "22:02:43.2914", "dec_dms": "+42:16:39.980"}
    good = AstroSource.objects.create(name="2200+420", **place)
    bad = AstroSource.objects.create(name="=cmd|' /C calc'!A0, <b>\"1_0%\"</b>", **place)
    flags = PhotoPolResult.Flags
    rows = [
        make(0, epoch, good),
        make(1, epoch, good, band="V", instrument="DIPOL"),
        make(2, epoch, good, machine_flags=flags.SATURATED),
        make(3, epoch, good, machine_flags=flags.BAD_PHOTOMETRY | flags.FORCED, mag=-0.25),
        make(4, epoch, bad, mag=None, mag_err=None, p=None, chi=None, zp_n=7, error="a\nb"),
    ]
    PhotoPolResult.objects.bulk_create(rows)
    return rows
