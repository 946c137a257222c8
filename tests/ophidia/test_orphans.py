"""Stores that are left when a process is killed between deleting a row and its store."""

import os
import time

import numpy as np
import pytest

from polarnight.cubes import Cube
from polarnight.db.models import DataCube
from polarnight.pipeline.doctor import examine
from polarnight.pipeline.orphans import orphans, sweep


@pytest.fixture
def chain(client):
    """Three stored cubes, each made of the one before, as old as they need to be."""
    client.write("a.fits", np.arange(48, dtype=np.uint16).reshape(6, 8))
    pids = [client.pid("oph_importfits src_path=/a.fits;measure=image;imp_dim=NAXIS2")]
    for query in ("oph_sum_scalar", "oph_mul_scalar", "oph_sum_scalar"):
        pids.append(
            client.pid(
                f"oph_apply cube={pids[-1]};query={query}('oph_float','oph_float',measure,2)"
            )
        )
    server = client.server
    rows = [server.catalogue.cubes.get(pid) for pid in pids[1:]]
    for row in rows:
        server.workbench.materialise(row)
        age(server.store, row.recipe.key)
    return client, rows


def age(store, key, hours=48):
    then = time.time() - 3600 * hours
    os.utime(store.path(key) / "zarr.json", (then, then))


def lose(*rows):
    """Delete rows as a process does that is killed before it deletes the stores."""
    DataCube.objects.filter(pk__in=[row.pk for row in rows]).delete()


def test_what_nothing_needs_is_deleted_once_it_is_old(chain):
    client, rows = chain
    server = client.server
    assert orphans(server.settings) == []
    lose(rows[2])
    key = rows[2].recipe.key
    os.utime(server.store.path(key) / "zarr.json")
    assert sweep(server.settings) == [], "it may be about to come into the catalogue"
    age(server.store, key)
    cubes = next(f for f in examine(server.settings) if f.check == "cubes")
    assert cubes.verdict == "note"
    assert "nothing needs 1 of them" in cubes.text
    assert [one.key for one in sweep(server.settings)] == [key]
    assert server.store.keys() == sorted(row.recipe.key for row in rows[:2])
    assert sweep(server.settings) == []
    assert next(f for f in examine(server.settings) if f.check == "cubes").verdict == "ok"


def test_what_a_cube_is_made_of_stays(chain):
    client, rows = chain
    lose(rows[0], rows[1])
    assert sweep(client.server.settings) == []
    assert len(client.server.store.keys()) == 3
    lose(rows[2])
    assert {one.key for one in sweep(client.server.settings)} == {r.recipe.key for r in rows}
    assert client.server.store.keys() == []


def test_what_others_kept_there_stays(chain):
    client, rows = chain
    store = client.server.store
    own = Cube.from_array(np.ones((3, 4), "f4")).persist(store)
    age(store, own.key)
    lose(*rows)
    assert len(sweep(client.server.settings)) == 3
    assert store.keys() == [own.key]


def test_a_cube_that_comes_back_meanwhile_stays(chain, monkeypatch):
    from polarnight.pipeline import orphans as module

    client, rows = chain
    lose(rows[2])
    found = module._orphans

    def slow(store, age):
        doomed = found(store, age)
        rows[2].pk = None
        rows[2].save()
        return doomed

    monkeypatch.setattr(module, "_orphans", slow)
    assert sweep(client.server.settings) == []
    assert client.server.store.has(rows[2].recipe.key)
