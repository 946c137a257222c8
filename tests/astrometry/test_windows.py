"""Small windows: tied to what they belong to, and to nothing else."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from polarnight.astrometry import Detections, MemoryCatalogue, Orientation, PairVector, WideFrame
from polarnight.astrometry import solve_window as solve
from polarnight.astrometry.geometry import gnomonic, gnomonic_inverse, separation
from polarnight.astrometry.plates.plate import fit_plate
from polarnight.errors import AlgorithmFailed
from polarnight.frames import FrameInfo, ImageType, ObsMode

SCALE = 0.134
WIDE = (2822, 4144)
WINDOW = (700, 1100)
PAIR = PairVector(-209.0, 13.0, 12.0, 16.0)
VECTOR = np.array([-213.4, 17.8])
TARGET = (330.68, 42.2777)
FWHM = 10.0


def info_of(shape, origin=(0, 0), **changes):
    values = {
        "telescope": "OSN-T090", "instrument": "DIPOL", "filename": "a.fts",
        "night": "2024-04-08", "imgtype": ImageType.LIGHT, "obsmode": ObsMode.POLARIMETRY,
        "band": "R", "rotangle": 0.0, "exptime": 20.0, "jd_start": 2460409.4,
        "jd_mid": 2460409.4, "width": shape[1], "height": shape[0], "binning": (2, 2),
        "gain": 1.0, "read_noise": 7.3, "saturation": 65535.0, "nonlinear": 60000.0,
        "pixel_scale": SCALE, "origin": origin, "has_pairs": True, "object_name": "BL Lac",
    }  # fmt: skip
    return FrameInfo(**(values | changes))


@dataclass
class Scope:
    """The telescope with its camera: what a window of the chip sees."""

    rng: np.random.Generator
    stars: object
    rotation: float = 177.6
    mirrored: bool = False

    def chip(self, ra, dec, pointing, turn=0.0):
        """Pixels of the whole chip (ordinary beam) of directions."""
        xi, eta = gnomonic(np.asarray(ra), np.asarray(dec), *pointing)
        z = (xi + 1j * eta) * 3600.0 / SCALE
        z = (z if self.mirrored else np.conj(z)) * np.exp(1j * np.radians(self.rotation + turn))
        return np.column_stack([z.real + (WIDE[1] - 1) / 2, z.imag + (WIDE[0] - 1) / 2])

    def see(self, info, pointing=TARGET, *, turn=0.0, clouds=0.0, noise=0.15, extra=()):
        """Detections of a window of the chip, with both images of every star."""
        stars = self.stars
        places = self.chip(stars.ra, stars.dec, pointing, turn) - info.origin
        mags = stars.mag + clouds
        for x, y, mag in extra:
            places = np.vstack([places, [x, y]])
            mags = np.append(mags, mag)
        xy = np.vstack([places, places + VECTOR])
        share = self.rng.normal(0.5, 0.01, len(mags))
        flux = 10 ** (-0.4 * (mags - 22.0)) * info.exptime / info.gain
        flux = np.concatenate([flux * share, flux * (1.0 - share)])
        sky = np.sqrt(info.read_noise**2 + 0.1 * info.exptime)
        error = np.sqrt(flux + np.pi * (1.5 * FWHM) ** 2 * sky**2)
        seen = ((xy > 3) & (xy < [info.width - 4, info.height - 4])).all(axis=1)
        seen &= flux > 5.0 * error
        xy = xy + self.rng.normal(0.0, noise, xy.shape)
        flux = self.rng.normal(flux, error)
        found = Detections.from_positions(*xy[seen].T, np.maximum(flux, 1.0)[seen])
        return replace(found, background_rms=float(sky), fwhm_median=FWHM)

    def truth(self, info, pointing=TARGET, turn=0.0):
        """Plate of a window."""
        y, x = (g.ravel() for g in np.mgrid[0 : info.height : 5j, 0 : info.width : 5j])
        z = (x + info.origin[0] - (WIDE[1] - 1) / 2) + 1j * (y + info.origin[1] - (WIDE[0] - 1) / 2)
        z = z * np.exp(-1j * np.radians(self.rotation + turn)) * SCALE / 3600.0
        z = z if self.mirrored else np.conj(z)
        ra, dec = gnomonic_inverse(z.real, z.imag, *pointing)
        return fit_plate(x, y, ra, dec, start=pointing, shape=(info.height, info.width), order=1)

    def wide(self, name="wide.fts", pointing=TARGET, **changes):
        """A solved frame of the whole chip."""
        info = info_of(WIDE, obsmode=ObsMode.PHOTOMETRY, exptime=60.0, **changes)
        return WideFrame(name, info, self.truth(info, pointing).to_wcs(WIDE), self.see(info))

    def error_px(self, solution, info, pointing=TARGET, turn=0.0):
        """Largest distance of a solution from the truth at the corners, pixels."""
        y, x = (g.ravel() for g in np.mgrid[0 : info.height - 1 : 2j, 0 : info.width - 1 : 2j])
        ra, dec = self.truth(info, pointing, turn).to_sky(x, y)
        return np.hypot(*(np.array(solution.wcs.all_world2pix(ra, dec, 0)) - [x, y])).max()


@pytest.fixture
def make_scope(field):
    """Make a sky with a target of some magnitude in the middle."""

    def make(seed=0, *, n=2500, mag=13.5, **changes):
        rng = np.random.default_rng(seed)
        stars = field.make_sky(rng, *TARGET, 0.2, n)
        away = separation(stars.ra, stars.dec, *TARGET) * 3600.0
        stars = stars.select(away > 15.0)
        faint = np.append(mag, stars.mag)
        stars = type(stars)(
            np.append(TARGET[0], stars.ra), np.append(TARGET[1], stars.dec), faint, {"R": faint}
        )
        return Scope(rng, stars, **changes)

    return make


def about(scope, shape=WINDOW, offset=(0, 0), **changes):
    """A window about the middle of the target's pair."""
    middle = scope.chip(*TARGET, TARGET)[0] + VECTOR / 2
    x, y = np.round(middle - np.array(shape[::-1]) / 2).astype(int) + offset
    return info_of(shape, (int(x), int(y)), **changes)


