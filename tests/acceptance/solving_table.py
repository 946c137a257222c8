"""How often, how fast and how well the plate solver solves.

Prints a table over simulated fields of all instruments, by instrument, number of stars,
galactic latitude, pointing and parity::

    python tests/acceptance/solving_table.py [fields] [frames] [seed]

`fields` (500) are solved from lists of detections, `frames` (40) of them from pixels too:
drawn, detected, solved. Another `seed` makes other fields, by which no limit was chosen. Seconds
are those of the processor, of which one is used. A solution is wrong where it is off by more than
2 arcsec at the centre or at any corner. See `solving_fields` for what is simulated.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from solving_fields import SEED, Field, make_field, render

from polarnight.astrometry import Detections, MemoryCatalogue, detect, solve
from polarnight.errors import AlgorithmFailed

WRONG_ARCSEC = 2.0


@dataclass(frozen=True)
class Row:
    """What became of a field."""

    index: int
    camera: str
    n_stars: int
    n_detections: int
    latitude: float
    wrong: float
    mirrored: bool
    kind: str
    dec: float
    solved: bool
    error: float  # arcsec, the largest of centre and corners
    rms: float  # arcsec
    seconds: float
    why: str = ""
    fwhm: float = np.nan  # arcsec
    centre: float = np.nan  # error there, arcsec

    @property
    def is_wrong(self) -> bool:
        """Solved, but elsewhere."""
        return self.solved and self.error > WRONG_ARCSEC


def solve_field(field: Field, detections: Detections | None = None) -> Row:
    """Solve a field from its list of detections, or from another list."""
    found = field.detections if detections is None else detections
    catalogue = MemoryCatalogue(field.catalogue)
    start = time.process_time()
    solution, why = None, ""
    try:
        solution = solve(
            found,
            catalogue,
            shape=field.camera.shape,
            pixel_scale=field.pixel_scale,
            pointings=field.pointings,
            radius_deg=field.radius,
            jd=field.jd,
            pair=field.camera.pair,
        )
    except AlgorithmFailed as error:
        why = str(error)
    seconds = time.process_time() - start
    errors = field.errors(solution.wcs) if solution else np.array([np.nan])
    return Row(
        field.index, field.camera.name, field.n_stars, len(found), field.latitude, field.wrong,
        field.mirrored, field.kind, field.optics.dec, solution is not None,
        float(errors.max()),
        solution.evidence["rms_arcsec"] if solution else np.nan, seconds, why,
        found.fwhm_median * field.pixel_scale, float(errors[0]),
    )  # fmt: skip


def solve_frame(field: Field) -> tuple[Row, float]:
    """Draw a field, detect and solve; return the row and the seconds of detection."""
    data, variance, bits = render(field)
    start = time.process_time()
    found = detect(data, variance, bits, pixel_scale=field.pixel_scale)
    seconds = time.process_time() - start
    return solve_field(field, found), seconds


GROUPS = (
    ("all", lambda r: True),
    ("8 to 15 stars", lambda r: r.n_stars <= 15),
    ("16 to 50 stars", lambda r: 15 < r.n_stars <= 50),
    ("51 to 300 stars", lambda r: 50 < r.n_stars <= 300),
    ("301 to 3000 stars", lambda r: r.n_stars > 300),
    ("|b| below 15 deg", lambda r: abs(r.latitude) < 15),
    ("|b| 15 to 50 deg", lambda r: 15 <= abs(r.latitude) < 50),
    ("|b| above 50 deg", lambda r: abs(r.latitude) >= 50),
    ("pointing right", lambda r: r.wrong == 0),
    ("wrong by 0.1 to 0.5 deg", lambda r: r.wrong > 0),
    ("mirrored", lambda r: r.mirrored),
    ("celestial poles", lambda r: abs(r.dec) > 89.5),
    ("half the catalogue lacks", lambda r: r.kind == "half the catalogue"),
    ("half spurious", lambda r: r.kind == "half spurious"),
)


def print_table(rows: list[Row]) -> None:
    """Print the table by every grouping."""
    groups = list(GROUPS)
    cameras = list(dict.fromkeys(row.camera for row in rows))
    groups += [(name, lambda r, name=name: r.camera == name) for name in cameras]
    print(
        f"{'':26s}{'fields':>7s}{'solved':>7s}{'%':>7s}{'wrong':>6s}{'median s':>9s}{'90 % s':>8s}"
        f"{'max s':>7s}{'rms':>9s}{'worst':>8s}"
    )
    for name, belongs in groups:
        chosen = [row for row in rows if belongs(row)]
        if not chosen:
            continue
        good = [row for row in chosen if row.solved]
        seconds = [row.seconds for row in chosen]
        rms = np.median([row.rms for row in good]) if good else np.nan
        worst = max((row.error for row in good), default=np.nan)
        print(
            f"{name:26s}{len(chosen):7d}{len(good):7d}{100 * len(good) / len(chosen):7.1f}"
            f"{sum(row.is_wrong for row in chosen):6d}{np.median(seconds):9.3f}"
            f'{np.quantile(seconds, 0.9):8.3f}{max(seconds):7.2f}{rms:8.3f}"{worst:7.2f}"'
        )
    for row in rows:
        if not row.solved or row.is_wrong:
            print(f"  {'wrong' if row.solved else 'refused'}: {row}")


def measure(indices: Iterable[int], seed: int = SEED) -> list[Row]:
    """Solve fields by their numbers."""
    return [solve_field(make_field(index, seed=seed)) for index in indices]


def frame_numbers(n: int) -> list[int]:
    """Return numbers of fields that take all cameras and pointings in turn."""
    return [index * 11 for index in range(n)]


def measure_frames(n: int, seed: int = SEED) -> tuple[list[Row], list[float]]:
    """Solve drawn frames; return the rows and the seconds of detection."""
    done = [solve_frame(make_field(index, seed=seed)) for index in frame_numbers(n)]
    return [row for row, _ in done], [seconds for _, seconds in done]


if __name__ == "__main__":
    given = [int(a) for a in sys.argv[1:4]]
    n_fields, n_frames, seed = given + [500, 40, SEED][len(given) :]
    if n_fields:
        print_table(measure(range(n_fields), seed))
    if n_frames:
        rows, seconds = measure_frames(n_frames, seed)
        print(f"\nfrom pixels (detection: median {np.median(seconds):.3f} s)")
        print_table(rows)
