"""What no command removes, moves or writes over."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def night(client):
    """A raw frame that the database knows, and a link to the directory of its telescope."""
    from polarnight.db import Epoch, RawFit

    path = client.write("TNG/2021-03-04/a.fits", np.arange(12, dtype=np.int16).reshape(3, 4))
    epoch = Epoch.objects.create(telescope="TNG", night=date(2021, 3, 4))
    RawFit.objects.create(epoch=epoch, filename="a.fits")
    (client.root / "link").symlink_to(client.root / "TNG")
    (client.root / "one.fits").symlink_to(path)
    return path


def test_raw_frames_stay_also_behind_links(client, night):
    before = night.read_bytes()
    client.ok("oph_importfits src_path=/TNG/2021-03-04/a.fits;container=C")
    made = client.pid("oph_duplicate")
    for start in ("/TNG", "/link", night.parents[1].as_posix()):
        client.error(f"oph_fs command=rm;dpath={start}/2021-03-04;recursive=yes", 7)
        client.error(f"oph_fs command=rm;dpath={start}/2021-03-04/a.fits", 7)
        client.error(f"oph_fs command=mv;dpath={start}/2021-03-04/a.fits|b.fits", 7)
        where = f"output_path={start}/2021-03-04;output_name=a;force=yes"
        client.error(f"oph_exportfits cube={made};{where}", 7)
    client.error(f"oph_exportfits cube={made};output_path=/;output_name=one;force=yes", 7)
    assert night.read_bytes() == before


def test_the_data_directory_keeps_its_own(client, tmp_path):
    client.write("x.fits", np.arange(12, dtype=np.int16).reshape(3, 4))
    client.ok("oph_importfits src_path=x.fits;container=C")
    client.ok("oph_reduce2 dim=NAXIS1;operation=max")
    top = client.server.settings.datadir
    database = client.server.settings.data.db_path
    database.touch()
    (top / "masterbias").mkdir()
    key = client.server.settings.web_key
    key.touch()
    for place in (top / "cubes", database, key, top / "masterbias", top, top / "raw", Path.cwd()):
        client.error(f"oph_fs command=rm;dpath={place};recursive=yes", 7)
        client.error(f"oph_fs command=mv;dpath={place}|away", 7)
        assert place.exists()
    stored = next((top / "cubes").glob("*.zarr"))
    client.error(f"oph_fs command=rm;dpath={stored};recursive=yes", 7)
    client.error(f"oph_fs command=mv;dpath=x.fits|{top / 'cubes' / 'x.fits'}", 7)
    client.error(f"oph_exportfits output_path={top / 'cubes'}", 7)
    client.error(f"oph_exportfits output_path={top / 'masterflat' / 'new'}", 7)
    client.ok(f"oph_exportfits output_path={Path.cwd()};output_name=mine")
    client.ok(f"oph_exportfits output_path={top / 'mine'};output_name=mine")
    client.ok(f"oph_fs command=rm;dpath={top / 'mine'};recursive=yes")
    client.ok(f"oph_fs command=rm;dpath={Path.cwd() / 'mine.fits'}")


def test_the_working_directory_may_hold_the_data_directory(client, tmp_path, monkeypatch):
    client.write("x.fits", np.arange(12, dtype=np.int16).reshape(3, 4))
    client.ok("oph_importfits src_path=x.fits;container=C")
    monkeypatch.chdir(tmp_path)
    client.ok(f"oph_exportfits output_path={tmp_path};output_name=mine")
    assert (tmp_path / "mine.fits").is_file()


def test_a_cube_is_not_written_over_what_it_is_made_of(client):
    path = client.write("x.fits", np.arange(12, dtype=np.int16).reshape(3, 4))
    before = path.read_bytes()
    client.ok("oph_importfits src_path=x.fits;container=C")
    client.error("oph_exportfits output_path=/;output_name=x;force=yes", 9)
    client.ok("oph_subset subset_dims=NAXIS1;subset_filter=1:2")
    client.error("oph_exportfits output_path=/;output_name=x;force=yes", 9)
    assert path.read_bytes() == before


@pytest.fixture
def other(client):
    """Another user of the same data directory."""
    from polarnight.config import get_settings
    from polarnight.ophidia import Server, State

    server = Server(get_settings(), "../eve")
    yield type(client)(server, client.root, State())
    server.close()


def test_exports_are_read_by_their_user_alone(client, other):
    client.write("x.fits", np.arange(12, dtype=np.int16).reshape(3, 4))
    for one in (client, other):
        one.ok("oph_importfits src_path=/x.fits;container=C")
    top = client.server.settings.datadir / "export"
    mine = Path(client.ok("oph_exportfits output_name=mine").objects[0].message)
    hers = Path(other.ok("oph_exportfits output_name=hers").objects[0].message)
    page = Path(client.ok("oph_publish").objects[0].message)
    assert mine.is_relative_to(top / "ada")
    assert page.is_relative_to(top / "ada")
    assert hers.is_relative_to(top)
    assert hers.relative_to(top).parts[0] not in {"..", "ada"}
    (client.root / "link").symlink_to(mine)
    for place in (mine, mine.parent, "/link", top / "ada", top / "nobody"):
        other.error(f"oph_fs command=ls;dpath={place}")
    for place in (mine, "/link"):
        other.error(f"oph_importfits src_path={place};container=D", 7)
        other.error(f"oph_fs command=rm;dpath={place}", 7)
    other.error(f"oph_exportfits output_path={mine.parent};output_name=x", 7)
    for one in (client, other):
        one.error(f"oph_fs command=rm;dpath={top};recursive=yes", 7)
    found = other.rows(f"oph_importfits src_path=[path={top};file=*.fits;recursive=yes;run=no]")
    assert found == [[hers.as_posix()]]
    client.ok(f"oph_importfits src_path={mine};container=D")
    client.ok(f"oph_fs command=rm;dpath={mine}")