def solve_window(scope, found, info, wides, **options):
    options = {"target": TARGET, "pair": PAIR, **options}
    return solve(found, info, MemoryCatalogue(scope.stars), wides=wides, **options)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(
    ("seed", "shape", "moved", "turn", "clouds"),
    [
        (1, WINDOW, (0.0, 0.0), 0.0, 0.0),
        (2, WINDOW, (20.0, -8.0), 0.8, 0.7),
        (3, (500, 900), (-25.0, 10.0), -1.0, 0.3),
        (4, (900, 1100), (40.0, 20.0), 1.5, 1.0),
    ],
)
def test_stars_tie_a_window(make_scope, seed, shape, moved, turn, clouds, mirrored):
    scope = make_scope(seed, rotation=40.0 * seed, mirrored=mirrored)
    wide = scope.wide()
    info = about(scope, shape)
    pointing = tuple(float(v) for v in gnomonic_inverse(*(np.array(moved) / 3600), *TARGET))
    found = scope.see(info, pointing, turn=turn, clouds=clouds)
    solution = solve_window(scope, found, info, [wide])
    assert scope.error_px(solution, info, pointing, turn) < 1.0
    evidence = solution.evidence
    assert evidence["method"] == "stars of a wide frame"
    assert evidence["wide_frame"] == "wide.fts"
    assert evidence["stars_matched"] >= 2
    assert evidence["log10_chance"] < -3
    assert evidence["turn_deg"] == pytest.approx(turn, abs=0.2)
    assert evidence["dimming_mag"] == pytest.approx(clouds, abs=0.1)
    assert evidence["mirrored"] == mirrored
    assert evidence["offset_deg"] * 3600 == pytest.approx(np.hypot(*moved), abs=12.0)
    beams = solution.wcs_pair.wcs.crpix - solution.wcs.wcs.crpix
    np.testing.assert_allclose(beams, VECTOR, atol=0.4)


def lonely(scope):
    """Leave only the target and its nearest neighbours in magnitude far below it."""
    keep = (scope.stars.mag > 18.0) | (np.arange(len(scope.stars)) == 0)
    scope.stars = scope.stars.select(keep)
    return scope


def refused(scope, found, info, wides, **options):
    """Return why a window is refused."""
    with pytest.raises(AlgorithmFailed) as caught:
        solve_window(scope, found, info, wides, **options)
    assert caught.value.numbers["sources"] == len(found)
    return " | ".join(caught.value.numbers["refused"])


