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
from polarnight.calibration import MasterRecord, associate, build_master, group_calibrations
from polarnight.config import load_settings
from polarnight.frames import FrameInfo, ImageType, ObsMode
from polarnight.instruments import classify_file, get_instrument
from polarnight.pipeline.associations import association_rules, master_rules, reduce_rules
from polarnight.pipeline.frame_recipe import (
    REQUIRED_KINDS,
    FrameJob,
    FrameOutcome,
    frame_recipe,
    run_frame,
)
from polarnight.pipeline.records import FrameRef, SourceRecord
from polarnight.pipeline.simulated import simulate_to_directory
from polarnight.polarimetry import InstrumentalPolarization, PolarimetryRecord, make_groups
from polarnight.simulation import read_truth, sky_of_truth

NIGHTS = {"AndorT90": "2022-09-18", "CAFOS2.2": "2025-09-13"}


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
    made = simulate_to_directory(
        instrument, NIGHTS[instrument], seed, place / "simulated", **options
    )
    settings = load_settings(overrides={"datadir": place / "data"})
    stars = place / "stars"
    import_stars(made.stars, stars, mags={b: f"mag_{b}" for b in made.bands})
    truth = read_truth(made.truth)
    paths = {f["filename"]: made.directory / f["filename"] for f in truth["frames"]}
    infos = [classify_file(path) for path in paths.values()]
    masters = _masters(place, settings, infos, paths)
    refs, failed = [], []
    for number, info in enumerate(i for i in infos if i.imgtype is ImageType.LIGHT):
        job = _job(place, settings, stars, info, paths[info.filename], masters)
        outcome = run_frame(job)
        if outcome.center is None:
            failed.append((info.filename, str(outcome.notes)))
        else:
            refs.append((FrameRef(number, str(job.out), info), outcome))
    return ReducedNight(truth, _groups(settings, instrument, refs), failed)


def _masters(place, settings, infos, paths) -> dict[Path, MasterRecord]:
    masters: dict[Path, MasterRecord] = {}
    rules = master_rules(settings, infos[0].instrument)
    for number, group in enumerate(group_calibrations(infos)):
        below = {}
        if group.kind is not ImageType.BIAS:
            below["bias"] = _chosen(settings, group.infos[0], ImageType.BIAS, masters)
        if group.kind is ImageType.FLAT:
            below["dark"] = _chosen(settings, group.infos[0], ImageType.DARK, masters)
        out = place / "masters" / f"{group.kind}{number}.fits"
        out.parent.mkdir(parents=True, exist_ok=True)
        files = [paths[info.filename] for info in group.infos]
        made = build_master(group.kind, group.infos, files, out=out, rules=rules, **below)
        masters[out] = MasterRecord.from_info(str(out), group.kind, made.info)
    return masters


def _chosen(settings, info: FrameInfo, kind: ImageType, masters) -> Path | None:
    rules = association_rules(settings, info.instrument)
    choice = associate(info, masters.values(), kind, rules).choice
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
        recipe=frame_recipe(settings, reduce_rules(settings, info.instrument)),
        recipe_key="",
        inputs=(),
    )


def _groups(settings, instrument: str, refs: list[tuple[FrameRef, FrameOutcome]]):
    """One group for each frame of photometry and for each cycle of polarimetry."""
    plugin = get_instrument(instrument)
    groups = [[ref] for ref, _ in refs if ref.info.obsmode is ObsMode.PHOTOMETRY]
    by_id = {ref.id: ref for ref, _ in refs}
    cycles = make_groups(
        [
            PolarimetryRecord(
                key=ref.id,
                ra=outcome.center[0],
                dec=outcome.center[1],
                name=ref.info.object_name,
                instrument=instrument,
                band=ref.info.band,
                exptime=ref.info.exptime,
                angle=ref.info.rotangle,
                jd=ref.info.jd_mid,
            )
            for ref, outcome in refs
            if ref.info.obsmode is ObsMode.POLARIMETRY
        ],
        angles=plugin.angles,
        period=180.0 if plugin.polarimeter == "polaroids" else 360.0,
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
    quoted = get_instrument(instrument).instrumental_polarization(band, NIGHTS[instrument])
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
