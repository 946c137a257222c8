"""Simulated nights through the functions of the pipeline, without a database.

What the workers do is done here by the same functions in the same order: masters are made and
associated, frames are calibrated and solved, groups of frames are measured. In place of the
database there are lists, so that the catalogue and the correction for instrumental polarization
can be what a statistical test needs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from polarnight.astrometry import import_stars
from polarnight.calibration import MasterRecord, group_calibrations
from polarnight.config import load_settings
from polarnight.errors import BadFrame
from polarnight.frames import FrameInfo, ImageType, ObsMode
from polarnight.instruments import classify_file, get_instrument
from polarnight.instruments.observatories import OBSERVATORIES
from polarnight.pipeline.demo.simulated import simulate_to_directory
from polarnight.pipeline.groups.records import FrameRef, SourceRecord
from polarnight.pipeline.groups.two_cameras import simultaneous
from polarnight.pipeline.recipes.book import RecipeBook
from polarnight.pipeline.recipes.frame import (
    REQUIRED_KINDS,
    FrameJob,
    FrameOutcome,
    run_frame,
)
from polarnight.pipeline.recipes.master import MasterJob, run_master
from polarnight.pipeline.ties import TiedFrame, WindowTies, is_window
from polarnight.polarimetry import InstrumentalPolarization, PolarimetryRecord, make_groups
from polarnight.simulation import read_truth, sky_of_truth

NIGHTS = {
    "AndorT90": "2022-09-18",
    "AndorT150": "2023-09-18",
    "CAFOS2.2": "2025-09-13",
    "DIPOL": "2025-10-18",
    "DOLORES": "2016-06-06",
    "RoperT90": "2020-09-18",
}
OTHERS = "2026-01-20"  # the night of instruments that a file declares

COMMON = "size: [620, 560]\n  pixel_scale: 0.9\n  gain: 1.2\n  read_noise: 6.0"
GARDEN = f"""
telescope: {{name: Garden, longitude: 255.0, latitude: 40.0, height: 1500, TELESCOP: [Garden]}}
instruments:
- name: Camera
  recognise: {{INSTRUME: [Camera]}}
  {COMMON}
  filters: {{V: V, R: R}}
- name: ThreePolaroids
  recognise: {{INSTRUME: [ThreePolaroids]}}
  {COMMON}
  filters: {{R: R, P0: R, P60: R, P120: R}}
  polarimeter: polaroids
  polaroids: {{P0: 0, P60: 60, P120: 120}}
- name: TurnedPlate
  recognise: {{INSTRUME: [TurnedPlate]}}
  {COMMON}
  polarimeter: half-wave plate
  pair: {{dx: 30, dy: 2, sx: 1, sy: 1}}
  keywords: {{angle: HWPANG}}
  angle_sense: -1
- name: Circular
  recognise: {{INSTRUME: [Circular]}}
  {COMMON}
  polarimeter: quarter-wave plate
  retardance: 92
  pair: {{dx: 3, dy: 30, sx: 1, sy: 1}}
  keywords: {{angle: QWPANG}}
- name: Cameras
  recognise: {{INSTRUME: [Cameras]}}
  {COMMON}
  polarimeter: half-wave plate
  beams: cameras
  camera_beams: {{filename: "_cam([12])\\\\.fits$", values: {{1: O, 2: E}}}}
  keywords: {{angle: HWP, instrument_angle: ROTPA}}
  trusted_wcs: true