@pytest.mark.parametrize("arcsec", [0.0, 3.0, 9.0])
def test_one_star_ties_where_nothing_else_can_be_meant(make_scope, arcsec):
    scope = make_scope(11, mag=12.0)
    wide = scope.wide()
    info = about(scope, exptime=0.3)
    pointing = tuple(float(v) for v in gnomonic_inverse(arcsec / 3600, 0.0, *TARGET))
    found = scope.see(info, pointing)
    assert len(found) == 2
    solution = solve_window(scope, found, info, [wide])
    assert solution.evidence["stars_matched"] == 1
    assert scope.error_px(solution, info, pointing) < 1.0
    assert solution.evidence["images_missing"] == solution.evidence["images_unknown"] == 0


def test_the_chance_of_one_star_grows_with_its_distance(make_scope):
    scope = make_scope(11, mag=12.0)
    wide, info = scope.wide(), about(scope, exptime=0.3)
    chances = []
    for arcsec in (3.0, 7.0, 12.0, 60.0):
        pointing = tuple(float(v) for v in gnomonic_inverse(arcsec / 3600, 0.0, *TARGET))
        found = scope.see(info, pointing)
        if arcsec == 60.0:
            assert "log10_chance above" in refused(scope, found, info, [wide])
        else:
            solution = solve_window(scope, found, info, [wide])
            chances.append(solution.evidence["log10_chance"])
    assert chances == sorted(chances)
    assert len(set(chances)) == 3
    assert chances[0] < -3


def test_deterministic(make_scope):
    scope = make_scope(2)
    wide, info = scope.wide(), about(scope)
    found = scope.see(info, turn=0.5)
    one = solve_window(scope, found, info, [wide])
    again = WideFrame(wide.name, wide.info, wide.wcs, wide.detections)
    two = solve_window(scope, found, info, [again])
    assert one.evidence == two.evidence
    np.testing.assert_array_equal(one.wcs.wcs.cd, two.wcs.wcs.cd)
    np.testing.assert_array_equal(one.wcs.wcs.crpix, two.wcs.wcs.crpix)


@pytest.mark.parametrize("seed", range(20, 30))
def test_a_window_elsewhere_is_refused(make_scope, seed):
    """The header names the target, and the telescope points some arcminutes away."""
    scope = make_scope(seed, n=5000)
    wide, info = scope.wide(), about(scope)
    angle = 0.7 * seed
    away = np.array([np.cos(angle), np.sin(angle)]) * (200.0 + 10.0 * seed) / 3600.0
    pointing = tuple(float(v) for v in gnomonic_inverse(*away, *TARGET))
    found = scope.see(info, pointing)
    assert len(found) >= 2
    refused(scope, found, info, [wide])


@pytest.mark.parametrize("seed", range(30, 36))
def test_a_wide_frame_of_another_field_is_refused(make_scope, seed):
    scope, other = make_scope(seed), make_scope(seed + 100)
    other.stars = other.stars.select(np.arange(len(other.stars)) > 0)
    info = about(scope)
    refused(other, other.see(info), info, [scope.wide()])


def test_a_wide_frame_that_does_not_show_the_target_is_passed_over(make_scope):
    scope = make_scope(2)
    info = about(scope)
    found = scope.see(info)
    elsewhere = WideFrame(
        "elsewhere.fts",
        info_of(WIDE),
        scope.truth(info_of(WIDE), (20.0, -30.0)).to_wcs(WIDE),
        scope.see(info_of(WIDE)),
    )
    assert "does not show the target" in refused(scope, found, info, [elsewhere])
    solution = solve_window(scope, found, info, [elsewhere, scope.wide("right.fts")])
    assert solution.evidence["wide_frame"] == "right.fts"


def test_another_binning_ties_nothing(make_scope):
    scope = make_scope(2)
    info = about(scope)
    wide = scope.wide(binning=(1, 1))
    assert "another binning" in refused(scope, scope.see(info), info, [wide])


