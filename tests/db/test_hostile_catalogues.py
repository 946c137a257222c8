"""Catalogue and configuration files that were made to harm, or are not what they seem."""

import pytest

from polarnight.config import load_settings
from polarnight.db.catalogue_file import read_catalogue
from polarnight.errors import ConfigError

START = '- name: a\n  ra_hms: "1:2:3"\n  dec_dms: "1:2:3"\n'
BOMB = 'a: &a ["x","x","x","x","x","x","x","x","x"]\n' + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('a: !!python/object/apply:os.system ["touch /tmp/x"]', "could not determine a constr"),
        ("[" * 20000, "nested too deeply"),
        (BOMB, "expands to more than"),
        ("&a [*a]", "nested too deeply"),
        ("datadir: 'no end", "not valid YAML"),
    ],
)
def test_yaml_that_harms(tmp_path, text, said):
    path = tmp_path / "a.yaml"
    path.write_text(text)
    for read in (read_catalogue, load_settings):
        with pytest.raises(ConfigError, match=said) as caught:
            read(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("place", ["/dev/zero", "/proc/self/mem", "."])
def test_what_is_no_file_of_settings(place):
    with pytest.raises(ConfigError, match=r"larger than|cannot be read"):
        load_settings(place)


def test_an_option_that_expands_is_one_short_line():
    with pytest.raises(ConfigError, match="nsigma") as caught:
        load_settings(options=["calibration.nsigma=" + "9" * 100_000 + "x"], environ={})
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("mag_R_err: 1e300", "less than or equal to 10"),
        ("chi: 1e300", "less than or equal to 360"),
        ("redshift: 1e26", "less than or equal to 20"),
        ("pm_ra: -1e9", "greater than or equal to -20000"),
        ("srctype: " + "x" * 1000, "at most 20"),
        ('other_names: "a; b\\e[31m"', "control characters"),
        ('metadata: {b: !!binary "aaaa"}', "cannot be stored as JSON"),
    ],
)
def test_values_that_cannot_be(tmp_path, line, said):
    path = tmp_path / "a.yaml"
    path.write_text(f"{START}  {line}\n")
    with pytest.raises(ConfigError, match=said) as caught:
        read_catalogue(path)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("name", ["a\\nb", "a\\0b", "a\\e[31mb"])
def test_names_that_a_terminal_would_obey(tmp_path, name):
    path = tmp_path / "a.yaml"
    path.write_text(START.replace("name: a", f'name: "{name}"'))
    with pytest.raises(ConfigError, match="control characters"):
        read_catalogue(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name,ra_hms,dec_dms\ncaf\xe9,1:2:3,1:2:3\n".encode("latin-1"), "no text in UTF-8"),
        ("name,ra_hms,dec_dms\na,1:2:3,1:2:3\n".encode("utf-16"), "no text in UTF-8"),
        (b"name,ra_hms,dec_dms\n" + b"x" * 200_000 + b",1:2:3,1:2:3\n", "field larger than"),
        (b"", "no sources in it"),
        (b"name,ra_hms,dec_dms\n", "no sources in it"),
    ],
)
def test_csv_that_is_none(tmp_path, content, said):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        read_catalogue(path)


def test_iop4_entry_without_fields(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("- model: iop4api.astrosource\n  fields: [1]\n")
    with pytest.raises(ConfigError, match=r"a\.yaml, entry 1: 'fields' must be a mapping"):
        read_catalogue(path)
