"""Host galaxies: published figures, errors that cover, refusal outside the tables."""

from pathlib import Path

import numpy as np
import pytest

from polarnight.errors import AlgorithmFailed, ConfigError
from polarnight.photometry.hosts import (
    ZERO_FLUX_MJY,
    HostLight,
    dilution,
    find_host,
    flux_of_magnitude,
    load_host_tables,
    subtract_host,
)

TABLES = load_host_tables()


def test_the_published_figure_of_bl_lac():
    light = TABLES["BL Lacertae"].at(6.0, 4.0)
    assert (light.flux, light.error) == pytest.approx((1.22, 0.03))


def test_all_twenty_objects_are_there_and_hold_more_light_in_larger_apertures():
    assert len(TABLES) == 20
    for table in TABLES.values():
        # Rounding to 0.1 mJy of the brightest.
        assert np.diff(table.flux, axis=0).min() > -0.051, table.name
        assert np.min(table.error) > 0


def test_interpolation_is_linear_inside_a_cell():
    table = TABLES["BL Lacertae"]
    corners = [table.at(r, f).flux for r in (6.0, 6.5) for f in (2.0, 3.0)]
    assert table.at(6.25, 2.5).flux == pytest.approx(np.mean(corners))
    assert table.at(6.0, 2.25).flux == pytest.approx(0.75 * 1.24 + 0.25 * 1.22)
    assert table.at(10.0, 8.0).flux == pytest.approx(1.6)
    assert table.at(10.0, 8.0).error == pytest.approx(0.2)


@pytest.mark.parametrize(("radius", "fwhm"), [(0.9, 3.0), (10.1, 3.0), (5.0, 0.9), (5.0, 8.1)])
def test_nothing_is_extrapolated(radius, fwhm):
    with pytest.raises(AlgorithmFailed, match="outside the table"):
        TABLES["BL Lacertae"].at(radius, fwhm)
    with pytest.raises(AlgorithmFailed, match="outside the table"):
        TABLES["BL Lacertae"].at(float("nan"), 3.0)


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("2200+420", "BL Lacertae"),
        ("BL Lac", "BL Lacertae"),
        ("bllacertae", "BL Lacertae"),
        ("Mrk421", "Mrk 421"),
        ("1101_384", "Mrk 421"),
        ("1ES1959+650", "1ES 1959+650"),
        ("1959+650", "1ES 1959+650"),
        ("2200+420 A", ""),
        ("3C 345", ""),
        ("", ""),
    ],
)
def test_sources_are_known_by_their_names(name, table):
    assert find_host([name]) == table


def test_any_of_the_names_will_do():
    assert find_host(["my blazar", "J2202", "BL_Lac"]) == "BL Lacertae"


def test_magnitudes_are_those_of_the_fluxes_left():
    flux, error = flux_of_magnitude(14.0, 0.02)
    assert flux == pytest.approx(3080e3 * 10 ** (-5.6))
    assert error == pytest.approx(flux * 0.02 * 0.4 * np.log(10))
    mag, mag_err = subtract_host(14.0, 0.02, HostLight(1.22, 0.03))
    assert 3080e3 * 10 ** (-0.4 * mag) == pytest.approx(flux - 1.22)
    left = np.hypot(error, 0.03) / (flux - 1.22)
    assert mag_err == pytest.approx(2.5 / np.log(10) * left)


def test_errors_of_magnitude_and_polarization_cover_the_scatter():
    rng = np.random.default_rng(5)
    truth, host, true_p = 3.0, 2.0, 0.2
    seen = -2.5 * np.log10((truth + host) / ZERO_FLUX_MJY)
    pulls = []
    for _ in range(4000):
        mag = seen + 0.01 * rng.standard_normal()
        light = HostLight(host + 0.05 * rng.standard_normal(), 0.05)
        p, p_err = true_p * truth / (truth + host) + 0.002 * rng.standard_normal(), 0.002
        found, error = subtract_host(mag, 0.01, light)
        factor, factor_err = dilution(mag, 0.01, light)
        true_mag = -2.5 * np.log10(truth / ZERO_FLUX_MJY)
        total = np.hypot(factor * p_err, p * factor_err)
        pulls.append(((found - true_mag) / error, (factor * p - true_p) / total))
    assert np.abs(np.mean(pulls, axis=0)).max() < 0.1
    assert np.std(pulls, axis=0) == pytest.approx([1.0, 1.0], abs=0.05)


@pytest.mark.parametrize("host", [6.0, 5.0, 4.9])
def test_what_is_not_significant_is_refused_and_not_a_logarithm_of_nothing(host):
    seen = -2.5 * np.log10(5.0 / ZERO_FLUX_MJY)
    for function in (subtract_host, dilution):
        with pytest.raises(AlgorithmFailed, match="too little is left"):
            function(seen, 0.02, HostLight(host, 0.05))


HEAD = "object,aperture_radius_arcsec,fwhm_arcsec,flux_mJy,flux_err_mJy\n"


def own_table(tmp_path, flux):
    """Write a table of a galaxy of one's own: flux(radius, fwhm)."""
    rows = [f"own,{r},{f},{flux(r, f):.3f},0.1" for r in (1, 2, 3) for f in (1, 2)]
    path = tmp_path / "hosts.csv"
    path.write_text(HEAD + "\n".join(rows) + "\n")
    return path


def test_tables_of_ones_own_join_the_shipped_ones(tmp_path):
    tables = load_host_tables(own_table(tmp_path, lambda r, f: r * 1.0))
    assert len(tables) == 21
    assert find_host(["OWN"], tables) == "own"
    assert tables["own"].at(2.5, 1.5).flux == pytest.approx(2.5)


def test_a_table_with_its_axes_exchanged_is_refused(tmp_path):
    # Light within an aperture grows with the aperture and falls with the seeing: read the other
    # way round, it would fall with the aperture.
    with pytest.raises(ConfigError, match="exchanged"):
        load_host_tables(own_table(tmp_path, lambda r, f: 5.0 * f - r))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a,b\n", "columns must be"),
        (HEAD + "own,1,1,0.5,0.1\nown,2,2,0.5,0.1\n", "full grid"),
        (HEAD + "own,1,1,x,0.1\n", "no number"),
        (HEAD + "".join(f"own,{r},{f},1,0\n" for r in (1, 2) for f in (1, 2)), "need errors"),
    ],
)
def test_faulty_tables_are_refused_with_the_reason(tmp_path, text, fault):
    path = tmp_path / "hosts.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=fault):
        load_host_tables(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_host_tables(tmp_path / "absent.csv")


GRID = "object,aperture_radius_arcsec,fwhm_arcsec,flux_mJy,flux_err_mJy\n" + "".join(
    f"X,{radius},{fwhm},{0.1 * radius},0.1\n" for radius in (1, 2) for fwhm in (1, 2)
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GRID.replace("X,2,", "X,inf,"), "must be positive"),
        (GRID.replace("X,1,", "X,-1,"), "must be positive"),
        (GRID.replace("X,", ","), "no name in the column object"),
        (GRID.replace("X,1,", "X" * 200_000 + ",1,"), "field larger than"),
    ],
)
def test_tables_of_ones_own_that_cannot_be(tmp_path, text, told):
    path = tmp_path / "hosts.csv"
    path.write_text(GRID)
    assert "X" in load_host_tables(path)
    path.write_text(text)
    with pytest.raises(ConfigError, match=told) as caught:
        load_host_tables(path)
    assert "hosts.csv" in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_a_device_is_no_table():
    with pytest.raises(ConfigError, match="larger than"):
        load_host_tables(Path("/dev/zero"))
