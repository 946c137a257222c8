"""The archive as containers of cubes."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from polarnight.db.bulk import upsert
from polarnight.db.cubes import CubeCatalogue
from polarnight.db.cubes.cubes import Origin
from polarnight.db.cubes.matching import Term
from polarnight.db.cubes.scope import Scope
from polarnight.db.cubes.search import CubeFilter
from polarnight.errors import ConfigError

pytestmark = pytest.mark.django_db

NIGHT = "/archive/OSN-T090/2022-09-18"


@pytest.fixture
def catalogue(datadir):
    return CubeCatalogue()


@pytest.fixture
def session(catalogue):
    return catalogue.session("ana")


def write(path, kind, exptime=1.0, value=7):
    path.parent.mkdir(parents=True, exist_ok=True)
    header = fits.Header()
    header["OBS-TYPE"] = (kind, "type")
    header["EXPTIME"] = (exptime, "s")
    fits.writeto(path, np.full((4, 6), value, "i2"), header, overwrite=True)


@pytest.fixture
def night(epoch, make_info, datadir):
    """Three raw frames and a master, in the database and on disk."""
    from polarnight.db import MasterBias, RawFit

    rows = []
    for number, kind in enumerate(("BIAS", "BIAS", "LIGHT")):
        name = f"{number}.fits"
        write(epoch.rawfitsdir / name, kind, number)
        info = make_info(filename=name, imgtype=kind, jd_mid=2459841.0 + number)
        rows.append(RawFit.from_info(epoch, info, content_key=str(number) * 64))
    upsert(rows, ["epoch", "filename"])
    master = MasterBias(
        epoch=epoch, instrument="AndorT90", imgsize="6x4", imgbinning="1x1", content_key="m" * 64
    )
    master.complete()
    write(master.filepath, "MASTERBIAS")
    master.save()
    return epoch


def names(catalogue, session):
    container = catalogue.containers.get(session, NIGHT)
    return [
        (cube.source.rsplit("/", 1)[-1], cube.level)
        for cube in catalogue.cubes.in_container(container)
    ]


def numbers(catalogue, session):
    container = catalogue.containers.get(session, NIGHT)
    return {cube.source: cube.pk for cube in catalogue.cubes.in_container(container)}


def test_the_tree(catalogue, session, night):
    def paths(path):
        return [(e.kind, e.path) for e in catalogue.folders.entries(session, path)]

    assert paths("/") == [("f", "/archive")]
    assert paths("/archive") == [("f", "/archive/OSN-T090")]
    assert paths("/archive/OSN-T090") == [("c", NIGHT)]
    assert names(catalogue, session) == [
        ("0.fits", 0),
        ("1.fits", 0),
        ("2.fits", 0),
        ("masterbias_AndorT90_6x4_1x1_.fits".replace("_.", "."), 1),
    ]


def test_every_session_sees_the_same_cubes(catalogue, session, night):
    other = catalogue.session("eve")
    assert numbers(catalogue, session) == numbers(catalogue, other)


def test_cards_are_those_of_the_file(catalogue, session, night):
    number = numbers(catalogue, session)["raw/OSN-T090/2022-09-18/2.fits"]
    cube = catalogue.get(number, session)
    assert (cube.shape, cube.dtype, cube.measure) == ((4, 6), "short", "image")
    assert [(d["name"], d["explicit"]) for d in cube.dims] == [("NAXIS2", True), ("NAXIS1", False)]
    cards = {card.key: card.value for card in catalogue.cards.read(number)}
    assert (cards["OBS-TYPE"], cards["EXPTIME"], cards["NAXIS1"]) == ("LIGHT", 2, 6)
    assert catalogue.archive.path_of(cube) == night.rawfitsdir / "2.fits"
    assert cube.key == cube.recipe.key
    assert cube.recipe.recipe["name"] == "open_fits"


def test_only_what_changed_is_read_again(catalogue, session, night):
    first = numbers(catalogue, session)
    read = []
    own = catalogue.archive.describe
    catalogue.archive.describe = lambda path: read.append(path.name) or own(path)
    assert numbers(catalogue, session) == first
    assert read == []
    write(night.rawfitsdir / "1.fits", "FLAT", 33.0)
    assert numbers(catalogue, session) == first
    assert read == ["1.fits"]
    changed = first["raw/OSN-T090/2022-09-18/1.fits"]
    (card,) = catalogue.cards.read(changed, keys=["obs_type"])
    assert card.value == "FLAT"


def test_a_file_keeps_its_number_when_it_goes_and_comes_back(catalogue, session, night):
    first = numbers(catalogue, session)
    source = "raw/OSN-T090/2022-09-18/1.fits"
    path = night.rawfitsdir / "1.fits"
    path.rename(path.with_suffix(".away"))
    assert set(first) - set(numbers(catalogue, session)) == {source}
    with pytest.raises(ConfigError, match="no cube"):
        catalogue.get(first[source])
    container = catalogue.containers.create(session, "own", [("NAXIS1", "int")])
    assert container.pk
    path.with_suffix(".away").rename(path)
    assert numbers(catalogue, session) == first


def test_a_row_that_vanished(catalogue, session, night):
    first = numbers(catalogue, session)
    night.rawfits.get(filename="0.fits").delete()
    assert set(first) - set(numbers(catalogue, session)) == {"raw/OSN-T090/2022-09-18/0.fits"}
    night.delete()
    assert numbers(catalogue, session) == {}


def test_a_damaged_file_has_no_cube_and_a_reason(catalogue, session, night):
    (night.rawfitsdir / "1.fits").write_bytes(b"SIMPLE  = nothing")
    found = numbers(catalogue, session)
    assert len(found) == 3
    container = catalogue.containers.get(session, NIGHT)
    assert list(catalogue.archive.problems(container)) == ["raw/1.fits"]
    write(night.rawfitsdir / "1.fits", "BIAS")
    assert len(numbers(catalogue, session)) == 4
    assert catalogue.archive.problems(container) == {}


def test_progress_is_told(catalogue, session, night):
    told = []
    catalogue.archive.progress = lambda *state: told.append(state)
    numbers(catalogue, session)
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_search_in_the_archive(catalogue, session, night):
    wanted = [Term.parse("obs_type=BIAS")]
    for scope in (Scope(NIGHT), Scope("/archive/OSN-T090"), Scope("/archive", recursive=True)):
        hits = catalogue.search.find(session, CubeFilter(terms=wanted, scope=scope))
        assert len(hits) == 2, scope
    # The way down from the top does not lead into the archive, nor does the folder alone.
    for scope in (Scope("/", recursive=True), Scope("/archive")):
        assert catalogue.search.find(session, CubeFilter(terms=wanted, scope=scope)) == []


def test_masters_are_derived(catalogue, session, night):
    terms = [Term.parse("EXPTIME=1")]

    def found(**more):
        hits = catalogue.search.find(session, CubeFilter(terms, scope=Scope(NIGHT), **more))
        return [catalogue.get(hit.cube).level for hit in hits]

    assert found() == [0]
    assert found(derived=True) == [0, 1]
    assert found(levels=[1]) == [1]


def test_what_the_pipeline_made_of_what(catalogue, session, night):
    from polarnight.db import MasterBias, ReducedFit

    master = MasterBias.objects.get()
    raw = {row.filename: row for row in night.rawfits.all()}
    master.rawfits.set([raw["0.fits"], raw["1.fits"]])
    reduced = ReducedFit.from_rawfit(raw["2.fits"], content_key="r" * 64, masterbias=master)
    write(reduced.filepath, "LIGHT")
    reduced.save()
    by_file = {place.rsplit("/", 1)[-1]: n for place, n in numbers(catalogue, session).items()
               if not place.startswith("calibration")}  # fmt: skip
    bias = by_file[master.filename]
    last = max(numbers(catalogue, session).values())
    own = catalogue.add(
        catalogue.containers.create(session, "/own"),
        catalogue.archive.describe(reduced.filepath),
        Origin("oph_duplicate", "oph_duplicate", [catalogue.get(last)], session),
    )

    def edges(number, branch, who=session):
        graph = catalogue.provenance(catalogue.get(number), branch, who)
        assert {node.place for node in graph.nodes} >= {edge.output for edge in graph.edges}
        return [
            (int(e.input.split("/")[1]), e.operator, int(e.output.split("/")[1]))
            for e in graph.edges
        ]

    masters = [(by_file[f"{n}.fits"], "master BIAS", bias) for n in (0, 1)]
    frames = [(by_file["2.fits"], "reduce PHOTOMETRY", last), (bias, "reduce PHOTOMETRY", last)]
    copies = [(last, "oph_duplicate", own.pk)]
    assert edges(own.pk, "parent") == masters + frames + copies
    assert edges(by_file["0.fits"], "children") == masters + frames + copies
    assert edges(by_file["2.fits"], "children") == frames + copies
    assert edges(by_file["0.fits"], "parent") == []
    # What others made of the archive is theirs.
    assert edges(bias, "children", catalogue.session("eve")) == frames


@pytest.mark.parametrize(
    "change",
    [
        lambda c, s, n: c.folders.make(s, "/archive/mine"),
        lambda c, s, n: c.folders.make(s, "/archive"),
        lambda c, s, n: c.folders.remove(s, "/archive/OSN-T090"),
        lambda c, s, n: c.folders.move(s, "/archive/OSN-T090", "/mine"),
        lambda c, s, n: c.containers.create(s, "/archive/OSN-T090/mine"),
        lambda c, s, n: c.containers.delete(s, NIGHT, force=True),
        lambda c, s, n: c.containers.move(s, NIGHT, "/mine"),
        lambda c, s, n: c.delete([n], s),
        lambda c, s, n: c.cards.insert(n, [("A", "b")]),
        lambda c, s, n: c.cards.update([c.cards.read(n)[0].id], "x"),
        lambda c, s, n: c.cards.delete([c.cards.read(n)[0].id]),
    ],
)
def test_it_is_only_read(catalogue, session, night, change):
    before = numbers(catalogue, session)
    number = min(before.values())
    cards = catalogue.cards.read(number)
    with pytest.raises(ConfigError, match="archive"):
        change(catalogue, session, number)
    assert numbers(catalogue, session) == before
    assert catalogue.cards.read(number) == cards


def test_descriptions_name_the_file(catalogue, session, night):
    container = catalogue.containers.get(session, NIGHT)
    told = [cube.description for cube in catalogue.cubes.in_container(container)]
    assert [text.rsplit(" ", 1)[-1] for text in told[:3]] == ["0.fits", "1.fits", "2.fits"]
    assert told[0].startswith("raw BIAS")
    assert told[3].startswith("master BIAS")
    assert told[3].endswith(".fits")
