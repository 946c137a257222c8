import numpy as np
import pytest

from polarnight.errors import AlgorithmFailed
from polarnight.photometry import (
    aperture_correction,
    aperture_photometry,
    bjd_tdb,
    growth_curve,
    mid_exposure,
    sdss_to_johnson,
)

SIGMA = 2.0


def stars(seed=1, n=40, electrons=2e5):
    rng = np.random.default_rng(seed)
    size = 60 * n
    xy = np.column_stack([(np.arange(n) + 0.5) * 60, np.full(n, 30.0)])
    xy += rng.uniform(-0.5, 0.5, xy.shape)
    image = np.full((60, size), 50.0)
    y, x = np.mgrid[0:60, -30:31]
    for cx, cy in xy:
        ix = int(cx)
        square = (x + ix - cx) ** 2 + (y - cy) ** 2
        left = max(ix - 30, 0)
        cut = np.exp(-0.5 * square / SIGMA**2)[:, left - ix + 30 : size - ix + 30]
        image[:, left : ix + 31] += electrons / (2 * np.pi * SIGMA**2) * cut
    seen = rng.poisson(image).astype(np.float32)
    return aperture_photometry(seen, seen, None, xy, [3.0, 4.0, 6.0, 9.0], (14, 24))


def gaussian_fraction(r):
    """A profile sampled at pixel centres and held constant over pixels is wider by 1/12."""
    return 1.0 - np.exp(-0.5 * r**2 / (SIGMA**2 + 1.0 / 12.0))


def test_growth_curve_of_a_gaussian():
    fraction, error = growth_curve(stars())
    expected = gaussian_fraction(np.array([3.0, 4.0, 6.0, 9.0])) / gaussian_fraction(9.0)
    assert fraction[-1] == 1
    assert error[-1] == 0
    assert np.all(np.abs(fraction - expected)[:-1] < 4 * error[:-1] + 1e-4)
    assert np.all(error[:-1] < 5e-3)


def test_aperture_correction_covers_its_error():
    truth = -2.5 * np.log10(gaussian_fraction(9.0) / gaussian_fraction(4.0))
    pulls = []
    for seed in range(60):
        found = aperture_correction(stars(seed, n=6, electrons=2e4), 1, 3)
        pulls.append((found.value - truth) / found.err)
    assert np.mean(np.abs(pulls) < 1) == pytest.approx(0.683, abs=0.19)
    assert np.mean(np.abs(pulls) < 3) > 0.96
    assert abs(np.mean(pulls)) < 0.4


def test_aperture_correction_needs_order_and_stars():
    measured = stars(n=2)
    with pytest.raises(ValueError, match="smaller"):
        aperture_correction(measured, 2, 1)
    empty = aperture_photometry(np.ones((9, 9)), None, None, np.empty((0, 2)), [1, 2], None)
    with pytest.raises(AlgorithmFailed):
        growth_curve(empty)


def test_lupton_relations():
    mags = {"u": 17.2, "g": 16.0, "r": 15.5, "i": 15.3, "z": 15.2}
    expected = {
        "B": 16.0 + 0.3130 * 0.5 + 0.2271,
        "V": 16.0 - 0.5784 * 0.5 - 0.0038,
        "R": 15.5 - 0.2936 * 0.2 - 0.1439,
        "I": 15.5 - 1.2444 * 0.2 - 0.3820,
    }
    for band, value in expected.items():
        assert sdss_to_johnson(band, mags)[0] == pytest.approx(value)
    u = sdss_to_johnson("U", mags)[0]
    assert u == pytest.approx(expected["B"] + 0.78 * 1.2 - 0.88)


def test_error_of_a_transformation_counts_each_magnitude_once():
    mag, err = sdss_to_johnson("B", {"g": 16.0, "r": 15.5}, {"g": 0.02, "r": 0.03})
    assert err == pytest.approx(np.sqrt((1.313 * 0.02) ** 2 + (0.313 * 0.03) ** 2 + 0.0107**2))
    assert float(mag) == pytest.approx(16.3836)