"""
"""An observatory declared by a file, with a polarimeter of every kind."""


def observe_from_garden() -> None:
    """Make the observatory of the file known, in place of those of the settings."""
    OBSERVATORIES.adopt((("garden.yaml", GARDEN),))


@dataclass(frozen=True)
class ReducedNight:
    """A night whose frames are calibrated and solved."""

    truth: dict
    groups: list[list[FrameRef]]
    failed: list[tuple[str, str]]

    @property
    def sky(self):
        return sky_of_truth(self.truth)


def reduce_night(place: Path, instrument: str, seed: int, **options) -> ReducedNight:
    """Simulate a night, make its masters, reduce its frames, and put them into groups.

    Parameters
    ----------
    place : Path
        An empty directory.
    instrument, seed, **options
        Of `polarnight.simulation.simulate_night`.
    """
    night = NIGHTS.get(instrument, OTHERS)
    made = simulate_to_directory(instrument, night, seed, place / "simulated", **options)
    settings = load_settings(overrides={"datadir": place / "data"})
    stars = place / "stars"
    import_stars(made.stars, stars, mags={b: f"mag_{b}" for b in made.bands})
    truth = read_truth(made.truth)
    paths = {p.name: p for f in truth["frames"] if (p := made.directory / f["filename"]).exists()}
    infos, failed = [], []
    for path in paths.values():
        try:
            infos.append(classify_file(path))
        except BadFrame as error:
            failed.append((path.name, error.reason))
    masters = _masters(place, settings, infos, paths)
    refs = []
    light = [info for info in infos if info.imgtype is ImageType.LIGHT]
    light.sort(key=is_window)  # windows are tied to solved wide frames
    for number, info in enumerate(light):
        job = _job(place, settings, stars, info, paths[info.filename], masters)
        try:
            outcome = run_frame(replace(job, ties=_ties(refs) if is_window(info) else None))
        except BadFrame as error:
            failed.append((info.filename, error.reason))
            continue
        if outcome.center is None:
            failed.append((info.filename, str(outcome.notes)))
        else:
            refs.append((FrameRef(number, str(job.out), info), outcome))
    return ReducedNight(truth, _groups(settings, instrument, refs), failed)


def _ties(refs) -> WindowTies:
    wides = [ref for ref, _ in refs if not is_window(ref.info)]
    return WindowTies(tuple(TiedFrame(r.info.filename, Path(r.path), "") for r in wides[:3]))


def _masters(place, settings, infos, paths) -> dict[Path, MasterRecord]:
    masters: dict[Path, MasterRecord] = {}
    book = RecipeBook(settings)
    for number, group in enumerate(group_calibrations(infos)):
        below = {}
        if group.kind is not ImageType.BIAS:
            below["bias"] = _chosen(settings, group.infos[0], ImageType.BIAS, masters)
        if group.kind is ImageType.FLAT:
            below["dark"] = _chosen(settings, group.infos[0], ImageType.DARK, masters)
        out = place / "masters" / f"{group.kind}{number}.fits"
        out.parent.mkdir(parents=True, exist_ok=True)
        files = [paths[info.filename] for info in group.infos]
        recipe = book.get(str(group.kind).lower(), infos[0].instrument).recipe
        job = MasterJob(
            group.kind, group.infos, files, below.get("bias"), below.get("dark"), out, recipe, ""
        )
        made = run_master(job).result
        masters[out] = MasterRecord.from_info(str(out), group.kind, made.info)
    return masters


def _chosen(settings, info: FrameInfo, kind: ImageType, masters) -> Path | None:
    recipe = RecipeBook(settings).get("association", info.instrument).recipe
    product = recipe.run(info=info, masters=masters.values(), kind=kind)
    choice = product["association"].choice
    return None if choice is None else Path(choice.id)


def _job(place, settings, stars, info, path, masters) -> FrameJob:
    needed = get_instrument(info.instrument).requires
    chosen = {
        name: _chosen(settings, info, kind, masters)
        for kind, name in REQUIRED_KINDS.items()
        if kind in needed
    }
    return FrameJob(
        path=path,
        out=place / "reduced" / f"{path.stem}.fits",
        info=info,
        masters={name: master for name, master in chosen.items() if master is not None},
        stars=stars,
        object_place=None,
        recipe=RecipeBook(settings).get("light", info.instrument).recipe,
        recipe_key="",
        inputs=(),
    )


def _groups(settings, instrument: str, refs: list[tuple[FrameRef, FrameOutcome]]):
    """One group for each frame of photometry and for each cycle of polarimetry."""
    plugin = get_instrument(instrument)
    by_id = {ref.id: ref for ref, _ in refs}
    records = {
        mode: [
            PolarimetryRecord(
                key=ref.id,
                ra=outcome.center[0],
                dec=outcome.center[1],
                name=ref.info.object_name,
                instrument=instrument,
                band=ref.info.band,
                exptime=ref.info.exptime,
                angle=ref.info.rotangle or 0.0,
                jd=ref.info.jd_mid,
                beam=ref.info.beam,
            )
            for ref, outcome in refs
            if ref.info.obsmode is mode
        ]
        for mode in (ObsMode.PHOTOMETRY, ObsMode.POLARIMETRY)
    }
    groups = [[by_id[r.key] for r in e] for e in simultaneous(records[ObsMode.PHOTOMETRY])]
    cycles = make_groups(
        records[ObsMode.POLARIMETRY],
        angles=plugin.angles,
        period=plugin.angle_period,
        max_gap=60.0 * settings.polarimetry.max_gap_minutes,
        radius_deg=0.05,
    )
    groups += [[by_id[r.key] for r in c.records] for c in cycles if c.complete]
    return groups


def literature_sources(night: ReducedNight) -> list[SourceRecord]:
    """Return targets and calibrators as the simulated literature tells them."""
    sky = night.sky
    targets = tuple(int(i) for i in np.flatnonzero(sky.role == "target"))
    return [
        SourceRecord(
            id=int(i),
            name=str(sky.name[i]),
            ra=float(sky.ra[i]),
            dec=float(sky.dec[i]),
            magnitudes={}
            if sky.role[i] == "target"
            else {
                band: (float(mags[i]), float(sky.catalogue_errors[band][i]))
                for band, mags in sky.catalogue_mags.items()
            },
            calibrates=() if sky.role[i] == "target" else targets,
        )
        for i in np.flatnonzero(sky.role != "star")
    ]


def without_errors(instrument: str, band: str) -> InstrumentalPolarization:
    """Return the constants of an instrument as if they were known exactly."""
    night = NIGHTS.get(instrument, OTHERS)
    quoted = get_instrument(instrument).instrumental_polarization(band, night)
    return replace(quoted, q0_err=0.0, u0_err=0.0, zero_angle_err=0.0, efficiency_err=0.0)


def private_calibrators(
    night: ReducedNight, rng: np.random.Generator, *, each: int, limit: float, error: float
) -> list[SourceRecord]:
    """Return sources of which every few have calibrators of their own.

    A zero point common to a whole frame would make one case of all its bright sources: they
    would be within their errors together, or not. So calibrators, drawn from the sources
    brighter than `limit`, are dealt out in sets of `each`, and their literature values are
    drawn anew at every call.
    """
    sky, band = night.sky, "R"
    bright = rng.permutation(np.flatnonzero(sky.mags[band] < limit))
    chosen = bright[: len(bright) // (2 * each) * each]
    sets = chosen.reshape(-1, each)
    targets = rng.permutation(np.setdiff1d(np.arange(len(sky)), chosen))
    calibrates = {
        int(c): tuple(int(t) for t in targets[n :: len(sets)])
        for n, members in enumerate(sets)
        for c in members
    }
    return [
        SourceRecord(
            id=i,
            name=str(sky.name[i]),
            ra=float(sky.ra[i]),
            dec=float(sky.dec[i]),
            magnitudes={band: (float(sky.mags[band][i] + error * rng.standard_normal()), error)}
            if i in calibrates
            else {},
            calibrates=calibrates.get(i, ()),
        )
        for i in range(len(sky))
    ]
