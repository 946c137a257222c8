"""Many files at once: few transactions, and a bad one spoils no other."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from astropy.io import fits
from django.db import connection

FILES = 30


@pytest.fixture
def server(fresh_database):
    from polarnight.ophidia import Server

    place = fresh_database.data.raw / "n"
    place.mkdir(parents=True)
    for number in range(FILES):
        data = np.full((3, 4), number, np.int16)
        fits.PrimaryHDU(data).writeto(place / f"f{number:02d}.fits")
    server = Server(fresh_database, "ada")
    yield server
    server.close()


IMPORT = "oph_importfits src_path=[path=/n;file=*.fits];container=C"


def test_files_share_transactions(server):
    from polarnight.db.models import DataCube
    from polarnight.ophidia import State

    state = State()
    assert server.submit("oph_createcontainer container=C;dim=NAXIS2|NAXIS1;dim_type=int", state).ok
    begun = []

    def count(execute, sql, parameters, many, context):
        begun.append(sql) if sql.startswith("BEGIN") else None
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(count):
        answer = server.submit(IMPORT, state)
    assert answer.ok, answer.error
    assert DataCube.objects.count() == FILES
    assert len(begun) < FILES / 3


def test_a_bad_file_spoils_no_other(server):
    from polarnight.db.models import CubeJob, DataCube
    from polarnight.ophidia import State

    bad = server.settings.data.raw / "n" / "f03.fits"
    bad.write_bytes(bad.read_bytes()[:100])
    answer = server.submit(IMPORT, State())
    assert f"1 of {FILES} tasks failed, the first on /n/f03.fits" in answer.error
    assert DataCube.objects.count() == FILES - 1
    states = list(CubeJob.objects.exclude(parent=None).values_list("status", flat=True))
    assert states.count("OPH_STATUS_ERROR") == 1
    assert states.count("OPH_STATUS_COMPLETED") == FILES - 1


def test_what_was_imported_before_it_was_stopped_stays(server):
    from polarnight.db.models import CubeJob, DataCube
    from polarnight.ophidia import State

    stop = threading.Event()

    def progress(text, fraction):
        if "29 of" in text:
            stop.set()

    assert not server.submit(IMPORT, State(), progress, cancelled=stop).ok
    assert 25 <= DataCube.objects.count() < FILES
    assert not CubeJob.objects.filter(status="OPH_STATUS_RUNNING").exists()