def test_stars_that_are_missing_speak_against_a_tie(make_scope):
    """The target alone is not enough where others had to be seen."""
    scope = make_scope(4, n=5000)
    wide, info = scope.wide(), about(scope, (900, 1100))
    found = scope.see(info)
    assert len(found) > 6
    x, y = scope.chip(*TARGET, TARGET)[0] - info.origin
    near = [np.hypot(found.x - x - dx, found.y - y - dy) < 5 for dx, dy in ((0, 0), VECTOR)]
    alone = found.select(near[0] | near[1])
    assert len(alone) == 2
    assert "missing" in refused(scope, alone, info, [wide])


@pytest.mark.parametrize("how", ["turned", "rows"])
def test_the_other_side_of_the_pier(make_scope, how):
    scope = make_scope(8, n=5000, mag=14.0)
    wide = scope.wide()
    if how == "turned":
        there = Scope(scope.rng, scope.stars, scope.rotation + 180.0)
        info = about(there, extra={"flipped": True})
        found = there.see(info)
    else:
        there = scope
        info = about(scope)
        found = scope.see(info)
        found = replace(found, y=info.height - 1 - found.y)
        # The program turns the rows over after it has read the window.
        info = info.replace(extra={"flipped": True})
        info = info.replace(origin=(info.origin[0], WIDE[0] - info.height - info.origin[1]))
    solution = solve_window(scope, found, info, [wide])
    assert solution.evidence["stars_matched"] >= 2
    assert solution.evidence["mirrored"] == (how == "rows")
    if how == "turned":
        assert scope.error_px.__func__(there, solution, info) < 1.0
    x, y = solution.wcs.all_world2pix(*TARGET, 0)
    place = there.chip(*TARGET, TARGET)[0]
    goal = place - about(there).origin if how == "turned" else place - about(scope).origin
    if how == "rows":
        goal[1] = info.height - 1 - goal[1]
    np.testing.assert_allclose([x, y], goal, atol=0.6)


@pytest.mark.parametrize("turn", [30.0, -90.0, 180.0])
@pytest.mark.parametrize("seed", [2, 3])
def test_a_rotator_that_was_turned_ties_nothing(make_scope, seed, turn):
    """The wide frame was taken at another position angle, and nothing says so."""
    scope = make_scope(seed, n=5000)
    wide, info = scope.wide(), about(scope)
    found = scope.see(info, turn=turn)
    assert len(found) > 4
    try:
        solution = solve_window(scope, found, info, [wide])
    except AlgorithmFailed:
        return
    # One star, the target: its place holds, and nothing else was seen of both frames.
    x, y = solution.wcs.all_world2pix(*TARGET, 0)
    np.testing.assert_allclose([x, y], scope.chip(*TARGET, TARGET)[0] - info.origin, atol=1.0)


