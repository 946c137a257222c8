"""Polarimeters that a file declares, of every kind, from raw frames to Stokes parameters."""

import numpy as np
import pytest
from closed_loop import observe_from_garden, reduce_night, without_errors

from polarnight.instruments.observatories import OBSERVATORIES
from polarnight.pipeline.groups.group import measure_group
from polarnight.pipeline.groups.outcome import GroupParameters
from polarnight.pipeline.groups.records import SourceRecord


@pytest.fixture
def garden():
    observe_from_garden()
    yield
    OBSERVATORIES.adopt(None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("instrument", "options"),
    [
        ("ThreePolaroids", {}),
        ("TurnedPlate", {"clouds": 0.5}),
        ("Circular", {"clouds": 0.5, "v_range": (-0.1, 0.1)}),
        ("Cameras", {"rotator": (37.0,)}),
    ],
)
def test_every_kind_of_polarimeter(garden, instrument, options, tmp_path):
    night = reduce_night(
        tmp_path,
        instrument,
        5,
        scenario="grid",
        mag_range=(11.0, 14.0),
        p_range=(0.0, 0.15),
        photometry=(),
        n_photometry=0,
        n_sources=70,
        n_cycles=1,
        **options,
    )
    assert night.failed == []
    assert len(night.groups) == 1
    sky = night.sky
    sources = [
        SourceRecord(id=i, name=str(sky.name[i]), ra=float(sky.ra[i]), dec=float(sky.dec[i]))
        for i in range(len(sky))
    ]
    parameters = GroupParameters(instrumental=without_errors(instrument, "R"))
    pulls = {"q": [], "u": [], "v": []}
    for group in night.groups:
        for row in measure_group(group, sources, parameters).results:
            values = row.values
            if {"BAD_PHOTOMETRY", "CROWDED"} & set(values["flags"]):
                continue
            for name in pulls:
                if values[name] is not None:
                    truth = float(getattr(sky, name)[row.source])
                    pulls[name].append((values[name] - truth) / values[f"{name}_err"])
    for name, off in pulls.items():
        if name == "v" and instrument != "Circular":
            assert off == []
            continue
        n = len(off)
        inside = np.mean(np.abs(off) < 1)
        print(f"{instrument} {name}: {n} results, {inside:.3f} within 1 sigma, "
              f"bias {np.mean(off):+.3f}, largest {np.max(np.abs(off)):.1f}")  # fmt: skip
        assert n >= 40
        assert abs(inside - 0.683) < 4 * np.sqrt(0.217 / n)
        assert abs(np.mean(off)) < 4 / np.sqrt(n)
        assert np.max(np.abs(off)) < 5
