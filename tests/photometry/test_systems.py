"""Each photometric system has relations of its own, with errors and limits of colour."""

import numpy as np
import pytest

from polarnight.errors import AlgorithmFailed
from polarnight.frames.bands import SYSTEMS, band_in_system
from polarnight.photometry.systems import RELATIONS, to_johnson
from polarnight.photometry.transforms import sdss_to_johnson


def one(**mags):
    return {band: np.array([value]) for band, value in mags.items()}


@pytest.mark.parametrize(
    ("band", "expected"),
    [
        # G - M as published, at BP - RP = 1.
        ("V", 15.0 - (-0.02704 + 0.01424 - 0.2156 + 0.01426)),
        ("R", 15.0 - (-0.02275 + 0.3961 - 0.1243 - 0.01396 + 0.003775)),
        ("I", 15.0 - (0.01753 + 0.76 - 0.0991)),
    ],
)
def test_gaia_at_one_colour(band, expected):
    mag, err, source = to_johnson(band, one(G=15.0, BP=15.5, RP=14.5))
    assert mag[0] == pytest.approx(expected, abs=1e-9)
    assert err[0] == pytest.approx(RELATIONS["gaia"][band].rms)
    assert "Riello" in source


def test_a_sun_in_gaia_and_johnson():
    # Colours of the Sun by different authors: G-V = -0.17 +- 0.02, V-Ic = 0.70, V-R = 0.36
    # (Casagrande and VandenBerg 2018; Ramirez et al. 2012), BP-RP = 0.82.
    mags = one(G=0.0, BP=0.33, RP=-0.49)
    v, r, i = (to_johnson(band, mags)[0][0] for band in "VRI")
    assert -v == pytest.approx(-0.17, abs=0.03)
    assert v - r == pytest.approx(0.36, abs=0.03)
    assert v - i == pytest.approx(0.70, abs=0.04)


@pytest.mark.parametrize(
    ("band", "expected"),
    [
        ("B", 16.0 + 0.212 + 0.556 * 0.6 + 0.034 * 0.36),
        ("V", 15.4 + 0.005 + 0.462 * 0.6 + 0.013 * 0.36),
        ("R", 15.4 - 0.137 - 0.108 * 0.6 - 0.029 * 0.36),
        ("I", 15.2 - 0.366 - 0.136 * 0.6 - 0.018 * 0.36),
    ],
)
def test_pan_starrs_at_one_colour(band, expected):
    mag, err, source = to_johnson(band, one(g_ps1=16.0, r_ps1=15.4, i_ps1=15.2))
    assert mag[0] == pytest.approx(expected, abs=1e-9)
    assert err[0] == pytest.approx(RELATIONS["ps1"][band].rms)
    assert "Tonry" in source


def test_relations_of_the_sdss_are_not_used_for_pan_starrs():
    numbers = {"g": 17.2, "r": 16.0, "i": 15.5}
    ps1 = one(**{f"{b}_ps1": m for b, m in numbers.items()})
    sdss = one(**{f"{b}_sdss": m for b, m in numbers.items()})
    for band, least in (("B", 0.2), ("R", 0.015)):
        sloan = to_johnson(band, sdss)[0][0]
        assert sloan == pytest.approx(sdss_to_johnson(band, one(**numbers))[0][0])
        assert abs(to_johnson(band, ps1)[0][0] - sloan) > least


def test_magnitudes_of_no_known_system_make_no_zero_point():
    with pytest.raises(AlgorithmFailed, match="--system"):
        to_johnson("R", one(g=16.0, r=15.5, i=15.3))


def test_apass_comes_near_the_sdss_relations():
    # The primed system differs from the other by a few millimagnitudes for stars like the Sun.
    numbers = {"g": 15.0, "r": 14.55, "i": 14.41}
    apass, _, source = to_johnson("R", one(**{f"{b}_apass": m for b, m in numbers.items()}))
    sdss = to_johnson("R", one(**{f"{b}_sdss": m for b, m in numbers.items()}))[0]
    assert 0 < abs(apass[0] - sdss[0]) < 0.01
    assert "Tucker" in source


@pytest.mark.parametrize(("band", "system"), [(b, s) for s in RELATIONS for b in RELATIONS[s]])
def test_errors_follow_those_of_all_bands(band, system):
    relation = RELATIONS[system][band]
    bands = {"gaia": "G BP RP", "ps1": "g_ps1 r_ps1 i_ps1"}[system].split()
    middle = dict(
        zip(bands, (15.0, 15.5, 14.6) if system == "gaia" else (16.0, 15.4, 15.2), strict=True)
    )
    sigma = dict(zip(bands, (0.01, 0.03, 0.02), strict=True))
    rng = np.random.default_rng(3)
    drawn = {b: m + sigma[b] * rng.standard_normal(20000) for b, m in middle.items()}
    scatter = np.std(to_johnson(band, drawn)[0])
    err = to_johnson(band, one(**middle), {b: np.array([s]) for b, s in sigma.items()})[1][0]
    assert err == pytest.approx(np.hypot(scatter, relation.rms), rel=0.03)


@pytest.mark.parametrize(("band", "colour"), [("R", -0.1), ("R", 4.1), ("V", 5.2), ("I", -0.6)])
def test_outside_the_colours_of_a_relation_there_is_no_magnitude(band, colour):
    mag, err, _ = to_johnson(band, one(G=15.0, BP=15.0 + colour, RP=15.0))
    assert np.isnan(mag[0])
    assert np.isnan(err[0])


def test_the_system_with_most_stars_is_taken_and_none_are_mixed():
    nan = np.nan
    mags = {
        "g_sdss": np.array([16.0, nan, nan]),
        "r_sdss": np.array([15.5, nan, nan]),
        "i_sdss": np.array([15.3, nan, nan]),
        "G": np.array([15.4, 15.0, 16.0]),
        "BP": np.array([15.8, 15.5, 16.6]),
        "RP": np.array([14.9, 14.5, 15.2]),
    }
    mag, _, source = to_johnson("R", mags)
    assert source.startswith("gaia")
    assert np.isfinite(mag).all()
    mags["G"][1:] = nan
    assert to_johnson("R", mags)[2].startswith("sdss")  # as many stars, less scatter


def test_names_of_bands_tell_their_system():
    assert band_in_system("g", "ps1") == "g_ps1"
    assert band_in_system("G", "gaia") == "G"
    assert band_in_system("V", "apass") == "V"
    for band, system in (("g", "gaia"), ("y", "sdss"), ("g", "hubble")):
        with pytest.raises(ValueError, match="no band"):
            band_in_system(band, system)
    names = [band_in_system(b, s) for s, bands in SYSTEMS.items() for b in bands]
    assert len(names) == len(set(names))
