"""The solver finds what is there, tells what it is not, and always tells the same."""

import itertools

import numpy as np
import pytest

from polarnight.astrometry import Detections, MemoryCatalogue, PairVector, Stars, solve
from polarnight.astrometry.geometry import gnomonic_inverse
from polarnight.errors import AlgorithmFailed


def _solve(found, stars, camera, pointing, **options):
    return solve(
        found,
        MemoryCatalogue(stars),
        shape=camera.shape,
        pixel_scale=options.pop("pixel_scale", camera.scale),
        pointings=[(*pointing, "header")],
        **options,
    )


def _away(ra, dec, degrees, angle):
    a = np.radians(angle)
    return tuple(
        float(v) for v in gnomonic_inverse(degrees * np.cos(a), degrees * np.sin(a), ra, dec)
    )


@pytest.mark.parametrize(
    ("seed", "most", "deeper", "off", "mirrored", "clustered"),
    [
        (0, 8, 1.5, 0.0, False, False),
        (1, 8, 3.0, 0.2, True, False),
        (2, 15, 1.0, 0.5, False, True),
        (3, 40, 3.0, 0.3, True, True),
        (4, 40, 1.0, 0.5, False, False),
        (5, 150, 2.0, 0.1, True, False),
        (6, 600, 1.0, 0.05, False, True),
        (7, 3000, 1.0, 0.0, True, False),
    ],
)
def test_solves(field, seed, most, deeper, off, mirrored, clustered):
    rng = np.random.default_rng(seed)
    ra, dec = rng.uniform(0, 360), np.degrees(np.arcsin(rng.uniform(-1, 1)))
    camera = field.Camera(ra, dec, rotation=rng.uniform(0, 360), mirrored=mirrored)
    area = np.prod(camera.shape) * (camera.scale / 3600) ** 2
    radius = off + 0.25
    n = int(most * 1.4 * deeper / area * np.pi * radius**2)
    stars = field.make_sky(rng, ra, dec, radius, n, clustered=clustered)
    found = camera.observe(rng, stars, most=most)
    solution = _solve(
        found,
        stars,
        camera,
        _away(ra, dec, off, 40.0 * seed),
        pixel_scale=camera.scale * rng.uniform(0.97, 1.03),
    )
    assert camera.corner_error(solution.wcs) < (0.3 if most >= 40 else 0.6)
    evidence = solution.evidence
    assert evidence["mirrored"] == mirrored
    assert evidence["log10_chance"] < -6
    assert evidence["offset_deg"] == pytest.approx(off, abs=0.01)
    assert evidence["pixel_scale"] == pytest.approx(camera.scale, rel=2e-3)
    # Most of the real sources, and hardly any of the false ones, are matched.
    assert evidence["n_matched"] >= 0.75 * min(most, len(found) / 1.1)
    ours = np.hypot(*(found.xy[solution.i_detection] - solution.star_xy[solution.i_star]).T)
    assert np.sqrt(np.mean(ours**2)) == pytest.approx(evidence["rms_px"], rel=0.1, abs=0.02)


def test_distortion_is_found_where_stars_allow(field):
    rng = np.random.default_rng(11)
    camera = field.Camera(80.0, 40.0, rotation=33.0, distortion=3e-3)
    stars = field.make_sky(rng, 80.0, 40.0, 0.3, 9000)
    found = camera.observe(rng, stars, most=300)
    solution = _solve(found, stars, camera, (80.02, 40.01))
    assert solution.evidence["order"] == 3
    assert solution.wcs.wcs.ctype[0] == "RA---TAN-SIP"
    assert camera.corner_error(solution.wcs) < 0.3
    straight = field.Camera(80.0, 40.0, rotation=33.0)
    found = straight.observe(rng, stars, most=300)
    assert _solve(found, stars, straight, (80.02, 40.01)).evidence["order"] <= 1


def test_wcs_equals_plate_and_survives_fits(field):
    from astropy.wcs import WCS

    rng = np.random.default_rng(12)
    camera = field.Camera(80.0, -40.0, shape=(700, 1100), rotation=200.0, distortion=3e-3)
    stars = field.make_sky(rng, 80.0, -40.0, 0.3, 9000)
    solution = _solve(camera.observe(rng, stars, most=300), stars, camera, (80.02, -40.01))
    x, y = rng.uniform(0, 1099, 50), rng.uniform(0, 699, 50)
    again = WCS(solution.wcs.to_header(relax=True))
    for wcs in (solution.wcs, again):
        np.testing.assert_allclose(
            wcs.all_pix2world(x, y, 0), solution.plate.to_sky(x, y), rtol=0, atol=1e-8
        )
    # The inverse polynomials, which other programs use, agree with the forward ones.
    plane = np.column_stack(again.wcs_world2pix(*again.all_pix2world(x, y, 0), 0))
    u, v = (plane - (again.wcs.crpix - 1.0)).T
    n = again.sip.ap_order + 1
    powers = [(p, q) for p in range(n) for q in range(n) if p + q < n]
    for axis, name, truth in ((u, "ap", x), (v, "bp", y)):
        table = getattr(again.sip, name)
        back = axis + sum(table[p, q] * u**p * v**q for p, q in powers)
        origin = again.wcs.crpix[0 if name == "ap" else 1] - 1.0
        np.testing.assert_allclose(back + origin, truth, atol=0.02)


