"""Where declared observatories are looked for, and that what is known of them is never stale."""

import os

import pytest

from polarnight.config import get_settings, load_settings, reset_settings, use_settings
from polarnight.errors import BadFrame, ConfigError
from polarnight.instruments import all_instruments, get_instrument, identify, left_out
from polarnight.instruments.observatories import OBSERVATORIES, declaration_files
from polarnight.telescopes import all_telescopes, get_telescope

from .test_generic import HEADER, SMALL


@pytest.fixture
def place(tmp_path):
    """Return the directory of the declarations, in force."""
    directory = tmp_path / "instruments"
    directory.mkdir()
    before = get_settings()
    use_settings(load_settings(overrides={"datadir": tmp_path}))
    yield directory
    use_settings(before)
    OBSERVATORIES.adopt(None)


def test_a_file_in_the_data_directory_is_found(place):
    assert "HOME-CCD" not in all_instruments()
    (place / "home.yaml").write_text(SMALL)
    assert "HOME-CCD" in all_instruments()
    assert list(all_instruments()) == sorted(all_instruments())
    assert get_telescope("home-c11").latitude == 40.4
    assert identify(HEADER, "a.fits") is get_instrument("HOME-CCD")
    assert OBSERVATORIES.place_of("HOME-CCD") == str(place / "home.yaml")
    assert OBSERVATORIES.place_of("AndorT90") == ""


def test_changes_of_the_file_are_seen(place):
    path = place / "home.yaml"
    path.write_text(SMALL)
    assert get_instrument("HOME-CCD").detector().gain == 1.2
    path.write_text(SMALL.replace("gain: 1.2", "gain: 2.1"))
    assert get_instrument("HOME-CCD").detector().gain == 2.1
    path.unlink()
    assert "HOME-CCD" not in all_instruments()
    assert "HOME-C11" not in all_telescopes()


def test_changes_of_the_settings_are_seen(place, tmp_path):
    (place / "home.yaml").write_text(SMALL)
    assert "HOME-CCD" in all_instruments()
    use_settings(load_settings(overrides={"datadir": tmp_path / "elsewhere"}))
    assert "HOME-CCD" not in all_instruments()
    use_settings(load_settings(overrides={"instruments_path": place / "home.yaml"}))
    assert "HOME-CCD" in all_instruments()


def test_the_same_object_as_long_as_nothing_changes(place):
    (place / "home.yaml").write_text(SMALL)
    assert get_instrument("HOME-CCD") is get_instrument("HOME-CCD")


def test_places_by_the_environment(place, tmp_path):
    other = tmp_path / "other.yml"
    other.write_text(SMALL.replace("HOME", "OTHER"))
    (place / "home.yaml").write_text(SMALL)
    (place / "notes.txt").write_text("no declaration")
    env = {"POLARNIGHT_INSTRUMENTS_PATH": f"{place}{os.pathsep}{other}"}
    settings = load_settings(environ=env)
    assert declaration_files(settings) == [place / "home.yaml", other]
    rows = {key: value for key, value, _ in settings.describe()}
    assert rows["instruments_path"] == f"{place}{os.pathsep}{other}"
    use_settings(settings)
    assert {"HOME-CCD", "OTHER-CCD"} <= set(all_instruments())


def test_a_place_that_is_not_there(tmp_path):
    settings = load_settings(overrides={"instruments_path": str(tmp_path / "no")})
    with pytest.raises(ConfigError, match=r"instruments_path: .*no does not exist; create it"):
        declaration_files(settings)


