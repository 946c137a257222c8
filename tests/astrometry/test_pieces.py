"""Triangles, evidence, plates, pairs, pointings and the picture, each by itself."""

import numpy as np
import pytest
from scipy.stats import binom

from polarnight.astrometry import (
    Detections,
    MemoryCatalogue,
    PairVector,
    find_pairs,
    plot_solution,
    pointing_candidates,
    solve,
)
from polarnight.astrometry.geometry import precess_to_j2000, separation
from polarnight.astrometry.plates.evidence import chance_log10, match_nearest, tail_log10
from polarnight.astrometry.plates.plate import Plate, fit_plate, select_order
from polarnight.astrometry.plates.search import brightest_everywhere, tiles
from polarnight.astrometry.plates.triangles import cluster, make_triangles, match_triangles
from polarnight.errors import AlgorithmFailed
from polarnight.frames import FrameInfo, ImageType, ObsMode


@pytest.mark.parametrize("mirrored", [False, True])
def test_triangles_propose_the_true_transform(mirrored):
    rng = np.random.default_rng(1)
    z = rng.uniform(-500, 500, 14) + 1j * rng.uniform(-500, 500, 14)
    turn, shift = 1.02 * np.exp(2j), 40.0 - 70.0j
    sky = shift + turn * (np.conj(z) if mirrored else z)
    sky = np.r_[sky[3:], rng.uniform(-600, 600, 15) + 1j * rng.uniform(-600, 600, 15)]
    ours, theirs = make_triangles(z, 100, 1200), make_triangles(sky, 90, 1300)
    alike = match_triangles(ours, theirs, scale_tolerance=0.05)
    best = cluster(alike, lever=700.0, radius=6.0, limit=5)[0]
    assert best.mirrored == mirrored
    assert abs(best.turn - turn) < 1e-3
    assert abs(best.shift - shift) < 0.5
    assert len(alike) >= best.votes > 20
    assert len(alike.within(abs(shift) + 1.0)) >= best.votes
    assert not (np.abs(alike.within(50.0).shift) > 50.0).any()
    np.testing.assert_allclose(best.apply(z)[3:], sky[:11], atol=1.0)


def test_triangles_of_a_line_and_of_nothing():
    line = np.arange(6.0) + 0j
    assert len(make_triangles(line, 0.0, 10.0)) == 0
    nothing = make_triangles(np.zeros(2, complex), 0.0, 1.0)
    alike = match_triangles(nothing, nothing, scale_tolerance=0.1)
    assert len(alike) == 0
    assert cluster(alike, lever=1, radius=1, limit=5) == []


def test_triangles_of_many_stars_are_those_of_all_triples():
    """The neighbours' way to triangles (more than two dozen stars) leaves none out."""
    rng = np.random.default_rng(2)
    z = rng.uniform(0, 1000, 40) + 1j * rng.uniform(0, 1000, 40)
    many = {frozenset(v) for v in make_triangles(z, 50.0, 300.0).vertices.tolist()}
    for _ in range(4):
        some = np.sort(rng.permutation(40)[:20])
        few = make_triangles(z[some], 50.0, 300.0)
        expected = {v for v in many if v <= set(some.tolist())}
        assert {frozenset(some[v].tolist()) for v in few.vertices} == expected
        corners, handed = few.ordered(np.arange(len(few)))
        a, b, c = corners.T
        sides = np.abs(np.stack([b - c, a - c, a - b]))
        assert (np.diff(sides, axis=0) <= 0).all()
        np.testing.assert_allclose(few.codes[:, 2], np.log(sides[0]))
        np.testing.assert_allclose(few.codes[:, :2].T, sides[1:] / sides[0])
        assert (((np.conj(b - a) * (c - a)).imag > 0) == handed).all()


def test_brightest_of_every_part_of_the_sky():
    """A dense corner does not take the places of an empty one."""
    rng = np.random.default_rng(4)
    dense, sparse = rng.uniform(0, 10, (3000, 2)), rng.uniform(10, 40, (60, 2))
    xy = np.concatenate([dense, sparse])[np.argsort(rng.uniform(size=3060))]
    chosen = brightest_everywhere(xy, 4.0, (0, 20))
    lone = (xy > 12).all(axis=1)
    assert lone[chosen].sum() == lone.sum()
    crowd = (xy < 8).all(axis=1)
    assert crowd[chosen].sum() < 100
    ranks = np.flatnonzero(crowd)
    assert np.isin(ranks[:10], chosen).all()
    later = brightest_everywhere(xy, 4.0, (20, 60))
    assert len(np.intersect1d(chosen, later)) < 0.5 * len(later)
    assert (np.diff(later) > 0).all()


def test_chernoff_bounds_the_binomial_tail():
    for n, p in [(8, 0.001), (40, 0.05), (300, 0.2)]:
        k = np.arange(1, n + 1)
        exact = binom.logsf(k - 1, n, p) / np.log(10)
        bound = tail_log10(k, n, p)
        assert (bound >= exact - 1e-9).all()
        assert np.abs(bound - exact)[k > n * p * 3].max() < 2.5
    assert tail_log10(2000, 2000, 1e-3) == pytest.approx(-6000)


