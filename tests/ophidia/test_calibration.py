"""A night through both doors: the pipeline's masters and frames, and those of operators."""

from __future__ import annotations

import numpy as np
import pytest

from polarnight.frames import read_frame

pytestmark = pytest.mark.slow


@pytest.fixture
def door(reduced):
    """A client of the archive of a night that the pipeline has reduced."""
    from polarnight.config import get_settings
    from polarnight.ophidia import Server, State

    server = Server(get_settings(), "ada")

    def send(text):
        response = server.submit(text, send.state)
        assert response.ok, response.error
        return response

    send.state = State()
    send.server = server
    yield send
    server.close()


def _same(door, pid, path):
    """Compare a cube with a product of the pipeline, to the last bit."""
    row = door.server.catalogue.cubes.get(pid)
    cube = door.server.workbench.cube(row)
    frame = read_frame(path)
    made = [cube.data.compute(), cube.variance.compute(), cube.bits.compute()]
    for ours, theirs in zip(made, (frame.data, frame.variance, frame.bits), strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))
        assert np.asarray(ours).dtype == np.asarray(theirs).dtype.newbyteorder("=")


def test_both_doors_give_the_same_pixels(door):
    from polarnight.db import RawFit, ReducedFit
    from polarnight.db.models.masters import MASTER_MODELS

    night = RawFit.objects.select_related("epoch").first().epoch
    path = f"/archive/{night.telescope}/{night.night}"
    made = door(f"oph_master cubes=[path={path}];container=masters")
    rows = made.get("master_list").rows
    kinds = [row[1] for row in rows]
    assert kinds == sorted(kinds, key=["BIAS", "DARK", "FLAT"].index)
    theirs = {
        frozenset(raw.filename for raw in row.rawfits.all()): row
        for model in MASTER_MODELS.values()
        for row in model._default_manager.all()
    }
    assert len(rows) == len(theirs)
    for pid, *_ in rows:
        graph = door(f"oph_cubeio cube={pid};branch=parent").get("cubeio")
        sources = [row[0] for row in graph.rows if row[2] == pid]
        names = frozenset(
            door.server.catalogue.cubes.get(source).source.rpartition("/")[2] for source in sources
        )
        _same(door, pid, theirs[names].filepath)

    masters = "|".join(row[0] for row in rows)
    lights = ReducedFit.objects.exclude(path="")
    assert lights.count() >= 3
    for light in lights:
        found = door(f"oph_search path={path};metadata_key_filter=all").get("search")
        assert found.rows
        pids = [
            door.server.catalogue.pid(row)
            for row in door.server.catalogue.cubes.in_container(
                door.server.catalogue.containers.get(door.server.resume(door.state), path)
            )
            if row.level == 0 and row.source.endswith(light.filename)
        ]
        assert len(pids) == 1
        own = door(f"oph_calibrate cube={pids[0]};masters={masters};container=reduced")
        _same(door, own.objects[0].message, light.filepath)
        # With the masters of the pipeline it is the same too.
        other = door(f"oph_calibrate cube={pids[0]};container=reduced")
        _same(door, other.objects[0].message, light.filepath)


def test_masters_that_go_take_their_files_with_them(door):
    from polarnight.db import RawFit
    from polarnight.ophidia.files.paths import products

    night = RawFit.objects.select_related("epoch").first().epoch
    path = f"/archive/{night.telescope}/{night.night}"
    made = door(f"oph_master cubes=[path={path}];kind=bias;container=masters")
    pid = made.objects[0].message
    files = products(door.server.settings)
    assert len(list(files.iterdir())) == 1
    door(f"oph_master cubes=[path={path}];kind=bias;container=masters")
    assert len(list(files.iterdir())) == 1
    twice = door(f"oph_apply cube={pid};query=measure*2").objects[0].message
    expected = door.server.workbench.cube(door.server.catalogue.cubes.get(twice)).numpy()
    door(f"oph_delete cube={pid}")
    assert len(list(files.iterdir())) == 1  # the second one shows it
    door("oph_delete cube=[container=masters;level=1];force=yes")
    assert list(files.iterdir()) == []
    found = door.server.workbench.cube(door.server.catalogue.cubes.get(twice)).numpy()
    np.testing.assert_array_equal(found, expected)


def test_what_cannot_be_calibrated_is_told(door):
    from polarnight.db import RawFit

    night = RawFit.objects.select_related("epoch").first().epoch
    path = f"/archive/{night.telescope}/{night.night}"
    catalogue = door.server.catalogue
    door(f"oph_list path={path};level=2")
    container = catalogue.containers.get(door.server.resume(door.state), path)
    raw = catalogue.cubes.in_container(container).filter(level=0)
    rows = {row.source.rpartition("/")[2]: row for row in raw}
    bias = next(RawFit.objects.filter(imgtype="BIAS").iterator())
    light = next(RawFit.objects.filter(imgtype="LIGHT").iterator())

    def error(text):
        response = door.server.submit(text, door.state)
        assert not response.ok
        return response.error

    assert "is a bias frame" in error(f"oph_calibrate cube={rows[bias.filename].pk}")
    number = rows[light.filename].pk
    assert "no master" in error(f"oph_calibrate cube={number};bias=none;flat=none;container=x")
    assert "is no master" in error(f"oph_calibrate cube={number};bias={number}")
    assert "no calibration frames" in error(f"oph_master cubes={number}")
    derived = door(f"oph_subset cube={number};subset_dims=NAXIS1;subset_filter=1:9;container=x")
    pid = derived.objects[0].message
    assert "is no raw frame" in error(f"oph_calibrate cube={pid}")
    assert "only read" in error(f"oph_calibrate cube={number};container={path}")
