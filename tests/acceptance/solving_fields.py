"""Simulated fields for the plate solver: skies, catalogues and what a camera sees of them.

Every field is made from its number alone. The sky has the density of its galactic latitude,
with a cluster where the field is small and rich. The catalogue is another view of the same
sky: of another depth, with holes, with errors of place, at an epoch of its own. The list of
detections has what real lists have: faint stars lost near the limit, centroids that are worse
for faint stars, blends, saturated stars, cosmic rays and hot pixels, and both beams of a
dual-beam camera. `render` draws the same field in pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from polarnight.astrometry import DetectionFlag, Detections, PairVector, Stars
from polarnight.astrometry.geometry import gnomonic_inverse, precess_to_j2000
from polarnight.frames import Bit
from polarnight.simulation import Optics, Psf, add_stars

SEED = 20220918
COUNT_SLOPE = 0.3  # dex a magnitude
MOST_STARS = 150_000  # of the background of a catalogue
SKY_NOISE = 10.0
SATURATION = 60_000.0


@dataclass(frozen=True)
class Camera:
    """What the solver is told of a camera, and its usual parity."""

    name: str
    shape: tuple[int, int]
    scale: float
    fwhm: float  # arcsec
    mirrored: bool = False
    pair: PairVector | None = None
    distortion: float = 0.5  # pixels in the corner


_CAFOS_PAIR = PairVector(-35.725, -0.197, 1.344, 1.016)
_DIPOL_PAIR = PairVector(-209.0, 13.0, 12.0, 16.0)
CAMERAS = (
    Camera("AndorT90", (2048, 2048), 0.387, 2.0),
    Camera("AndorT90 2x2", (1024, 1024), 0.774, 2.4),
    Camera("RoperT90", (2048, 2048), 0.387, 2.2),
    Camera("AndorT150", (2048, 2048), 0.232, 1.6),
    Camera("CAFOS2.2", (800, 800), 0.53, 1.6, True),
    Camera("CAFOS2.2 pairs", (800, 800), 0.53, 1.6, True, _CAFOS_PAIR),
    Camera("DIPOL pairs", (2822, 4144), 0.134, 1.8, False, _DIPOL_PAIR),
    Camera("LRS", (2100, 2100), 0.252, 1.2, True, None, 2.0),
    Camera("MOPTOP", (1024, 1024), 0.42, 1.5),
    Camera("GenericCCD", (1024, 1536), 1.6, 4.0, False, None, 1.5),
)  # fmt: skip


@dataclass(frozen=True)
class Field:
    """A field with its truth."""

    index: int
    camera: Camera
    optics: Optics
    latitude: float
    n_stars: int
    wrong: float  # error of the pointing, degrees, where it is meant to be wrong
    mirrored: bool  # against the camera's usual parity
    kind: str
    catalogue: Stars
    detections: Detections
    pointings: list[tuple[float, float, str]]
    jd: float
    pixel_scale: float
    radius: float
    sky: tuple[np.ndarray, np.ndarray, np.ndarray]  # x, y, magnitude on the frame
    limit: float
    vector: tuple[float, float] | None
    seed: int = SEED
    warp: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]] | None = None

    def errors(self, wcs) -> np.ndarray:
        """Distances, arcsec, of a solution from the truth at the centre and four corners."""
        ny, nx = self.optics.shape
        x = np.array([(nx - 1) / 2, 0, nx - 1, 0, nx - 1])
        y = np.array([(ny - 1) / 2, 0, 0, ny - 1, ny - 1])
        seen = (x, y) if self.warp is None else self.warp(x, y)
        ours = np.column_stack(wcs.all_pix2world(*seen, 0))
        theirs = np.column_stack(self.optics.sky(x, y))
        return _separation(ours, theirs) * 3600.0


def _separation(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    a, b = (
        np.stack([np.cos(d) * np.cos(r), np.cos(d) * np.sin(r), np.sin(d)])
        for r, d in (np.radians(one.T), np.radians(two.T))
    )
    return np.degrees(2 * np.arcsin(np.clip(np.linalg.norm(a - b, axis=0) / 2, 0, 1)))


def galactic_latitude(ra: float, dec: float) -> float:
    """Return the galactic latitude of ICRS coordinates, degrees."""
    pole_ra, pole_dec = np.radians([192.85948, 27.12825])
    a, d = np.radians([ra, dec])
    s = np.sin(pole_dec) * np.sin(d) + np.cos(pole_dec) * np.cos(d) * np.cos(a - pole_ra)
    return float(np.degrees(np.arcsin(s)))


def _place(index: int, rng: np.random.Generator) -> tuple[float, float]:
    special = index % 25
    if special == 3:
        return rng.uniform(0, 360), 90 - 0.3 * np.sqrt(rng.uniform())
    if special == 5:
        return rng.uniform(0, 360), -90 + 0.3 * np.sqrt(rng.uniform())
    dec = float(np.degrees(np.arcsin(rng.uniform(-1, 1))))
    return (rng.uniform(-0.1, 0.1) % 360.0 if special == 9 else rng.uniform(0, 360)), dec


def make_field(
    index: int,
    n_stars: int | None = None,
    seed: int = SEED,
    *,
    camera: Camera | None = None,
    mirrored: bool | None = None,
    plain: bool = False,
) -> Field:
    """Make a field from its number.

    `n_stars` is the number of stars on the frame that are in the catalogue and above the
    limit of the frame: between 8 and 3000, richer towards the galactic plane. A `plain` field
    has a right pointing, and nothing half.
    """
    rng = np.random.default_rng([seed, index])
    camera = camera or CAMERAS[index % len(CAMERAS)]
    ra, dec = _place(index, rng)
    latitude = galactic_latitude(ra, dec)
    top = 3000.0 * 10.0 ** -abs(np.sin(np.radians(latitude)))
    drawn = round(float(np.exp(rng.uniform(np.log(8), np.log(top)))))
    n = drawn if n_stars is None else n_stars
    kind = {11: "half the catalogue", 17: "half spurious"}.get(index % 25, "")
    kind = "" if plain else kind
    # Five per cent each, with every camera in turn.
    if mirrored is None:
        mirrored = (index + index // 10 * 3) % 20 == 13
    off_target = (index + index // 10) % 20 == 7 and not plain
    wrong = rng.uniform(0.1, 0.5) if off_target else 0.0
    optics = Optics(
        ra, dec, camera.scale * (1 + rng.normal(0, 1e-3)), rng.uniform(0, 360),
        camera.mirrored != mirrored, camera.shape, distortion=camera.distortion * rng.uniform(),
    )  # fmt: skip

    # The sky: richer by what the catalogue lacks and by what only one of the two reaches.
    complete = 0.5 if kind == "half the catalogue" else rng.uniform(0.9, 1.0)
    deeper = rng.uniform(-1.0, 3.0)  # catalogue against frame, magnitudes
    ny, nx = camera.shape
    half = 0.5 * np.hypot(nx, ny) * camera.scale / 3600.0
    radius = max(0.5, 1.5 * max(camera.shape) * camera.scale / 3600.0)
    reach = wrong + 0.02 + radius + 2 * half
    ratio = np.pi * reach**2 / (nx * ny * (camera.scale / 3600.0) ** 2)
    deeper = min(deeper, np.log10(max(1.1, MOST_STARS / 2 / (n / complete))) / COUNT_SLOPE)
    on_frame = 1.25 * n / complete * 10.0 ** (COUNT_SLOPE * abs(deeper)) + 12
    total = on_frame * ratio
    background = int(min(total, MOST_STARS))
    r, a = reach * np.sqrt(rng.uniform(size=background)), rng.uniform(0, 2 * np.pi, background)
    xi, eta = r * np.cos(a), r * np.sin(a)
    if total > background:
        n_cluster = int(on_frame * (1 - background / total) * 1.3)
        xi = np.r_[xi, rng.normal(0, 0.4 * half, n_cluster)]
        eta = np.r_[eta, rng.normal(0, 0.4 * half, n_cluster)]
    mag = 20 + np.log10(rng.uniform(size=len(xi))) / COUNT_SLOPE
    star_ra, star_dec = gnomonic_inverse(xi, eta, ra, dec)
    x, y = optics.pixel(star_ra, star_dec)
    inside = (x > -0.5) & (x < nx - 0.5) & (y > -0.5) & (y < ny - 0.5)

    # The catalogue and the limits.
    listed = rng.uniform(size=len(mag)) < complete
    if rng.uniform() < 0.1:  # saturated in the survey
        listed &= mag > np.sort(mag[inside & listed])[n - 1] - rng.uniform(4.5, 6.5)
    common = np.sort(mag[inside & listed])
    bright = float(common[min(n, len(common)) - 1]) + 1e-6
    limit = bright + max(0.0, -deeper)
    listed &= mag < bright + max(0.0, deeper)
    jd = 2451545.0 + rng.uniform(-5, 26) * 365.25
    catalogue = _catalogue(star_ra[listed], star_dec[listed], mag[listed], jd, rng)

    vector = None
    if camera.pair is not None:
        vector = (
            camera.pair.dx + camera.pair.sx * float(np.clip(rng.normal(), -3, 3)),
            camera.pair.dy + camera.pair.sy * float(np.clip(rng.normal(), -3, 3)),
        )
    near = (x > -250) & (x < nx + 250) & (y > -50) & (y < ny + 50)
    sky = (x[near], y[near], mag[near])
    spurious = 1.0 if kind == "half spurious" else rng.uniform(0, 0.15)
    detections = observe(camera, sky, limit, vector, spurious, rng)
    off, angle = (wrong or rng.exponential(0.004)), rng.uniform(0, 2 * np.pi)
    told = [float(v) for v in gnomonic_inverse(off * np.cos(angle), off * np.sin(angle), ra, dec)]
    pointings = [
        (told[0], told[1], "header, J2000"),
        (*precess_to_j2000(told[0], told[1], jd), "header, equinox of date"),
    ]
    rough = 0.03 if rng.uniform() < 0.3 else 0.003
    return Field(
        index, camera, optics, latitude, int(np.count_nonzero(common <= bright)), wrong, mirrored,
        kind, catalogue, detections, pointings, jd, camera.scale * (1 + rng.uniform(-rough, rough)),
        radius, sky, limit, vector, seed,
    )  # fmt: skip


def _catalogue(
    ra: np.ndarray, dec: np.ndarray, mag: np.ndarray, jd: float, rng: np.random.Generator
) -> Stars:
    """Return the stars as a catalogue of epoch 2016 has them; four in five have motions."""
    n = len(ra)
    fast = rng.uniform(size=n) < 0.02
    pm = rng.normal(0, 1, (2, n)) * np.where(fast, 150.0, 8.0)
    now = Stars(ra, dec, mag, pmra=pm[0], pmdec=pm[1], epoch=2000.0 + (jd - 2451545.0) / 365.25)
    then = now.at(2016.0)
    error = rng.choice([0.03, 0.1, 0.2]) / 3600.0
    shift = rng.normal(0, error, (2, n))
    told = mag + rng.normal(0, 0.3, n)
    motions = rng.uniform() < 0.8
    return Stars(
        (then.ra + shift[0] / np.maximum(np.cos(np.radians(then.dec)), 1e-6)) % 360.0,
        np.clip(then.dec + shift[1], -90.0, 90.0),
        told,
        mags={"R": told},
        pmra=pm[0] if motions else None,
        pmdec=pm[1] if motions else None,
        epoch=2016.0,
    )


def observe(
    camera: Camera,
    sky: tuple[np.ndarray, np.ndarray, np.ndarray],
    limit: float,
    vector: tuple[float, float] | None,
    spurious: float,
    rng: np.random.Generator,
) -> Detections:
    """Return what is detected; `spurious` is the number of false sources to that of stars."""
    x, y, mag = sky
    ny, nx = camera.shape
    width = camera.fwhm / camera.scale
    seen_x, seen_y, seen_mag = [], [], []
    for dx, dy in ((0.0, 0.0),) if vector is None else ((0.0, 0.0), vector):
        # Polarization and the instrument make the beams unequal.
        m = mag + (rng.normal(0, 0.08, len(mag)) if vector else 0.0)
        chance = 0.98 / (1 + np.exp(np.clip((m - limit) / 0.12, -50, 50)))
        ok = rng.uniform(size=len(m)) < chance
        ok &= (x + dx > 2) & (x + dx < nx - 3) & (y + dy > 2) & (y + dy < ny - 3)
        seen_x.append(x[ok] + dx)
        seen_y.append(y[ok] + dy)
        seen_mag.append(m[ok])
    x, y, mag = np.concatenate(seen_x), np.concatenate(seen_y), np.concatenate(seen_mag)
    flux = 10.0 ** (-0.4 * (mag - limit))
    x, y, flux = _blend(x, y, flux, width)
    snr = 6.0 * flux / np.sqrt(1 + flux / 300.0)
    full = flux > 200.0
    noise = np.sqrt(0.05**2 + (0.6 * width / snr) ** 2 + np.where(full, 0.3, 0.0) ** 2)
    x, y = x + rng.normal(0, 1, len(x)) * noise, y + rng.normal(0, 1, len(y)) * noise
    flux = np.where(full, 200.0 * (np.maximum(flux, 200.0) / 200.0) ** 0.5, flux)
    flags = np.where(full, np.uint16(DetectionFlag.SATURATED), np.uint16(0))

    n = rng.poisson(spurious * len(x) / (1 if vector is None else 2))
    false = np.where(
        rng.uniform(size=n) < 0.5,
        rng.uniform(1, 4, n),
        np.exp(rng.uniform(0, np.log(max(flux.max(initial=2.0), 2.0)), n)),
    )
    flux, snr = np.r_[flux, false], np.r_[snr, 6.0 * false]
    order = np.argsort(-flux, kind="stable")
    found = Detections.from_positions(
        np.r_[x, rng.uniform(0, nx - 1, n)][order], np.r_[y, rng.uniform(0, ny - 1, n)][order],
        flux[order],
    )  # fmt: skip
    return replace(
        found,
        flux_err=(flux / snr)[order],
        flags=np.r_[flags, np.zeros(n, np.uint16)][order].astype(np.uint16),
        fwhm=np.full(len(found), width),
        fwhm_median=width,
    )


def _blend(
    x: np.ndarray, y: np.ndarray, flux: np.ndarray, width: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Merge stars nearer than one FWHM: the brighter one takes the fainter one's light."""
    order = np.argsort(-flux, kind="stable")
    x, y, flux = x[order].copy(), y[order].copy(), flux[order].copy()
    gone = np.zeros(len(x), bool)
    for i, j in np.sort(cKDTree(np.column_stack([x, y])).query_pairs(width, output_type="ndarray")):
        if gone[i] or gone[j]:
            continue
        share = flux[j] / (flux[i] + flux[j])
        x[i] += share * (x[j] - x[i])
        y[i] += share * (y[j] - y[i])
        flux[i] += flux[j]
        gone[j] = True
    return x[~gone], y[~gone], flux[~gone]


