"""Fields as observers have them and a simulation of good nights has not.

Two sorts. Of the first, the lists of detections and of stars are spoilt (`LISTS`): clouds over
half of the chip, a catalogue without bright stars or without motions, an atmosphere that
squeezes the field, two beams among double stars. Of the second, the pixels are (`PIXELS`):
trails, rings, nebulae, satellites, bad columns. Run as a program, it prints how many of each are
solved, and how many wrongly::

    python tests/acceptance/solving_hard.py [fields of each] [seed]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.signal import fftconvolve
from solving_fields import CAMERAS, SKY_NOISE, Camera, Field, make_field, observe
from solving_table import WRONG_ARCSEC, Row, solve_field

from polarnight.astrometry import Detections, detect
from polarnight.astrometry.geometry import gnomonic, gnomonic_inverse
from polarnight.frames import Bit
from polarnight.simulation import Psf, add_stars

SEED = 4243
SMALL = tuple(c for c in CAMERAS if max(c.shape) <= 1536 and c.pair is None)
CAFOS_PAIRS = next(c for c in CAMERAS if c.name == "CAFOS2.2 pairs")
DIPOL_PAIRS = next(c for c in CAMERAS if c.name == "DIPOL pairs")
Rng = np.random.Generator
Image = np.ndarray


def _numbers(index: int, rng: Rng, fewest: int, most: int) -> int:
    return round(float(np.exp(rng.uniform(np.log(fewest), np.log(most)))))


def _base(index: int, seed: int, fewest: int, most: int, **changes) -> tuple[Field, Rng]:
    rng = np.random.default_rng([seed, index, 7])
    n = _numbers(index, rng, fewest, most)
    return make_field(index, n, seed, plain=True, **changes), rng


# -- lists ---------------------------------------------------------------------------------


def half_clouded(index: int, seed: int) -> Field:
    """Stars on one side of a line through the middle only, and noise on the other."""
    field, rng = _base(index, seed, 24, 200)
    ny, nx = field.camera.shape
    angle = rng.uniform(0, 2 * np.pi)
    x, y = field.detections.x - nx / 2, field.detections.y - ny / 2
    return replace(
        field, detections=field.detections.select(x * np.cos(angle) + y * np.sin(angle) > 0)
    )


def binned_mirrored_wrong_scale(index: int, seed: int) -> Field:
    """Binned 3 x 3, turned by anything, against the usual parity, told a scale 4 % off."""
    one = CAMERAS[index % len(CAMERAS)]
    pair = one.pair
    if pair is not None:
        pair = type(pair)(pair.dx / 3, pair.dy / 3, pair.sx / 3, pair.sy / 3)
    shape = (one.shape[0] // 3, one.shape[1] // 3)
    camera = replace(one, shape=shape, scale=3 * one.scale, pair=pair, distortion=0.2)
    field, rng = _base(index, seed, 10, 200, camera=camera, mirrored=True)
    wrong = 1.04 if rng.uniform() < 0.5 else 0.96
    return replace(field, pixel_scale=camera.scale * wrong)


def without_bright_stars(index: int, seed: int) -> Field:
    """A catalogue that lacks the brightest two magnitudes of the field, at least a fifth."""
    field, _ = _base(index, seed, 20, 400)
    stars = field.catalogue
    x, y = field.optics.pixel(stars.ra, stars.dec)
    ny, nx = field.camera.shape
    inside = (x > 0) & (x < nx) & (y > 0) & (y < ny)
    # Of those that the frame shows a dozen stay.
    mags = np.sort(stars.mag[inside])[: field.n_stars]
    cut = max(mags[0] + 2.0, mags[len(mags) // 5])
    cut = min(cut, mags[len(mags) - 13])
    return replace(field, catalogue=stars.select(stars.mag > cut))


def thirty_years(index: int, seed: int) -> Field:
    """No motions in the catalogue and thirty years between, near stars at high latitude."""
    field, rng = _base(index, seed, 12, 100, camera=SMALL[index % len(SMALL)])
    stars = field.catalogue
    n = len(stars)
    speed = np.where(rng.uniform(size=n) < 0.05, 200.0, 15.0)  # mas a year
    shift = rng.normal(0, 1, (2, n)) * speed * 30.0 / 3.6e6
    moved = replace(
        stars,
        ra=(stars.ra + shift[0] / np.maximum(np.cos(np.radians(stars.dec)), 1e-4)) % 360.0,
        dec=np.clip(stars.dec + shift[1], -90, 90),
        pmra=None,
        pmdec=None,
    )
    return replace(field, catalogue=moved)


def airmass_five(index: int, seed: int) -> Field:
    """Squeezed along the vertical by 0.7 %, more below than above."""
    field, rng = _base(index, seed, 10, 300)
    z = np.arccos(1 / 5.0)
    first = 58.3 / np.cos(z) ** 2 / 206265.0
    second = 58.3 * np.tan(z) / np.cos(z) ** 2 / 206265.0
    angle = rng.uniform(0, 2 * np.pi)
    up = np.array([np.cos(angle), np.sin(angle)])
    middle = (np.array(field.camera.shape[::-1]) - 1) / 2
    radian = field.camera.scale / 206265.0

    def squeezed(x: Image, y: Image) -> tuple[Image, Image]:
        h = (x - middle[0]) * up[0] + (y - middle[1]) * up[1]
        lifted = -first * h + second * h**2 * radian
        return x + lifted * up[0], y + lifted * up[1]

    x, y, mag = field.sky
    field = replace(field, sky=(*squeezed(x, y), mag), warp=squeezed)
    found = observe(field.camera, field.sky, field.limit, field.vector, 0.1, rng)
    return replace(field, detections=found)


def doubles_at_the_pair(index: int, seed: int) -> Field:
    """Two beams, and every third star has a companion nearly where its other image is."""
    camera = (CAFOS_PAIRS, DIPOL_PAIRS)[index % 2]
    field, rng = _base(index, seed, 12, 150, camera=camera)
    x, y, mag = field.sky
    some = rng.uniform(size=len(x)) < 1 / 3
    dx, dy = field.vector
    jitter = rng.normal(0, 1.0, (2, int(some.sum())))
    side = np.where(rng.uniform(size=int(some.sum())) < 0.8, 1.0, -1.0)
    sky = (
        np.r_[x, x[some] + side * dx + jitter[0]],
        np.r_[y, y[some] + side * dy + jitter[1]],
        np.r_[mag, mag[some] + rng.normal(0, 0.2, int(some.sum()))],
    )
    return replace(
        field,
        sky=sky,
        detections=observe(camera, sky, field.limit, field.vector, 0.1, rng),
    )


def one_beam_lost(index: int, seed: int) -> Field:
    """Two beams, the extraordinary one fainter by 2.5 magnitudes: few pairs, many singles."""
    camera = (CAFOS_PAIRS, DIPOL_PAIRS)[index % 2]
    field, rng = _base(index, seed, 12, 60, camera=camera)
    one = observe(camera, field.sky, field.limit, None, 0.1, rng)
    x, y, mag = field.sky
    dx, dy = field.vector
    two = observe(camera, (x + dx, y + dy, mag), field.limit - 2.5, None, 0.1, rng)
    dim = replace(two, flux=two.flux * 10 ** rng.normal(0, 0.05, len(two)))
    return replace(field, detections=_joined(one, dim))


def no_analyser(index: int, seed: int) -> Field:
    """One beam where the header says two; pairs are made by chance and by double stars."""
    camera = (CAFOS_PAIRS, DIPOL_PAIRS)[index % 2]
    field, rng = _base(index, seed, 12, 60, camera=camera)
    x, y, mag = field.sky
    n = 3
    on = np.flatnonzero((mag < field.limit) & (x > 300) & (y > 50))[:n]
    dx, dy = field.vector
    more = rng.normal(0, 0.3, (2, len(on)))
    sky = (np.r_[x, x[on] + dx + more[0]], np.r_[y, y[on] + dy + more[1]], np.r_[mag, mag[on]])
    return replace(field, detections=observe(camera, sky, field.limit, None, 0.1, rng))


def _joined(one: Detections, two: Detections) -> Detections:
    both = {
        name: np.concatenate([getattr(one, name), getattr(two, name)])
        for name in ("x", "y", "flux", "flux_err", "peak", "fwhm", "elongation", "theta", "npix",
                     "flags")
    }  # fmt: skip
    order = np.argsort(-both["flux"], kind="stable")
    return replace(one, **{name: values[order] for name, values in both.items()})


def another_sky(index: int, seed: int) -> Field:
    """Eight to twelve stars, and the catalogue of another field, brought here."""
    field, rng = _base(index, seed, 8, 12)
    # Of the same camera, so that both are as rich and the circles as large.
    other = make_field(index + len(CAMERAS), _numbers(index, rng, 8, 60), seed, plain=True)
    stars = other.catalogue
    xi, eta = gnomonic(stars.ra, stars.dec, other.optics.ra, other.optics.dec)
    good = np.isfinite(xi)
    ra, dec = gnomonic_inverse(xi[good], eta[good], field.optics.ra, field.optics.dec)
    brought = replace(stars.select(good), ra=ra, dec=dec, pmra=None, pmdec=None)
    return replace(field, catalogue=brought)


# -- pixels --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scene:
    """What happens to the light: the shape of stars, light beside them, faults of the chip."""

    kernel: Callable[[Camera, Rng], Image | None] = lambda camera, rng: None
    light: Callable[[tuple[int, int], Rng], Image | float] = lambda shape, rng: 0.0
    throughput: Callable[[tuple[int, int], Rng], Image | float] = lambda shape, rng: 1.0
    faults: Callable[[Image, Rng], Image] = lambda image, rng: image


def _trail(length_of_fwhm: float) -> Callable[[Camera, Rng], Image]:
    def kernel(camera: Camera, rng: Rng) -> Image:
        half = 0.5 * length_of_fwhm * camera.fwhm / camera.scale
        angle = rng.uniform(0, np.pi)
        size = int(np.ceil(half)) + 2
        image = np.zeros((2 * size + 1, 2 * size + 1))
        for t in np.linspace(-half, half, 20 * size):
            x, y = size + t * np.cos(angle), size + t * np.sin(angle)
            i, j = int(x), int(y)
            fx, fy = x - i, y - j
            image[j : j + 2, i : i + 2] += np.outer([1 - fy, fy], [1 - fx, fx])
        return image / image.sum()

    return kernel


def _ring(camera: Camera, rng: Rng) -> Image:
    outer = rng.uniform(2.5, 4.0) * camera.fwhm / camera.scale
    size = int(outer) + 2
    y, x = np.mgrid[-size : size + 1, -size : size + 1]
    r = np.hypot(x, y)
    image = ((r <= outer) & (r >= 0.4 * outer)).astype(float)
    return image / image.sum()


def _vignette(shape: tuple[int, int], rng: Rng) -> Image:
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    return np.clip(1.0 - 0.45 * (x**2 + y**2), 0.1, 1.0)


def _gradient(shape: tuple[int, int], rng: Rng) -> Image:
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    slope = x * np.cos(angle) + y * np.sin(angle)
    return 30.0 * SKY_NOISE * np.clip(1.0 + 0.7 * slope + 0.3 * slope**2, 0.0, None)


def _nebula(shape: tuple[int, int], rng: Rng) -> Image:
    """Filaments: a ridged random field with power at all scales."""
    ky, kx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :]
    k = np.maximum(np.hypot(kx, ky), 1.0 / max(shape))
    layers = []
    for _ in range(2):
        noise = np.fft.rfft2(rng.standard_normal(shape))
        layer = np.fft.irfft2(noise * k**-1.8 * np.exp(-((k / 0.12) ** 2)), s=shape)
        layers.append(layer / layer.std())
    ridges = np.exp(-3.0 * np.abs(layers[0])) * np.exp(0.8 * layers[1])
    return 25.0 * SKY_NOISE * ridges / np.percentile(ridges, 90)


def _galaxy(shape: tuple[int, int], rng: Rng) -> Image:
    """A spiral that fills a third of the field, a sharp core and knots in its arms."""
    ny, nx = shape
    y, x = np.mgrid[:ny, :nx].astype(float)
    x, y = x - nx / 2, (y - ny / 2) / 0.6
    r, phi = np.hypot(x, y) + 1e-3, np.arctan2(y, x)
    size = 0.1 * max(shape)
    arms = 1 + 0.7 * np.cos(2 * phi - 4 * np.log(r / size))
    image = 40 * SKY_NOISE * np.exp(-r / size) * arms + 600 * SKY_NOISE * np.exp(-r / 3.0)
    n = 120
    at = rng.exponential(size, n)
    turn = 2 * np.log(at / size) + rng.choice([0, np.pi], n) + rng.normal(0, 0.25, n)
    knots = np.zeros(shape, np.float32)
    kx, ky = at * np.cos(turn) + nx / 2, 0.6 * at * np.sin(turn) + ny / 2
    inside = (kx > 5) & (kx < nx - 6) & (ky > 5) & (ky < ny - 6)
    bright = SKY_NOISE * 200 * rng.pareto(1.5, n)
    add_stars(knots, kx[inside], ky[inside], bright[inside], Psf(4.0))
    return image + knots


def _columns(image: Image, rng: Rng) -> Image:
    ny, nx = image.shape
    for column in rng.integers(0, nx, 12):
        start = int(rng.integers(0, ny))
        image[start:, column : column + int(rng.integers(1, 3))] += SKY_NOISE * rng.uniform(5, 100)
    n = 150  # single hot pixels, unknown to the mask
    image[rng.integers(0, ny, n), rng.integers(0, nx, n)] += SKY_NOISE * 10 ** rng.uniform(1, 3, n)
    return image


def _satellites(image: Image, rng: Rng) -> Image:
    ny, nx = image.shape
    y, x = np.mgrid[:ny, :nx]
    for k in range(3):
        angle = rng.uniform(0, np.pi)
        px, py = rng.uniform(0.2, 0.8) * nx, rng.uniform(0.2, 0.8) * ny
        away = (x - px) * np.sin(angle) - (y - py) * np.cos(angle)
        along = (x - px) * np.cos(angle) + (y - py) * np.sin(angle)
        # The last one is an aeroplane, or tumbles: it blinks.
        glow = 1.0 if k < 2 else 0.5 + 0.5 * np.sign(np.sin(along / 11.0))
        image += SKY_NOISE * rng.uniform(3, 40) * np.exp(-0.5 * (away / 1.8) ** 2) * glow
    return image


def _comet(shape: tuple[int, int], rng: Rng) -> Image:
    """A coma, a tail, and an asteroid's streak."""
    ny, nx = shape
    y, x = np.mgrid[:ny, :nx].astype(float)
    cx, cy, angle = 0.4 * nx, 0.55 * ny, rng.uniform(0, 2 * np.pi)
    dx, dy = x - cx, y - cy
    r = np.hypot(dx, dy) + 1.0
    along = dx * np.cos(angle) + dy * np.sin(angle)
    across = -dx * np.sin(angle) + dy * np.cos(angle)
    tail = np.exp(-0.5 * (across / (3 + 0.1 * np.abs(along))) ** 2) * (along > 0)
    image = SKY_NOISE * (2000.0 / r + 20.0 * tail * np.exp(-along / (0.3 * nx)))
    streak = (np.abs(dy - 90) < 2) & (np.abs(dx - 60) < 25)
    return image + SKY_NOISE * 30.0 * streak


