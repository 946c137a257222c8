"""Sources at the edge of the detector: measured by the image that is on it, or refused in words."""

from types import SimpleNamespace

import numpy as np
import pytest

from polarnight.frames import Frame
from polarnight.pipeline.groups.beams import compared_beams, without_scale
from polarnight.pipeline.groups.group import gain_of_cameras
from polarnight.pipeline.groups.measure import (
    LoadedFrame,
    images_off,
    measure_frame,
    sources_in_frame,
    sources_on_any,
)
from polarnight.pipeline.groups.outcome import GroupFlux, GroupParameters
from polarnight.pipeline.groups.records import SourceRecord
from polarnight.pipeline.recipes.measurement import Fluxes
from polarnight.pipeline.recipes.stage import Product
from polarnight.polarimetry import Stokes
from polarnight.simulation import Optics, Psf, add_stars
from polarnight.simulation.headers import wcs_cards

SIZE, PAIR = 120, (-30.0, 0.0)
LIGHT = 2e5 * (1.0 - np.exp(-4.5))  # of a Gaussian within 3 sigma
OPTICS = Optics(150.0, 20.0, 0.5, 0.0, False, (SIZE, SIZE))


def wcs(shift=(0.0, 0.0)):
    from astropy.io import fits
    from astropy.wcs import WCS

    header = fits.Header()
    header.update(wcs_cards(OPTICS))
    made = WCS(header)
    made.wcs.crpix = made.wcs.crpix + np.array(shift)
    made.wcs.set()
    return made


def loaded(places, rng):
    electrons = np.full((SIZE, SIZE), 100.0, dtype=np.float32)
    x, y = np.array(places, dtype=float).T
    for dx, dy in ((0.0, 0.0), PAIR):
        add_stars(electrons, x + dx, y + dy, np.full(len(x), 2e5), Psf(4.0, "gaussian"))
    data = rng.poisson(electrons).astype(np.float32)
    info = SimpleNamespace(jd_mid=2451545.0, beam="", pixel_scale=0.5)
    frame = Frame(data, data.copy(), np.zeros(data.shape, np.uint16), wcs=wcs(), wcs_pair=wcs(PAIR))
    empty = {name: np.zeros(0) for name in ("x", "y", "flux", "flux_err", "flags")}
    return LoadedFrame(SimpleNamespace(id=7, info=info), frame, empty)


@pytest.fixture
def field():
    """Three sources: both images on the chip, the ordinary one only, none."""
    places = [(70.0, 60.0), (15.0, 90.0), (-40.0, 60.0)]
    sky = np.array(OPTICS.sky(*np.array(places).T)).T
    sources = [SourceRecord(n, f"s{n}", float(r), float(d)) for n, (r, d) in enumerate(sky)]
    return loaded(places[:2], np.random.default_rng(1)), sources


def test_images_on_the_chip_are_measured_one_by_one(field):
    frame, sources = field
    assert [s.name for s in sources_in_frame(frame, sources)] == ["s0"]
    present = sources_on_any([frame], sources)
    assert [s.name for s in present] == ["s0", "s1"]
    assert sources_on_any([frame], []) == []
    rows = measure_frame(frame, present, 4.0)
    assert [(r.source, r.pair) for r in rows] == [(0, "O"), (1, "O"), (0, "E")]
    for row in rows:
        assert row.flux_counts == pytest.approx(LIGHT, rel=0.01)
        assert row.bits == 0
    assert images_off(frame, [r for r in rows if r.source == 0]) == []
    assert images_off(frame, [r for r in rows if r.source == 1]) == ["extraordinary"]


def test_photometry_of_one_image_of_two_is_refused_in_words(field):
    frame, sources = field
    present = sources_on_any([frame], sources)
    rows = {s.id: [r for r in measure_frame(frame, present, 4.0) if r.source == s.id]
            for s in present}  # fmt: skip
    gain = gain_of_cameras([frame], 4.0, GroupParameters())
    values = {"frames": [frame], "gain": gain, "present": present, "rows": rows}
    made = Fluxes().run(Product(values))
    assert set(made["fluxes"]) == {0}
    assert made["fluxes"][0].value == pytest.approx(2.0 * LIGHT, rel=0.01)
    assert made["refused"] == [
        ("s1", "its extraordinary image lies beyond the edge of the detector")
    ]


def gained(value, **more):
    stokes = Stokes(0.0, 0.0, np.eye(2) * 1e-6, value, 10.0, 0.0, 1, **more)
    return GroupFlux(value, 10.0, True, stokes)


def test_light_of_one_beam_is_brought_to_the_scale_of_both():
    """The extraordinary beam is brighter by a tenth: k = 0.1/2.1."""
    k = 0.1 / 2.1
    both = {n: gained(2.1e4, k=k + off, k_err=0.002) for n, off in enumerate((0.001, -0.001, 0.0))}
    alone = {8: gained(2.2e4), 9: gained(2.0e4)}
    found = compared_beams({**both, **alone}, {8: "E", 9: "O"})
    for n in (8, 9):
        assert found[n].value == pytest.approx(2.1e4, rel=2e-3)
        assert 10.0 < found[n].error < 0.004 * 2.1e4
    assert {n: found[n] for n in both} == both
    # Nothing tells by how much the beams differ where there is no source with both.
    assert compared_beams(alone, {8: "E", 9: "O"}) == alone


def test_light_of_other_exposures_behind_clouds_is_no_magnitude():
    fluxes = {1: gained(2e4), 2: gained(3e4)}
    found = without_scale(fluxes, {2})
    assert found[1] == fluxes[1]
    assert np.isnan(found[2].value)
    assert found[2].stokes == fluxes[2].stokes
    assert "no magnitude" in found[2].remarks[0]


def test_a_source_whose_beams_differ_otherwise_is_blended():
    """A star of a fifth of its light lies on the ordinary image of the third."""
    k = [(0.010, 0.002), (0.012, 0.003), (-0.08, 0.002), (0.009, 0.004)]
    every = {n: gained(1e4, k=one, k_err=err) for n, (one, err) in enumerate(k)}
    found = compared_beams({**every, 8: gained(1.01e4)}, {8: "E"})
    assert [n for n, flux in found.items() if flux.blended] == [2]
    assert found[8].value == pytest.approx(1e4, rel=2e-3)
    # A faint one is not certain, and of two nobody knows which.
    every[2] = gained(1e4, k=-0.08, k_err=0.03)
    assert not any(flux.blended for flux in compared_beams(every, {}).values())
    two = {n: gained(1e4, k=one, k_err=0.002) for n, one in enumerate((0.01, -0.08))}
    assert not any(flux.blended for flux in compared_beams(two, {}).values())
