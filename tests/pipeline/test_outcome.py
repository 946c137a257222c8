"""What a result says of itself: every flag it can carry exists, and is set when it should be."""

import numpy as np
import pytest

from polarnight.frames import Bit
from polarnight.pipeline.groups.group import instrumental_magnitudes
from polarnight.pipeline.groups.measure import measurable, usable
from polarnight.pipeline.groups.outcome import GroupFlux, machine_flags
from polarnight.pipeline.groups.records import ApertureRow, SourceRecord
from polarnight.pipeline.groups.relative import InstrumentalMagnitude, zero_points
from polarnight.polarimetry import Stokes, fit_polaroids


def row(**changes):
    values = {
        "frame": 1,
        "source": 1,
        "pair": "O",
        "aperpix": 5.0,
        "r_in": 8.0,
        "r_out": 14.0,
        "flux_counts": 1e4,
        "flux_counts_err": 1e2,
        "area": 78.5,
        "n_sky": 400,
        "bkg_flux_counts": 100.0,
        "bkg_flux_counts_err": 0.5,
        "x_px": 50.0,
        "y_px": 50.0,
        "forced": False,
        "crowded": False,
        "fwhm": 2.0,
        "fwhm_source": 2.0,
        "bits": 0,
        "bits_left": 0,
    }
    return ApertureRow(**{**values, **changes})


CASES = {
    "SATURATED": ({"bits": Bit.SATURATED}, {}, True),
    "BAD_PIXELS": ({"bits": Bit.COSMIC_RAY}, {}, True),
    "BAD_PHOTOMETRY": ({}, {}, False),
    "FORCED": ({"forced": True}, {}, True),
    "NONLINEAR": ({"bits": Bit.NONLINEAR}, {}, True),
    "CROWDED": ({"crowded": True}, {}, True),
    "CATALOGUE_CALIBRATED": ({}, {"mag_zp": 22.0, "zp_method": "catalogue, colour term"}, True),
    "NO_ZERO_POINT": ({}, {}, True),
    "UPPER_LIMIT": ({}, {"mag_zp": 22.0, "mag_limit": 19.0}, True),
}


@pytest.mark.parametrize("flag", CASES)
def test_flags_are_set_and_known_to_the_database(flag):
    from polarnight.db import PhotoPolResult

    changes, values, trusted = CASES[flag]
    rows = [row(**changes)]
    given = {"mag_zp": 22.0, **values} if flag != "NO_ZERO_POINT" else dict(values)
    flags = machine_flags({"bits": rows[0].bits, **given}, rows, GroupFlux(1e4, 1e2, trusted))
    assert flag in flags
    for name in flags:
        assert PhotoPolResult.FLAGS[name]


def test_a_cycle_that_scatters_says_so():
    from polarnight.db import PhotoPolResult

    flags = []
    for scale in (1.0, 3.0):
        stokes = Stokes(q=0.1, u=0.0, cov=np.eye(2) * 1e-6, scale=scale, dof=1)
        flux = GroupFlux(1e4, 1e2, True, stokes)
        flags.append(machine_flags({"bits": 0, "mag_zp": 22.0}, [row()], flux))
    assert flags == [(), ("EXCESS_SCATTER",)]
    assert PhotoPolResult.FLAGS["EXCESS_SCATTER"]


def test_a_cycle_of_three_polaroids_says_that_nothing_checks_it():
    from polarnight.db import PhotoPolResult

    flags = []
    for angles in ((0.0, 60.0, 120.0), (0.0, 45.0, 90.0, 135.0)):
        flux = 1.0 + 0.1 * np.cos(2 * np.radians(angles))
        flux = GroupFlux(1e4, 1e2, True, fit_polaroids(angles, flux, np.full(len(flux), 1e-3)))
        flags.append(machine_flags({"bits": 0, "mag_zp": 22.0}, [row()], flux))
    assert flags == [("UNCHECKED",), ()]
    assert PhotoPolResult.FLAGS["UNCHECKED"]


def test_stars_beyond_the_linear_range_calibrate_nothing():
    fluxes = {n: GroupFlux(1e4, 1e2, True) for n in (1, 2, 3)}
    fluxes[3] = GroupFlux(1e4, 1e2, trusted=False)
    rows = {1: [row()], 2: [row(bits=int(Bit.NONLINEAR))], 3: [row()]}
    assert list(instrumental_magnitudes(fluxes, rows, 60.0)) == [1]


def test_a_good_result_has_no_flag():
    assert machine_flags({"bits": 0, "mag_zp": 22.0}, [row()], GroupFlux(1e4, 1e2, True)) == ()


def test_what_may_be_used():
    assert usable(row())
    assert usable(row(bits=int(Bit.BAD_PIXEL), bits_left=int(Bit.INTERPOLATED)))
    assert measurable(row(bits_left=int(Bit.COSMIC_RAY)))
    assert not usable(row(bits_left=int(Bit.COSMIC_RAY)))
    assert not measurable(row(bits_left=int(Bit.SATURATED)))
    assert not measurable(row(flux_counts=np.nan))
    assert not measurable(row(flux_counts_err=0.0))


def star(number, mag=None, calibrates=()):
    magnitudes = {} if mag is None else {"R": (mag, 0.01)}
    return SourceRecord(
        number, f"s{number}", 10.0, 10.0, magnitudes=magnitudes, calibrates=calibrates
    )


def test_no_source_calibrates_itself():
    sources = [star(1), star(2, 15.0, (1,)), star(3, 16.0, (1,))]
    measured = {
        1: InstrumentalMagnitude(-8.0, 0.01),
        2: InstrumentalMagnitude(-7.0, 0.01),
        3: InstrumentalMagnitude(-6.1, 0.01),
    }
    points = zero_points(measured, sources, "R")
    names = {k: [c["name"] for c in p.details["calibrators"]] for k, p in points.items()}
    assert names == {1: ["s2", "s3"], 2: ["s3"], 3: ["s2"]}
    assert points[2].value == pytest.approx(22.1)
    assert points[3].value == pytest.approx(22.0)


def test_calibrators_of_another_target_or_band_do_not_count():
    sources = [star(1), star(2, 15.0, (9,)), star(3, None, (1,))]
    measured = {n: InstrumentalMagnitude(-8.0, 0.01) for n in (1, 2, 3)}
    assert 1 not in zero_points(measured, sources, "R")
