"""A cycle of a half-wave plate and a frame of photometry in the database, made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from polarnight.frames import FrameInfo, ImageType, ObsMode

Q, U = 0.03, -0.02
ANGLES = (0.0, 22.5, 45.0, 67.5)


def make_info(number, angle=None, mode=ObsMode.POLARIMETRY):
    return FrameInfo(
        telescope="CAHA-T220", instrument="CAFOS2.2", filename=f"caf-{number}.fits",
        night="2025-09-13", imgtype=ImageType.LIGHT, obsmode=mode, band="R", rotangle=angle,
        exptime=60.0, jd_start=2460932.4 + number / 1000, jd_mid=2460932.4 + number / 1000,
        width=100, height=100, binning=(1, 1), gain=1.0, read_noise=5.0, saturation=65000.0,
        nonlinear=60000.0, pixel_scale=0.53, object_name="star",
    )  # fmt: skip


@pytest.fixture
def make_result(db, datadir):
    """Make a result of a star: ``make_result(**columns)``; polarimetry unless said otherwise."""
    from polarnight.db import AperPhotResult, AstroSource, Epoch, PhotoPolResult, RawFit, ReducedFit

    def make(growth=None, gain=1.0, **columns):
        epoch = Epoch.create("CAHA-T220/2025-09-13")
        source, _ = AstroSource.objects.get_or_create(
            name="star", defaults={"ra_hms": "00:00:01", "dec_dms": "+40:00:00"}
        )
        values = {
            "reduction": "relpol", "pol_method": "half-wave plate fit", "q_nocorr": Q,
            "u_nocorr": U, "juliandate": 2460932.4, "instrument": "CAFOS2.2",
            "obsmode": "POLARIMETRY", "band": "R",
            "evidence": {"polarimetry": {"measured_cov": [[1e-6, 0.0], [0.0, 1e-6]],
                                         "used": [True] * 4,
                                         "taken_off": {"q0": 0.01, "u0": 0.0}}},
            **columns,
        }  # fmt: skip
        polarimetry = values["reduction"] == "relpol"
        result = PhotoPolResult.objects.create(
            identity="star|x", epoch=epoch, astrosource=source, **values
        )
        for number, angle in enumerate(ANGLES if polarimetry else (None,)):
            mode = ObsMode.POLARIMETRY if polarimetry else ObsMode.PHOTOMETRY
            raw = RawFit.from_info(epoch, make_info(number, angle, mode))
            raw.save()
            frame = ReducedFit.from_rawfit(raw, solved=True)
            frame.photometry_info = {values["reduction"]: {"growth": growth}} if growth else {}
            frame.save()
            result.reducedfits.add(frame)
            turn = np.radians(4.0 * (angle or 0.0))
            wave = Q * np.cos(turn) + U * np.sin(turn)
            for pair, flux in (("O", 5e4 * (1 - wave)), ("E", gain * 5e4 * (1 + wave))):
                row = AperPhotResult.objects.create(
                    reducedfit=frame, astrosource=source, pairs=pair, flux_counts=flux,
                    flux_counts_err=50.0,
                )  # fmt: skip
                result.aperphotresults.add(row)
        return result

    return make