@pytest.mark.parametrize("side", [(1, 0), (-1, 0), (0, 1), (0, -1)])
def test_a_window_that_reaches_beyond_the_wide_frame(make_scope, side):
    """Stars that the wide frame cannot show speak neither for a tie nor against it."""
    scope = make_scope(2, n=6000)
    info = about(scope)
    # The wide frame ends in the window, beyond the target.
    middle = np.add(info.origin, (info.width // 2, info.height // 2))
    size = np.array([2600, 1800])
    reach = np.array([info.width, info.height]) // 4
    corner = middle - size // 2 - np.array(side) * (size // 2 - reach)
    part = info_of((1800, 2600), tuple(int(v) for v in corner))
    wide = WideFrame("part.fts", part, scope.truth(part).to_wcs((1800, 2600)), scope.see(part))
    pointing = tuple(float(v) for v in gnomonic_inverse(4 / 3600, -3 / 3600, *TARGET))
    solution = solve_window(scope, scope.see(info, pointing), info, [wide])
    assert solution.evidence["method"] == "stars of a wide frame"
    assert scope.error_px(solution, info, pointing) < 1.0


@pytest.mark.parametrize("arcsec", [8.0, 15.0, 28.0])
def test_two_targets_side_by_side_are_not_exchanged(make_scope, arcsec):
    """Twins, and a telescope that moved by just what lies between them."""
    scope = lonely(make_scope(11, mag=12.0))
    ra, dec = (float(v) for v in gnomonic_inverse(arcsec / 3600, 0.0, *TARGET))
    stars = scope.stars
    both = np.append(stars.mag, 12.0)
    scope.stars = type(stars)(np.append(stars.ra, ra), np.append(stars.dec, dec), both, {"R": both})
    wide, info = scope.wide(), about(scope, exptime=1.0)
    for moved in (0.0, arcsec, -arcsec):
        pointing = tuple(float(v) for v in gnomonic_inverse(moved / 3600, 0.0, *TARGET))
        try:
            solution = solve_window(scope, scope.see(info, pointing), info, [wide])
        except AlgorithmFailed:
            assert moved != 0.0
            continue
        # Two stars 60 pixels apart hardly tell the turn; which is which they must.
        at = np.array(solution.wcs.all_world2pix(*TARGET, 0))
        goal = scope.chip(*TARGET, pointing)[0] - info.origin
        assert np.hypot(*(at - goal)) < 1.0


def test_the_order_of_detections_does_not_matter(make_scope):
    scope = make_scope(2)
    wide, info = scope.wide(), about(scope)
    found = scope.see(info, turn=0.5)
    one = solve_window(scope, found, info, [wide])
    order = np.random.default_rng(1).permutation(len(found))
    two = solve_window(scope, found.select(order), info, [wide])
    np.testing.assert_allclose(one.wcs.wcs.cd, two.wcs.wcs.cd, rtol=1e-9)
    np.testing.assert_allclose(one.wcs.wcs.crpix, two.wcs.wcs.crpix, atol=1e-6)


# -- the target's own pair, without a wide frame ----------------------------------------


def stood(scope, turn=0.0, flipped=False, mirrored=None):
    rotation = scope.truth(info_of(WIDE)).rotation + turn
    mirrored = scope.mirrored if mirrored is None else mirrored
    return Orientation(rotation % 360.0, mirrored, SCALE, flipped)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rotation", [0.0, 177.6, 300.0])
def test_own_pair(make_scope, rotation, mirrored):
    scope = lonely(make_scope(5, mag=11.0, rotation=rotation, mirrored=mirrored))
    info = about(scope, offset=(60, -40))
    found = scope.see(info, extra=[(800.0, 400.0, 16.0)])
    history = [stood(scope, turn) for turn in (-0.3, 0.1, 0.2)] + [stood(scope, 90.0, True)]
    solution = solve_window(scope, found, info, [], orientations=history)
    assert scope.error_px(solution, info) < 3.0
    x, y = scope.chip(*TARGET, TARGET)[0] - info.origin
    np.testing.assert_allclose(solution.wcs.all_world2pix(*TARGET, 0), (x, y), atol=0.5)
    np.testing.assert_allclose(
        solution.wcs_pair.all_world2pix(*TARGET, 0), np.array([x, y]) + VECTOR, atol=0.5
    )
    evidence = solution.evidence
    assert evidence["method"] == "own pair, turned as other frames"
    assert evidence["rotation_scatter_deg"] == pytest.approx(0.216, abs=0.01)
    assert evidence["log10_chance"] < -1
    assert evidence["rms_arcsec"] is None  # nothing measures it


def test_a_fainter_pair_beside_does_not_disturb(make_scope):
    scope = lonely(make_scope(5, mag=11.0))
    info = about(scope)
    x, y = scope.chip(*TARGET, TARGET)[0] - info.origin
    found = scope.see(info, extra=[(x + 80.0, y + 90.0, 13.0)])
    assert len(found) == 4
    solution = solve_window(scope, found, info, [], orientations=[stood(scope)])
    assert solution.evidence["margin_mag"] == pytest.approx(2.0, abs=0.1)
    np.testing.assert_allclose(solution.wcs.all_world2pix(*TARGET, 0), (x, y), atol=0.5)


def test_pairs_that_may_both_be_meant_are_refused(make_scope):
    scope = lonely(make_scope(5, mag=11.0))
    info = about(scope)
    x, y = scope.chip(*TARGET, TARGET)[0] - info.origin
    history = {"orientations": [stood(scope)]}
    like = scope.see(info, extra=[(x + 80.0, y + 90.0, 11.4)])
    assert "nearly as bright" in refused(scope, like, info, [], **history)
    # The brighter one is far out, a fainter one where the target should be.
    nearer = scope.see(info, extra=[(x + 20.0, y - 215.0, 9.0)])
    assert "a fainter pair is nearer" in refused(scope, nearer, info, [], **history)


def test_what_is_no_pair_is_refused(make_scope):
    scope = lonely(make_scope(5, mag=11.0))
    info = about(scope)
    found = scope.see(info)
    history = {"orientations": [stood(scope)]}
    for shift, times in (((60.0, 0.0), 1.0), ((0.0, 90.0), 1.0), ((0.0, 0.0), 0.4)):
        left = found.x < found.x.max()
        x, y = (
            np.where(left, found.x + shift[0], found.x),
            np.where(left, found.y + shift[1], found.y),
        )
        broken = replace(found, x=x, y=y, flux=np.where(left, found.flux * times, found.flux))
        assert "no pair of images" in refused(scope, broken, info, [], **history)
    # At the border of the window there is another star than the target.
    aside = about(scope, offset=(420, 0))
    assert "no pair is where" in refused(scope, scope.see(aside), aside, [], **history)


def test_decoys_of_a_crowded_window_are_refused(make_scope):
    scope = lonely(make_scope(5, mag=15.0))
    info = about(scope)
    rng = np.random.default_rng(1)
    extra = [(*rng.uniform((0, 0), WINDOW[::-1]), 14.0 + 0.05 * k) for k in range(20)]
    found = scope.see(info, extra=extra)
    said = refused(scope, found, info, [], orientations=[stood(scope)])
    assert "nearly as bright" in said or "by chance" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"orientations": []}, "no solved frame tells how the instrument stands"),
        ({"flipped": True}, "no solved frame tells how the instrument stands"),
        ({"mirrored": True}, "disagree whether the image is mirrored"),
        ({"turn": 30.0}, "disagree how the instrument stands"),
        ({"target": None}, "not in the source catalogue"),
        ({"pointings": [(10.0, 20.0, "header")]}, "the header points elsewhere"),
        ({"pair": None}, "shows no pairs"),
    ],
)
def test_what_is_needed_for_the_own_pair(make_scope, options, said):
    scope = lonely(make_scope(5, mag=11.0))
    info = about(scope)
    more = {key: options.pop(key) for key in ("flipped", "mirrored", "turn") if key in options}
    history = [stood(scope), stood(scope, **more)][len(more.keys() & {"flipped"}) :]
    options = {"orientations": history, **options}
    found = scope.see(info)
    assert said in refused(scope, found, info, [], **options)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "mag", "share"), [(400, 11.0, 0.95), (2500, 13.5, 0.9), (5000, 15.0, 0.8)]
)
def test_hundreds_of_windows(make_scope, n, mag, share):
    """Nearly all that can be tied are, and what must not be hardly ever is.

    Where stars tell, no tie is wrong. Where one star of the right brightness lies near the place
    of the target, chance makes one in a hundred, as the limit says.
    """
    solved = possible = wrong = 0
    for seed in range(100):
        rng = np.random.default_rng(10000 + seed)
        scope = make_scope(
            seed, n=n, mag=mag, rotation=rng.uniform(0.0, 360.0), mirrored=bool(seed % 2)
        )
        wide = scope.wide()
        shape = [WINDOW, (500, 900), (900, 1100), (400, 600)][seed % 4]
        info = about(scope, shape, exptime=float(rng.choice([1.0, 5.0, 20.0, 60.0])))
        moved = tuple(
            float(v) for v in gnomonic_inverse(*(rng.normal(0.0, 6.0, 2) / 3600.0), *TARGET)
        )
        turn, clouds = float(rng.normal(0.0, 0.3)), abs(float(rng.normal(0.0, 0.5)))
        found = scope.see(info, moved, turn=turn, clouds=clouds)
        if len(found) >= 2:
            possible += 1
            try:
                solution = solve_window(scope, found, info, [wide])
            except AlgorithmFailed:
                pass
            else:
                solved += 1
                goal = scope.chip(*TARGET, moved, turn)[0] - info.origin
                place = np.array(solution.wcs.all_world2pix(*TARGET, 0), dtype=float)
                assert np.hypot(*(place - goal)) < 1.5
        angle, away = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(180.0, 400.0) / 3600.0
        aside = gnomonic_inverse(away * np.cos(angle), away * np.sin(angle), *TARGET)
        elsewhere = scope.see(info, tuple(float(v) for v in aside), clouds=clouds)
        try:
            solution = solve_window(scope, elsewhere, info, [wide])
        except AlgorithmFailed:
            continue
        assert solution.evidence["method"].startswith("own pair")
        wrong += 1
    assert possible >= 50
    assert solved >= share * possible
    assert wrong <= 2