def render(field: Field) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw the field in pixels.

    Returns
    -------
    data, variance : ndarray of float32, shape (ny, nx)
    bits : ndarray of uint16, shape (ny, nx)
        Nine in ten cosmic rays are known, and all saturated pixels.
    """
    rng = np.random.default_rng([field.seed, field.index, 1])
    camera = field.camera
    x, y, mag = field.sky
    width = camera.fwhm / camera.scale
    keep = mag < field.limit + 2.0
    # A star at the limit has a signal-to-noise ratio of 5 in a circle of 1.5 FWHM.
    faintest = 5.0 * SKY_NOISE * np.sqrt(np.pi) * 1.5 * width
    flux = faintest * 10.0 ** (-0.4 * (mag[keep] - field.limit))
    image = np.zeros(camera.shape, np.float32)
    psf = Psf(width)
    for dx, dy in ((0.0, 0.0),) if field.vector is None else ((0.0, 0.0), field.vector):
        gain = np.exp(rng.normal(0, 0.07, len(flux))) if field.vector else 1.0
        add_stars(image, x[keep] + dx, y[keep] + dy, flux * gain, psf)
    ny, nx = camera.shape
    slope = np.linspace(-0.05, 0.05, nx, dtype=np.float32)[None, :]
    image += np.float32(SKY_NOISE**2) * (1 + slope)
    variance = image.copy()
    image += np.sqrt(image) * rng.standard_normal(camera.shape, dtype=np.float32)
    bits = np.zeros(camera.shape, np.uint16)
    for _ in range(int(3e-5 * image.size)):
        cx, cy, angle = rng.uniform(0, nx), rng.uniform(0, ny), rng.uniform(0, 2 * np.pi)
        step = np.arange(0, 1 + rng.exponential(3.0), 0.7)
        cols = np.clip((cx + step * np.cos(angle)).astype(int), 0, nx - 1)
        rows = np.clip((cy + step * np.sin(angle)).astype(int), 0, ny - 1)
        image[rows, cols] += np.float32(300.0 * (1 + rng.pareto(1.5)))
        if rng.uniform() < 0.9:
            bits[rows, cols] |= np.uint16(Bit.COSMIC_RAY)
    full = image > SATURATION
    image[full] = SATURATION
    bits[full] |= np.uint16(Bit.SATURATED)
    return image, variance, bits