SCENES = {
    "trailed, 3 FWHM": Scene(kernel=_trail(3.0)),
    "trailed, 8 FWHM": Scene(kernel=_trail(8.0)),
    "defocused rings": Scene(kernel=_ring),
    "vignetted, gradient": Scene(light=_gradient, throughput=_vignette),
    "hot columns and pixels": Scene(faults=_columns),
    "satellites": Scene(faults=_satellites),
    "nebula": Scene(light=_nebula),
    "galaxy": Scene(light=_galaxy),
    "comet, asteroid": Scene(light=_comet),
    "rings, nebula, columns": Scene(kernel=_ring, light=_nebula, faults=_columns),
}


def draw(field: Field, scene: Scene) -> tuple[Image, Image, Image]:
    """Draw a field in pixels: data, variance, bits."""
    rng = np.random.default_rng([field.seed, field.index, 11])
    camera = field.camera
    x, y, mag = field.sky
    width = camera.fwhm / camera.scale
    keep = mag < field.limit + 1.5
    image = np.zeros(camera.shape, np.float32)
    kernel = scene.kernel(camera, rng)
    # A star at the limit is as well seen as one of good shape would be.
    area = np.pi * (1.5 * width) ** 2
    if kernel is not None:
        area += 1.0 / float((kernel**2).sum())
    faintest = 5.0 * SKY_NOISE * np.sqrt(area)
    flux = faintest * 10.0 ** (-0.4 * (mag[keep] - field.limit))
    for dx, dy in ((0.0, 0.0),) if field.vector is None else ((0.0, 0.0), field.vector):
        add_stars(image, x[keep] + dx, y[keep] + dy, flux, Psf(width))
    if kernel is not None:
        image = fftconvolve(image, kernel, mode="same").astype(np.float32)
    image = image + scene.light(camera.shape, rng) + SKY_NOISE**2
    image = np.maximum(image * scene.throughput(camera.shape, rng), 1.0)
    variance = image.copy()
    image = image + np.sqrt(image) * rng.standard_normal(camera.shape)
    image = scene.faults(image, rng).astype(np.float32)
    bits = np.zeros(camera.shape, np.uint16)
    full = image > 60_000.0
    image[full] = 60_000.0
    bits[full] |= np.uint16(Bit.SATURATED)
    return image, variance.astype(np.float32), bits