def test_other_relation_where_a_magnitude_is_missing():
    mags = {"g": np.array([16.0, 16.0]), "r": np.array([15.5, 15.5]), "i": np.array([15.3, np.nan])}
    value, err = sdss_to_johnson("R", mags, {"g": 0.01, "r": 0.01, "i": 0.01})
    assert value[1] == pytest.approx(15.5 - 0.1837 * 0.5 - 0.0971)
    assert value[0] == pytest.approx(15.5 - 0.2936 * 0.2 - 0.1439)
    assert err[1] > err[0]
    assert np.all(np.isnan(sdss_to_johnson("B", {"g": np.nan, "r": 15.0})[0]))


def test_transformation_without_its_columns():
    with pytest.raises(AlgorithmFailed, match="band I"):
        sdss_to_johnson("I", {"g": 1.0})
    with pytest.raises(ValueError, match="band"):
        sdss_to_johnson("K", {"g": 1.0})


def test_middle_of_an_exposure():
    assert mid_exposure(2460000.0, 172.8) == pytest.approx(2460000.001)
    with pytest.raises(ValueError, match="exposure"):
        mid_exposure(2460000.0, -1.0)


OSN = {"longitude": -3.3847, "latitude": 37.0642, "height": 2896.0}


def test_bjd_of_a_source_in_the_ecliptic_swings_by_eight_minutes():
    days = 2459000.5 + np.arange(0, 366, 5.0)
    shift = (bjd_tdb(days, 0.0, 0.0, **OSN) - days) * 86400
    # TDB - UTC is 69.184 s in 2020; light time of an astronomical unit is 499 s.
    assert shift.max() - 69.184 == pytest.approx(499.0, abs=12.0)
    assert shift.min() - 69.184 == pytest.approx(-499.0, abs=12.0)


def test_bjd_of_the_ecliptic_pole_hardly_moves():
    days = 2459000.5 + np.arange(0, 366, 30.0)
    shift = (bjd_tdb(days, 270.0, 66.5607, **OSN) - days) * 86400 - 69.184
    assert np.max(np.abs(shift)) < 6.0


def test_bjd_far_in_the_future_gives_no_warning():
    assert np.isfinite(bjd_tdb(2469000.5, 120.0, 30.0, **OSN))


def test_bjd_of_another_code():
    """Against barycorrpy (Kanodia and Wright 2018; JPL DE430): tau Ceti from Cerro Tololo."""
    years = (2458000.0 - 2451545.0) / 365.25
    ra = 26.017013 - 1.72105 * years / 3600 / np.cos(np.radians(15.9375))
    dec = -15.937480 + 0.85416 * years / 3600
    found = bjd_tdb(2458000.0, ra, dec, longitude=-70.806789, latitude=-30.169283, height=2241.9)
    assert found - 2458000.0 == pytest.approx(0.00505211, abs=2e-7)  # 0.02 s


def test_bjd_from_the_place_of_the_earth():
    """Against the light time computed directly from the Earth's place in the ephemeris."""
    from astropy import units
    from astropy.coordinates import EarthLocation, get_body_barycentric
    from astropy.time import Time

    day, ra, dec = 2460345.678, 83.6, 22.0
    place = EarthLocation.from_geodetic(
        OSN["longitude"] * units.deg, OSN["latitude"] * units.deg, OSN["height"] * units.m
    )
    time = Time(day, format="jd", scale="utc")
    earth = get_body_barycentric("earth", time, ephemeris="builtin").xyz.to_value(units.km)
    earth = earth + place.get_gcrs_posvel(time)[0].xyz.to_value(units.km)
    a, d = np.radians([ra, dec])
    toward = np.array([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)])
    light = earth @ toward / 299792.458
    expected = (time.tdb.jd1 - day) + time.tdb.jd2 + light / 86400
    assert (bjd_tdb(day, ra, dec, **OSN) - day) == pytest.approx(expected, abs=2e-8)
