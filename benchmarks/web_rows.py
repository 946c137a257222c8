"""A site with many results, for `benchmarks/web.py`: made-up, the same every time."""

from __future__ import annotations

import numpy as np

SOURCE, OTHER = "2200+420", "PG 1553+113"
FIRST_JD = 2457000.5
PER_NIGHT = 100
SERIES = (("AndorT90", "R"), ("AndorT90", "V"), ("DIPOL", "R"), ("AndorT150", "I"))
USERS = ("viewer", "observer", "operator", "admin")
PASSWORD = "a benchmark of quiet nights"


def fill(results: int) -> None:
    """Write users, two sources and results of many nights into an empty database.

    One source has all results but a tenth as many more, which belong to the other.
    """
    from django.contrib.auth.models import Group, User
    from django.db import connection, transaction

    from polarnight.db import AstroSource, Epoch, PhotoPolResult

    dice = np.random.default_rng(20220918)
    with transaction.atomic():
        for role in USERS:
            User.objects.create_user(role, password=PASSWORD).groups.add(
                Group.objects.get(name=role)
            )
        sources = [
            AstroSource.objects.create(name=SOURCE, ra_hms="22:02:43.29", dec_dms="+42:16:39.98"),
            AstroSource.objects.create(name=OTHER, ra_hms="15:55:43.04", dec_dms="+11:11:24.37"),
        ]
        nights = np.datetime64("2014-12-09") + np.arange(results // PER_NIGHT + 1)
        epochs = [Epoch.create(f"OSN-T090/{night}") for night in nights]
        for source, many in zip(sources, (results, results // 10), strict=True):
            for start in range(0, many, 5000):
                rows = range(start, min(start + 5000, many))
                PhotoPolResult.objects.bulk_create(
                    _result(PhotoPolResult, number, source, epochs, dice) for number in rows
                )
    with connection.cursor() as cursor:
        # What PostgreSQL does by itself some minutes later; nobody does it to SQLite.
        cursor.execute("VACUUM" if connection.vendor == "sqlite" else "VACUUM ANALYZE")


def _result(model, number, source, epochs, dice):
    """Return an unsaved result as wide as those of the pipeline."""
    night, of_night = divmod(number, PER_NIGHT)
    instrument, band = SERIES[number % len(SERIES)]
    jd = FIRST_JD + night + (of_night + float(dice.random())) / 3 / PER_NIGHT
    mag = 13.5 + np.sin(jd / 40) + dice.normal(0, 0.03)
    q, u = 0.08 + dice.normal(0, 0.01), 0.05 + dice.normal(0, 0.01)
    p = float(np.hypot(q, u))
    known = dice.random() > 0.02
    flags = int(model.Flags.BAD_PHOTOMETRY) if dice.random() < 0.01 else 0
    return model(
        identity=f"{source.name}|relpol|{number}", epoch=epochs[night], astrosource=source,
        reduction="relpol", instrument=instrument, obsmode="POLARIMETRY", band=band,
        juliandate=jd, juliandate_min=jd - 0.002, juliandate_max=jd + 0.002, bjd_tdb=jd + 0.005,
        exptime=60.0, n_frames=4, airmass=1 + float(dice.random()), machine_flags=flags,
        mag=float(mag) if known else None, mag_err=0.02 if known else None,
        mag_limit=None if known else 17.0, mag_zp=22 + dice.normal(0, 0.2), mag_zp_err=0.01,
        zp_method="ensemble", zp_n=7, mag_inst=-8.5, mag_inst_err=0.01, flux_counts=1e5,
        flux_counts_err=300.0, q=q, q_err=0.005, u=u, u_err=0.005, p=p, p_err=0.005,
        p_low=p - 0.005, p_high=p + 0.005, p_naive=p, chi=float(np.degrees(np.arctan2(u, q)) / 2),
        chi_err=1.5, fwhm=1.8, fwhm_source=1.9, aperas=5.0, aperpix=12.9,
        files=[f"OSN-T090/{epochs[night].night}/frame-{of_night}-{n}.fit" for n in range(4)],
        evidence={"zero point": {"stars": [f"star {n}" for n in range(7)], "residuals":
                  [0.01 * n for n in range(7)]}, "aperture": {"growth": list(range(30))}},
        provenance={"inputs": [64 * "0"] * 4}, recipe_key=64 * "a",
    )  # fmt: skip


def frame():
    """Write a raw frame of the first night, with its row; return its key."""
    from astropy.io import fits

    from polarnight.config import get_settings
    from polarnight.db import Epoch, RawFit

    name = "BLLac-0001R.fit"
    path = get_settings().data.raw_path("OSN-T090", "2014-12-09", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    dice = np.random.default_rng(1)
    pixels = dice.normal(1000, 15, (2048, 2048)).astype(np.uint16)
    fits.writeto(path, pixels, fits.Header({"OBJECT": "BLLac"}))
    return RawFit.objects.create(
        epoch=Epoch.objects.get(night="2014-12-09"), filename=name, imgtype="LIGHT",
        instrument="AndorT90", obsmode="PHOTOMETRY", band="R", imgsize="2048x2048",
        imgbinning="1x1", exptime=60.0, juliandate=FIRST_JD, object_name="BLLac",
        size_bytes=path.stat().st_size, mtime_ns=path.stat().st_mtime_ns,
    ).pk  # fmt: skip


def passes():
    """Return a session and a token of each user."""
    from django.contrib.auth.models import User
    from django.test import Client

    from polarnight.web.access.roles import Role
    from polarnight.web.models import ApiToken

    found = []
    for role in USERS:
        user = User.objects.get(username=role)
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        _, secret = ApiToken.issue(user, "benchmark", Role.of_label(role), 1)
        found.append(
            {"name": role, "token": secret, "session": client.cookies["polarnight_session"].value}
        )
    return found