def from_pixels(name: str) -> Callable[[int, int], Field]:
    """Return what makes a field whose detections are those of a drawn frame."""

    def made(index: int, seed: int) -> Field:
        field, _ = _base(index, seed, 15, 120, camera=SMALL[index % len(SMALL)])
        data, variance, bits = draw(field, SCENES[name])
        found = detect(data, variance, bits, pixel_scale=field.pixel_scale)
        return replace(field, detections=found)

    return made


LISTS: dict[str, Callable[[int, int], Field]] = {
    "half clouded": half_clouded,
    "3x3, mirrored, scale 4 %": binned_mirrored_wrong_scale,
    "no bright stars listed": without_bright_stars,
    "30 years, no motions": thirty_years,
    "airmass 5": airmass_five,
    "doubles at the pair": doubles_at_the_pair,
    "one beam 2.5 mag fainter": one_beam_lost,
    "analyser not in": no_analyser,
    "8 to 12 stars, another sky": another_sky,
}
PIXELS = {name: from_pixels(name) for name in SCENES}


# Stars that are few, and smeared or squeezed, leave the corners to extrapolation.
AT_CENTRE = frozenset({"airmass 5", "trailed, 3 FWHM", "trailed, 8 FWHM", "defocused rings"})


def is_wrong(row: Row, kind: str) -> bool:
    """Solved, but elsewhere: by more than the limit anywhere, or in the centre for some kinds."""
    return row.solved and (row.centre if kind in AT_CENTRE else row.error) > WRONG_ARCSEC


def measure(name: str, numbers: range, seed: int = SEED) -> list[Row]:
    """Solve fields of one kind."""
    make = (LISTS | PIXELS)[name]
    return [solve_field(make(index, seed)) for index in numbers]


if __name__ == "__main__":
    count, seed = [*[int(a) for a in sys.argv[1:3]], *[30, SEED][len(sys.argv[1:3]) :]]
    chosen = sys.argv[3:] or [*LISTS, *PIXELS]
    print(f"{'':28s}{'fields':>7s}{'solved':>7s}{'wrong':>6s}{'median s':>9s}{'max s':>7s}")
    for name in chosen:
        rows = measure(name, range(count), seed)
        seconds = [row.seconds for row in rows]
        wrong = sum(is_wrong(row, name) for row in rows)
        print(
            f"{name:28s}{len(rows):7d}{sum(r.solved for r in rows):7d}{wrong:6d}"
            f"{np.median(seconds):9.3f}{max(seconds):7.2f}",
            flush=True,
        )
        for row in rows:
            if is_wrong(row, name) or not row.solved:
                print(f"    {'wrong' if row.solved else 'refused'}: {row}", file=sys.stderr)