def test_deterministic(field):
    rng = np.random.default_rng(13)
    camera = field.Camera(10.0, 5.0, rotation=77.0)
    stars = field.make_sky(rng, 10.0, 5.0, 0.7, 5000)
    found = camera.observe(rng, stars, most=60)
    shuffled = stars.select(rng.permutation(len(stars)))
    one = _solve(found, stars, camera, (10.2, 5.1))
    two = _solve(found, shuffled, camera, (10.2, 5.1))
    assert one.evidence == two.evidence
    np.testing.assert_array_equal(one.wcs.wcs.cd, two.wcs.wcs.cd)


def test_proper_motions_are_applied(field):
    rng = np.random.default_rng(14)
    camera = field.Camera(10.0, 50.0)
    stars = field.make_sky(rng, 10.0, 50.0, 0.3, 4000)
    found = camera.observe(rng, stars, most=80, missing=0, spurious=0)
    # All stars drift alike: 0.2 arcsec a year, so 5 arcsec in 25 years.
    drift = Stars(
        stars.ra,
        stars.dec - 25 * 0.2 / 3600,
        stars.mag,
        pmra=np.zeros(len(stars)),
        pmdec=np.full(len(stars), 200.0),
    )
    solution = _solve(found, drift, camera, (10.0, 50.0), jd=2451545.0 + 25 * 365.25)
    assert camera.corner_error(solution.wcs) < 0.3


def test_right_pointing_is_named(field):
    rng = np.random.default_rng(15)
    camera = field.Camera(200.0, 0.0)
    stars = field.make_sky(rng, 200.0, 0.0, 0.3, 4000)
    found = camera.observe(rng, stars, most=50)
    solution = solve(
        found,
        MemoryCatalogue(stars),
        shape=camera.shape,
        pixel_scale=camera.scale,
        pointings=[(20.0, 5.0, "header"), (200.01, 0.01, "object")],
    )
    assert solution.evidence["pointing"] == "object"


def _doubled(found, rng, dx, dy, keep=1.0):
    ratio = rng.normal(1.0, 0.05, len(found))
    seen = rng.uniform(size=len(found)) < keep
    return Detections.from_positions(
        np.r_[found.x, found.x[seen] + dx + rng.normal(0, 0.15, seen.sum())],
        np.r_[found.y, found.y[seen] + dy + rng.normal(0, 0.15, seen.sum())],
        np.r_[found.flux, (found.flux * ratio)[seen]],
    )


@pytest.mark.parametrize(("seed", "most"), [(0, 12), (1, 40), (2, 150)])
def test_dual_beam(field, seed, most):
    rng = np.random.default_rng(seed)
    camera = field.Camera(60.0, 20.0, shape=(800, 800), rotation=89.0)
    stars = field.make_sky(rng, 60.0, 20.0, 0.3, most * 40)
    single = camera.observe(rng, stars, most=most, spurious=0.0)
    found = _doubled(single, rng, -34.6, 0.4, keep=0.9)
    known = PairVector(-35.725, -0.197, 1.344, 1.016)
    solution = _solve(found, stars, camera, (60.05, 20.0), pair=known)
    # WCS A belongs to the ordinary image, which is the one at larger x.
    assert camera.corner_error(solution.wcs) < 0.6
    assert solution.evidence["pair"]["dx"] == pytest.approx(-34.6, abs=0.2)
    assert solution.evidence["pair"]["dy"] == pytest.approx(0.4, abs=0.2)
    assert solution.wcs_pair is not None
    x, y = solution.wcs_pair.all_world2pix(stars.ra, stars.dec, 0)
    x0, y0 = solution.wcs.all_world2pix(stars.ra, stars.dec, 0)
    np.testing.assert_allclose(x - x0, solution.pairs.dx, atol=1e-4)
    np.testing.assert_allclose(y - y0, solution.pairs.dy, atol=1e-4)