def test_chance_is_honest_about_random_matches():
    """Random lists give a chance below 10^-2 in fewer than one case in a hundred."""
    rng = np.random.default_rng(3)
    low = 0
    for _ in range(300):
        a, b = rng.uniform(0, 1000, (60, 2)), rng.uniform(0, 1000, (400, 2))
        match = match_nearest(a, b, 6.0)
        low += chance_log10(a, b, match, 6.0, (1000, 1000), 1.0) < -2
    assert low <= 3
    same = match_nearest(a, a + 0.1, 6.0)
    assert chance_log10(a, a, same, 6.0, (1000, 1000), 1e6) < -50


def test_match_is_mutual():
    a = np.array([[0.0, 0.0], [0.6, 0.0]])
    b = np.array([[0.5, 0.0], [9.0, 9.0]])
    i, j = match_nearest(a, b, 1.0)
    assert (i.tolist(), j.tolist()) == ([1], [0])
    assert len(match_nearest(a, np.zeros((0, 2)), 1.0)[0]) == 0


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_plate_fit_recovers_a_plate(order, mirrored):
    rng = np.random.default_rng(order)
    shape, scale, angle = (900, 1200), 0.4 / 3600, np.radians(25.0)
    s = 1.0 if mirrored else -1.0
    p, q = scale * 600 * np.cos(angle), scale * 600 * np.sin(angle)
    xi, eta = np.zeros(10), np.zeros(10)
    xi[1:3], eta[1:3] = (p, q), (-s * q, s * p)
    if order > 0:
        xi[1] *= 1.001
    n = {0: 3, 1: 3, 2: 6, 3: 10}[order]
    xi[3:n], eta[3:n] = 1e-3 * p * rng.normal(size=(2, n - 3))
    truth = Plate(150.0, 70.0, 599.5, 449.5, 600.0, order, xi[:n], eta[:n])
    assert truth.mirrored == mirrored
    x, y = rng.uniform(0, 1199, 200), rng.uniform(0, 899, 200)
    ra, dec = truth.to_sky(x, y)
    fitted = fit_plate(
        x, y, ra, dec, start=(150.1, 69.9), shape=shape, order=order, mirrored=mirrored
    )
    assert np.max(separation(*fitted.to_sky(x, y), ra, dec)) * 3600 / 0.4 < 0.02
    back = fitted.from_plane(*fitted.to_plane(x, y))
    np.testing.assert_allclose(back, [x, y], atol=1e-5)
    assert fitted.scale == pytest.approx(0.4, rel=1e-2)


def test_rotation_is_the_position_angle_of_the_y_axis():
    unit, p = 100.0, 1e-2
    north_up = Plate(10.0, 0.0, 50, 50, unit, 1, np.array([0, -p, 0]), np.array([0, 0, p]))
    assert north_up.rotation == pytest.approx(0.0)
    assert not north_up.mirrored
    east_up = Plate(10.0, 0.0, 50, 50, unit, 1, np.array([0, 0, p]), np.array([0, p, 0]))
    assert east_up.rotation == pytest.approx(90.0)
    ra, dec = east_up.to_sky(50.0, 51.0)
    assert ra[0] > 10.0
    assert dec[0] == pytest.approx(0.0, abs=1e-9)


def test_order_is_no_higher_than_the_stars_justify():
    rng = np.random.default_rng(8)
    x, y = rng.uniform(0, 1000, (2, 100))
    noise = rng.normal(0, 1, 200)
    assert select_order(x, y, {0: noise, 1: noise * 0.999, 2: noise * 0.99}, (1000, 1000)) == 0
    assert select_order(x, y, {0: noise, 1: noise, 2: noise * 0.5}, (1000, 1000)) == 2
    # all in one quarter: a polynomial would be unbound elsewhere
    assert select_order(x / 3, y / 3, {1: noise, 2: noise * 0.5}, (1000, 1000)) == 1


def test_tiles_cover_the_circles_once():
    places = list(tiles([(10.0, 60.0, "a"), (10.02, 60.0, "b"), (50.0, 0.0, "c")], 0.5, 0.1))
    assert [(t.ra, t.dec) for t in places[:2]] == [
        (pytest.approx(10.0), pytest.approx(60.0)),
        (pytest.approx(50.0), pytest.approx(0.0)),
    ]
    rng = np.random.default_rng(0)
    for ra0, dec0 in ((10.0, 60.0), (50.0, 0.0)):
        r, a = 0.5 * np.sqrt(rng.uniform(size=300)), rng.uniform(0, 2 * np.pi, 300)
        ra = ra0 + r * np.cos(a) / np.cos(np.radians(dec0))
        dec = dec0 + r * np.sin(a)
        nearest = np.min([separation(t.ra, t.dec, ra, dec) for t in places], axis=0)
        assert nearest.max() < 0.1
    assert len(places) < 2.6 * np.pi * (0.5 / 0.1 + 0.5) ** 2


KNOWN = PairVector(-35.725, -0.197, 1.344, 1.016)


