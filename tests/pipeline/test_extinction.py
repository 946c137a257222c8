"""The extinction of a night is told with its error, and not where clouds are."""

from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest

from polarnight.config import load_settings
from polarnight.db import NightQuality, ReducedFit
from polarnight.pipeline.quality.extinction import Extinction, ExtinctionHistory, fit_extinction

NIGHT = "OSN-T090/2022-09-18"


def rows_of(rng, *, n=12, airmass=(1.0, 1.8), k=0.11, noise=0.004, common=0.006, objects=1, dim=0):
    """Zero points of a night; those of an object have an error in common."""
    shifts = rng.normal(0.0, common, objects)
    rows = []
    for number, x in enumerate(np.linspace(*airmass, n)):
        which = number * objects // n
        clouds = dim[number] if np.ndim(dim) else 0.0
        rows.append(
            SimpleNamespace(
                airmass=x,
                mag_zp=21.0 - k * (x - 1.0) + shifts[which] + rng.normal(0.0, noise) - clouds,
                mag_zp_err=float(np.hypot(noise, common)),
                object_name=f"star {which}",
            )
        )
    return rows


@pytest.mark.parametrize(
    ("case", "share"),
    [
        ({}, (0.61, 0.75)),
        ({"n": 7, "airmass": (1.1, 1.5)}, (0.58, 0.75)),
        # What calibrators of an object have in common is taken for all of the quoted error.
        ({"n": 24, "objects": 4}, (0.61, 0.85)),
    ],
)
def test_the_truth_lies_within_the_errors(case, share):
    rng = np.random.default_rng(20)
    settings = load_settings().quality
    fits = [fit_extinction(rows_of(rng, **case), settings) for _ in range(300)]
    pulls = np.array([(fit.value - 0.11) / fit.error for fit in fits])
    assert share[0] < np.mean(np.abs(pulls) < 1.0) < share[1]
    assert abs(np.mean([fit.value for fit in fits]) - 0.11) < 0.003
    assert fits[0].n == case.get("n", 12)


def test_nights_that_do_not_tell_it():
    rng = np.random.default_rng(21)
    settings = load_settings().quality
    assert fit_extinction(rows_of(rng, n=5), settings) is None
    assert fit_extinction(rows_of(rng, airmass=(1.0, 1.25)), settings) is None
    half = np.repeat([0.0, 0.3], 6)
    assert fit_extinction(rows_of(rng, dim=half), settings) is None
    thick = np.repeat([0.0, 1.0], 6) * rng.exponential(1.0, 12)
    assert fit_extinction(rows_of(rng, dim=thick), settings) is None
    # One cloud does no harm.
    one = fit_extinction(rows_of(rng, dim=np.eye(12)[4]), settings)
    assert one.value == pytest.approx(0.11, abs=4.0 * one.error)
    # A cycle has one zero point.
    cycles = [row for row in rows_of(rng, n=5) for _ in range(4)]
    assert fit_extinction(cycles, settings) is None


def test_what_is_taken(reduced):
    from polarnight.db import Epoch

    settings, epoch = load_settings().quality, Epoch.objects.get()
    history = ExtinctionHistory({})
    assert history.of(epoch, "R", settings) == settings.extinction["R"]
    assert history.of(epoch, "unheard of", settings) == 0.0
    for day, value in ((1, 0.12), (2, 0.14), (3, 0.30), (25, 0.9)):
        other = Epoch(telescope="OSN-T090", night=date(2022, 9, day))
        history.remember(other, [("R", Extinction(value, 0.01, 8))])
    assert history.of(epoch, "R", settings) == 0.14
    history.remember(epoch, [("R", Extinction(0.2, 0.2, 6))])  # too uncertain
    assert history.of(epoch, "R", settings) == 0.14
    history.remember(epoch, [("R", Extinction(0.2, 0.02, 6)), ("R", Extinction(0.1, 0.03, 6))])
    assert history.of(epoch, "R", settings) == 0.2


def test_a_target_that_sets_is_no_cloud(reduced):
    """Zero points as of airmass 1 to 2 are laid into the reduced night."""
    frames = list(ReducedFit.objects.filter(obsmode="PHOTOMETRY").order_by("filename"))
    zero = frames[0].mag_zp
    for row, x in zip(frames, (1.0, 2.0), strict=True):
        ReducedFit.objects.filter(pk=row.pk).update(airmass=x, mag_zp=zero - 0.09 * (x - 1.0))
    assert reduced.run("run", NIGHT, "--only", "masters") == 0
    night = NightQuality.objects.get(obsmode="PHOTOMETRY", band="R")
    assert night.extinction is None
    assert night.extinction_taken == 0.09
    assert night.transparency == pytest.approx(1.0)
    options = ("-o", "quality.extinction={}")
    assert reduced.run(*options, "run", NIGHT, "--only", "masters") == 0
    night.refresh_from_db()
    assert night.extinction_taken == 0.0
    assert night.transparency == pytest.approx((1.0 + 10 ** (-0.4 * 0.09)) / 2.0)