def test_a_wrong_file_is_left_out_with_a_warning_and_stops_nothing(place):
    (place / "a.yaml").write_text(SMALL.replace("gain: 1.2\n", ""))
    (place / "b.yaml").write_text(SMALL.replace("HOME", "OTHER"))
    (place / "c.yaml").write_bytes(b"\xff\xfe")
    with pytest.warns(UserWarning, match=r"left out: the instrument file .*[ac]\.yaml"):
        found = all_instruments()
    assert "OTHER-CCD" in found
    assert "HOME-CCD" not in found
    assert "AndorT90" in found
    assert set(left_out()) == {str(place / "a.yaml"), str(place / "c.yaml")}
    assert "gain: add it" in left_out()[str(place / "a.yaml")]
    # Whoever looks for the reason why a frame is not recognised finds it.
    with pytest.raises(BadFrame, match=r"left out: the instrument file .*a\.yaml: gain"):
        identify({"TELESCOP": "x"}, "a.fits")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("name: HOME-CCD", "name: AndorT90", "'AndorT90' of instruments is declared already by"),
        ("name: HOME-C11", "name: OSN-T090", "'OSN-T090' of telescopes is declared already by"),
        ("telescope: {", "telescope: NOWHERE #", "'NOWHERE' is declared nowhere; give its name"),
    ],
)
def test_names_that_are_taken_or_unknown(place, old, new, words):
    (place / "home.yaml").write_text(SMALL.replace(old, new))
    with pytest.warns(UserWarning, match="left out"):
        all_instruments()
    assert words in left_out()[str(place / "home.yaml")]


def test_a_telescope_of_another_file(place):
    telescope, camera = SMALL.split("name: HOME-CCD")
    (place / "b.yaml").write_text(telescope)
    (place / "a.yaml").write_text("telescope: HOME-C11\nname: HOME-CCD" + camera)
    assert get_instrument("HOME-CCD").classify(HEADER, "a.fits").telescope == "HOME-C11"


def test_an_installed_telescope(place):
    camera = SMALL.split("name: HOME-CCD")[1]
    (place / "a.yaml").write_text("telescope: OSN-T090\nname: HOME-CCD" + camera)
    assert not get_instrument("HOME-CCD").recognises(HEADER)
    assert get_instrument("HOME-CCD").recognises({**HEADER, "TELESCOP": "T90-OSN"})


def test_the_observatory_knows_better_than_a_package(place):
    # An amateur's camera of the model of DIPOL's, by a program that names no telescope.
    text = SMALL.replace("ZWO ASI1600MM Pro", "ASI Camera (1)")
    header = {**HEADER, "INSTRUME": "ASI Camera (1)", "TELESCOP": "", "NOTES": ""}
    header |= {"DATE-OBS": "2023-05-01T22:00:00", "FILTER": "Red"}
    assert identify(header, "a.fits").name == "DIPOL"
    (place / "home.yaml").write_text(text)
    assert identify(header, "a.fits").name == "HOME-CCD"
    (place / "b.yaml").write_text(text.replace("HOME", "OTHER"))
    with pytest.raises(BadFrame, match=r"several instruments claim it \(HOME-CCD, OTHER-CCD\)"):
        identify(header, "a.fits")


def test_another_process_knows_what_it_is_given_and_nothing_else(place):
    (place / "home.yaml").write_text(SMALL)
    given = OBSERVATORIES.snapshot()
    assert given == ((str(place / "home.yaml"), SMALL),)
    (place / "home.yaml").unlink()
    OBSERVATORIES.adopt(given)
    assert get_instrument("HOME-CCD").detector().gain == 1.2
    (place / "other.yaml").write_text(SMALL.replace("HOME", "OTHER"))
    assert "OTHER-CCD" not in all_instruments()
    OBSERVATORIES.adopt(())
    assert "HOME-CCD" not in all_instruments()
    OBSERVATORIES.adopt(None)
    assert "OTHER-CCD" in all_instruments()


def test_settings_that_nobody_has_read_yet(monkeypatch, tmp_path):
    directory = tmp_path / "instruments"
    directory.mkdir()
    (directory / "home.yaml").write_text(SMALL)
    before = get_settings()
    monkeypatch.setenv("POLARNIGHT_DATADIR", str(tmp_path))
    reset_settings()
    try:
        assert "HOME-CCD" in all_instruments()
    finally:
        use_settings(before)