def test_pairs_by_vote():
    rng = np.random.default_rng(2)
    x, y = rng.uniform(60, 740, (2, 40))
    flux = 10 ** rng.uniform(3, 5, 40)
    lone_x, lone_y = rng.uniform(0, 800, (2, 30))
    found = Detections.from_positions(
        np.r_[x, x - 33.5 + rng.normal(0, 0.1, 40), lone_x],
        np.r_[y, y + 1.1 + rng.normal(0, 0.1, 40), lone_y],
        np.r_[flux, flux * 1.1, 10 ** rng.uniform(3, 5, 30)],
    )
    pairs = find_pairs(found, KNOWN)
    assert pairs.dx == pytest.approx(-33.5, abs=0.06)
    assert pairs.dy == pytest.approx(1.1, abs=0.06)
    assert 38 <= len(pairs) <= 42
    assert pairs.scatter < 0.2
    assert (found.x[pairs.ordinary] > found.x[pairs.extraordinary]).all()
    everyone = np.r_[pairs.ordinary, pairs.extraordinary]
    assert len(np.unique(everyone)) == len(everyone)


def test_a_single_pair_is_a_pair():
    found = Detections.from_positions([400.0, 364.0], [300.0, 300.5], [1e4, 1.05e4])
    pairs = find_pairs(found, KNOWN)
    assert (found.x[pairs.ordinary[0]], len(pairs)) == (400.0, 1)
    assert pairs.dx == pytest.approx(-36.0)


def test_no_pairs_is_an_error():
    rng = np.random.default_rng(5)
    for n in (0, 1, 12):
        x, y = rng.uniform(0, 100, n) * 50, rng.uniform(0, 100, n) * 50
        with pytest.raises(AlgorithmFailed, match="known displacement"):
            find_pairs(Detections.from_positions(x, y, np.ones(n)), KNOWN)


def _info(**changes):
    base = FrameInfo(
        telescope="T", instrument="I", filename="f", night="2021-03-28", imgtype=ImageType.LIGHT,
        obsmode=ObsMode.PHOTOMETRY, band="B", rotangle=None, exptime=60.0, jd_start=2459302.46,
        jd_mid=2459302.465, width=1024, height=1024, binning=(1, 1), gain=1.4, read_noise=7.0,
        saturation=6e4, nonlinear=6e4, pixel_scale=0.53, object_name="NGC 2420",
        ra=114.915879, dec=21.52592,
    )  # fmt: skip
    return base.replace(**changes)


def test_pointings_in_order():
    places = pointing_candidates(_info(), lambda name: (114.7, 21.57) if "2420" in name else None)
    assert [label for *_, label in places] == [
        "header, J2000",
        "header, equinox of date",
        "object NGC 2420",
        "header, right ascension times 15, J2000",
        "header, right ascension times 15, equinox of date",
    ]
    assert places[1][:2] == precess_to_j2000(114.915879, 21.52592, 2459302.465)
    # The frame's true centre is close to the second reading: the header lied.
    assert separation(114.602, 21.573, *places[0][:2]) > 0.25
    assert separation(114.602, 21.573, *places[1][:2]) < 0.01


def test_the_object_goes_first_where_the_header_is_not_trusted():
    info = _info(ra=114.9, dec=21.5, pointing_equinoxes=("object", "J2000"))
    labels = [label for *_, label in pointing_candidates(info, lambda _: (10.0, 20.0))]
    assert labels[:2] == ["object NGC 2420", "header, J2000"]
    labels = [label for *_, label in pointing_candidates(info, lambda _: None)]
    assert labels[0] == "header, J2000"


def test_pointings_of_a_poor_header():
    assert pointing_candidates(_info(ra=None, dec=None)) == []
    assert pointing_candidates(_info(ra=0.0, dec=0.0)) == []
    (only,) = pointing_candidates(_info(ra=None, dec=None), lambda _: (1.0, 2.0))
    assert only == (1.0, 2.0, "object NGC 2420")
    hours = pointing_candidates(_info(ra=7.66, dec=21.5, pointing_equinoxes=("J2000",)))
    assert any(p[0] == pytest.approx(114.9) for p in hours)
    assert all(-90 <= p[1] <= 90 for p in pointing_candidates(_info(dec=114.9)))


def test_picture(field, tmp_path):
    rng = np.random.default_rng(6)
    camera = field.Camera(10.0, 20.0, shape=(256, 300), scale=1.0)
    stars = field.make_sky(rng, 10.0, 20.0, 0.1, 150)
    found = camera.observe(rng, stars, most=40)
    solution = solve(
        found,
        MemoryCatalogue(stars),
        shape=camera.shape,
        pixel_scale=1.0,
        pointings=[(10.0, 20.0, "h")],
        radius_deg=0.05,
    )
    image = field.draw(rng, camera.shape, found.x, found.y, found.flux, 3.0)
    image[:20] = np.nan
    path = plot_solution(image, solution.wcs, solution.stars, found, tmp_path / "p.png")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [p.name for p in tmp_path.iterdir()] == ["p.png"]