@pytest.mark.parametrize("most", [8, 40, 300])
@pytest.mark.parametrize("clustered", [False, True])
def test_refuses_another_field(field, most, clustered):
    rng = np.random.default_rng(most + clustered)
    camera = field.Camera(30.0, 10.0)
    area = np.prod(camera.shape) * (camera.scale / 3600) ** 2
    n = int(most * 3 / area * np.pi * 0.35**2)
    seen = field.make_sky(rng, 30.0, 10.0, 0.35, n, clustered=clustered)
    other = field.make_sky(rng, 30.0, 10.0, 0.35, n, clustered=clustered)
    found = camera.observe(rng, seen, most=most)
    with pytest.raises(AlgorithmFailed, match="chance could not explain") as caught:
        _solve(found, other, camera, (30.0, 10.0), radius_deg=0.12)
    numbers = caught.value.numbers
    assert numbers["sources"] == len(found)
    assert numbers["tiles"] > 0
    assert numbers["best"].get("log10_chance", 0.0) > -6


def test_refuses_the_right_field_at_a_wrong_scale(field):
    rng = np.random.default_rng(20)
    camera = field.Camera(30.0, 10.0)
    stars = field.make_sky(rng, 30.0, 10.0, 0.35, 3000)
    found = camera.observe(rng, stars, most=60)
    with pytest.raises(AlgorithmFailed):
        _solve(found, stars, camera, (30.0, 10.0), pixel_scale=0.7, radius_deg=0.05)


def test_refuses_too_little(field):
    rng = np.random.default_rng(21)
    camera = field.Camera(30.0, 10.0)
    stars = field.make_sky(rng, 30.0, 10.0, 0.3, 3000)
    found = camera.observe(rng, stars, most=60)
    four = found.select(np.arange(4))
    with pytest.raises(AlgorithmFailed, match="too few sources"):
        _solve(four, stars, camera, (30.0, 10.0))
    with pytest.raises(AlgorithmFailed, match="too few stars"):
        _solve(found, stars.select(np.arange(3)), camera, (30.0, 10.0))
    with pytest.raises(AlgorithmFailed, match="no pointing"):
        solve(found, MemoryCatalogue(stars), shape=(9, 9), pixel_scale=1.0, pointings=[])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_never_accepts_a_random_field(field, seed):
    """Six times thirty fields of every density, with the catalogue of another field."""
    rng = np.random.default_rng(1000 + seed)
    camera = field.Camera(30.0, 10.0, rotation=12.0)
    area = np.prod(camera.shape) * (camera.scale / 3600) ** 2
    kinds = itertools.product([8, 15, 40, 150, 600], [0.5, 1.5, 4.0], [False, True])
    for most, deeper, clustered in kinds:
        n = int(most / area * np.pi * 0.3**2)
        seen = field.make_sky(rng, 30.0, 10.0, 0.3, int(1.5 * n), clustered=clustered)
        other = field.make_sky(rng, 30.0, 10.0, 0.3, int(deeper * n) + 20, clustered=clustered)
        found = camera.observe(rng, seen, most=most)
        with pytest.raises(AlgorithmFailed):
            _solve(found, other, camera, (30.0, 10.0), radius_deg=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("most", [8, 15, 40, 150, 600, 3000])
def test_solves_nearly_always_and_never_wrongly(field, most):
    """Twelve skies each: any turn, mirror, depth of catalogue, and pointing error."""
    solved = 0
    for seed in range(12):
        rng = np.random.default_rng(5000 + seed)
        ra, dec = rng.uniform(0, 360), np.degrees(np.arcsin(rng.uniform(-1, 1)))
        camera = field.Camera(ra, dec, rotation=rng.uniform(0, 360), mirrored=bool(seed % 2))
        off = rng.uniform(0, 0.5 if most < 600 else 0.1)
        deeper = (1.0, 3.0)[seed % 3 == 1]
        area = np.prod(camera.shape) * (camera.scale / 3600) ** 2
        n = int(max(most, 12) * 1.4 * deeper / area * np.pi * (off + 0.25) ** 2)
        stars = field.make_sky(rng, ra, dec, off + 0.25, n, clustered=seed % 5 == 0)
        found = camera.observe(rng, stars, most=most)
        pointing = _away(ra, dec, off, rng.uniform(0, 360))
        scale = camera.scale * rng.uniform(0.97, 1.03)
        try:
            solution = _solve(found, stars, camera, pointing, pixel_scale=scale)
        except AlgorithmFailed:
            continue
        assert camera.corner_error(solution.wcs) < 1.5
        solved += 1
    assert solved >= 11
