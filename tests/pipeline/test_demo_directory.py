"""The demonstration empties what it made itself, and never touches anything else."""

import pytest

from polarnight.errors import ConfigError
from polarnight.pipeline.demo.run import fresh_directory


@pytest.fixture
def used(tmp_path):
    """The directory of a demonstration, with all that one leaves."""
    place = fresh_directory(tmp_path / "demo")
    raw = place / "data" / "raw" / "OSN-T090" / "2022-09-18"
    raw.mkdir(parents=True)
    (place / "simulated").mkdir()
    (place / "simulated" / "a.fit").write_text("simulated")
    (raw / "a.fit").symlink_to(place / "simulated" / "a.fit")
    (place / "BLLac_light_curve.png").write_text("plot")
    return place


def test_it_is_emptied_for_the_next(used):
    assert fresh_directory(used) == used
    assert [path.name for path in used.iterdir()] == [".polarnight-demo"]


@pytest.mark.parametrize(
    "name", ["thesis.tex", "mine.png", "data/raw/OSN-T090/2022-09-18/mine.fit", "x/y"]
)
def test_files_of_others_are_kept(used, name):
    mine = used / name
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    before = sorted(used.rglob("*"))
    with pytest.raises(ConfigError, match="no demonstration made"):
        fresh_directory(used)
    assert sorted(used.rglob("*")) == before


def test_links_are_not_followed(used, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "a").write_text("mine")
    (used / "simulated").rename(used / "data" / "old")
    (used / "simulated").symlink_to(other)
    with pytest.raises(ConfigError, match=r"no demonstration made .*simulated"):
        fresh_directory(used)
    assert (other / "a").read_text() == "mine"


def test_the_marker_must_be_ours(tmp_path):
    (tmp_path / ".polarnight-demo").mkdir()
    (tmp_path / "a").write_text("mine")
    with pytest.raises(ConfigError, match="no demonstration made it"):
        fresh_directory(tmp_path)
    with pytest.raises(ConfigError, match="cannot be used"):
        fresh_directory(tmp_path / "a")
    assert (tmp_path / "a").read_text() == "mine"
