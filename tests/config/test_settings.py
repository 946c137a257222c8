"""Settings: places, their order, and messages that name key and place."""

from __future__ import annotations

import logging
import pickle
import re
from pathlib import Path

import pytest

from polarnight.config import Settings, find_config_file, load_settings
from polarnight.errors import ConfigError

NOWHERE = {"HOME": "/nonexistent"}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home directory."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def load(path=None, **kwargs):
    kwargs.setdefault("environ", NOWHERE)
    return load_settings(path, **kwargs)


def test_defaults(home):
    settings = load()
    assert settings.datadir == home / ".iop4data"
    assert settings.data.db_path == home / ".iop4data" / "iop4.db"
    assert settings.origins == {}
    assert settings.origin("datadir") == "default"
    assert not (home / ".iop4data").exists()


def test_every_key_has_a_row_and_secrets_are_hidden(home):
    settings = load(
        overrides={
            "database_url": "postgresql://ana:hunter2@host/db",
            "archives.CAHA-T220.password": "hunter2",
        }
    )
    rows = {key: (value, origin) for key, value, origin in settings.describe()}
    assert set(Settings.model_fields) <= {key.split(".")[0] for key in rows} | {"archives"}
    assert "hunter2" not in str(rows)
    assert "hunter2" not in repr(settings)
    assert rows["database_url"] == ("postgresql://ana:***@host/db", "argument")
    assert rows["db_path"][0] == str(home / ".iop4data" / "iop4.db")
    assert rows["photometry.aperture_sigma"] == ("3.0", "default")


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("workers", "3", 3),
        ("set_rawdata_readonly", "true", True),
        ("datadir", "/data/2024", Path("/data/2024")),
        ("log_level", "debug", logging.DEBUG),
        ("log_level", "30", logging.WARNING),
        ("photometry.aperture_sigma", "2.5", 2.5),
        ("photometry.annulus_sigma", "[4, 8]", (4.0, 8.0)),
        ("polarimetry.debias", "none", "none"),
        ("archives.CAHA-T220.user", "123", "123"),
        ("polarimetry.debias", "wardle-kronberg", "wardle-kronberg"),
        ("database_url", "null", None),
        ("archives.CAHA-T220.user", "ana", "ana"),
    ],
)
def test_all_places_mean_the_same(tmp_path, key, text, value):
    parts = key.split(".")
    yaml = "".join("  " * depth + part + ":\n" for depth, part in enumerate(parts))
    path = write(tmp_path / "c.yaml", yaml[:-1] + f" {text}\n")
    variable = "POLARNIGHT_" + "__".join(parts).upper()
    places = [load(path), load(options=[f"{key}={text}"])]
    if key.startswith("archives"):
        # Names of telescopes have capitals and dashes, which shells do not take in variables.
        pass
    else:
        places.append(load(environ={**NOWHERE, variable: text}))
    assert [settings[key] for settings in places] == [value] * len(places)
    expected = [str(path), "command line", f"environment variable {variable}"]
    assert [settings.origin(key) for settings in places] == expected[: len(places)]


def test_order_of_places(tmp_path):
    path = write(tmp_path / "c.yaml", "workers: 1\nthreads_per_worker: 1\nmplt_default_dpi: 50\n")
    environ = {**NOWHERE, "POLARNIGHT_WORKERS": "2", "POLARNIGHT_THREADS_PER_WORKER": "2"}
    settings = load(path, environ=environ, options=["workers=3"])
    assert (settings.workers, settings.threads_per_worker, settings.mplt_default_dpi) == (3, 2, 50)
    assert settings.origins == {
        "workers": "command line",
        "threads_per_worker": "environment variable POLARNIGHT_THREADS_PER_WORKER",
        "mplt_default_dpi": str(path),
    }
    assert load(path, options=["workers=3"], overrides={"workers": 4}).workers == 4


def test_parts_are_merged_not_replaced(tmp_path):
    path = write(tmp_path / "c.yaml", "photometry:\n  aperture_sigma: 2\n  limit_sigma: 5\n")
    settings = load(path, options=["photometry.aperture_sigma=4"])
    assert (settings.photometry.aperture_sigma, settings.photometry.limit_sigma) == (4, 5)


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("worker: 2", ["'worker'", "did you mean workers"]),
        ("photometry: {aperture: 2}", ["'photometry.aperture'", "aperture_sigma"]),
        ("workers: many", ["'workers'", "'many'"]),
        ("workers: 0", ["'workers'", "greater than or equal to 1"]),
        ("log_level: loud", ["'log_level'", "DEBUG"]),
        ("photometry: 3", ["'photometry'"]),
        ("photometry: {annulus_sigma: [1]}", ["photometry.annulus_sigma"]),
        ("polarimetry: {debias: best}", ["'polarimetry.debias'", "'mas'"]),
        ("nthreads: x", ["'nthreads'"]),
        ("workers: 2\nworkerz: 3\nmplt_default_dpi: x", ["'workerz'", "'mplt_default_dpi'"]),
        ("- a\n- b", ["key: value"]),
        ("a: [1", ["YAML"]),
    ],
)
def test_messages_name_key_and_place(tmp_path, text, messages):
    path = write(tmp_path / "mine.yaml", text + "\n")
    with pytest.raises(ConfigError) as caught:
        load(path)
    for message in [str(path), *messages]:
        assert message in str(caught.value)


def test_messages_of_other_places():
    with pytest.raises(ConfigError, match="environment variable POLARNIGHT_WORKERZ"):
        load(environ={**NOWHERE, "POLARNIGHT_WORKERZ": "2"})
    with pytest.raises(ConfigError, match="command line: key 'workers'"):
        load(options=["workers=two"])
    with pytest.raises(ConfigError, match="key=value"):
        load(options=["workers"])
    with pytest.raises(ConfigError, match="argument: unknown key 'wrokers'"):
        load(overrides={"wrokers": 2})


def test_a_wrong_secret_is_not_shown():
    with pytest.raises(ConfigError) as caught:
        load(overrides={"archives.CAHA-T220.password": ["hunter2"]})
    assert "hunter2" not in str(caught.value)
    assert "archives.CAHA-T220.password" in str(caught.value)


def test_missing_file_is_an_error(tmp_path):
    path = tmp_path / "no.yaml"
    with pytest.raises(ConfigError, match=r"no\.yaml"):
        load(path)
    with pytest.raises(ConfigError, match=r"no\.yaml"):
        load(environ={"POLARNIGHT_CONFIG": str(path)})


def test_other_variables_are_let_alone():
    environ = {"POLARNIGHT_REAL_DATA": "/x", "POLARNIGHT_NO_NATIVE": "1", "POLARNIGHT_TEST_X": "1"}
    assert load(environ=environ).origins == {}


def test_every_variable_in_the_source_is_known():
    import polarnight
    from polarnight.config.layers import RESERVED

    root = Path(polarnight.__file__).parent
    used = set()
    for path in root.rglob("*.py"):
        used |= set(re.findall(r"\bPOLARNIGHT_([A-Z_]*[A-Z])\b", path.read_text()))
    known = RESERVED | {key.split("__")[0].upper() for key in Settings.model_fields}
    assert used
    assert {name.split("__")[0] for name in used} <= known


def test_where_files_are_looked_for(home):
    assert find_config_file({}) is None
    iop4 = write(home / ".iop4data" / "config.yaml", "")
    assert find_config_file({}) == iop4
    assert find_config_file({"IOP4_CONFIG_FILE": "/a.yaml"}) == Path("/a.yaml")
    ours = write(home / ".polarnight.yaml", "")
    assert find_config_file({"IOP4_CONFIG_FILE": "/a.yaml"}) == ours
    assert find_config_file({"POLARNIGHT_CONFIG": "~/b.yaml"}) == home / "b.yaml"


def test_a_file_of_iop4_is_read(tmp_path):
    path = write(
        tmp_path / "config.yaml",
        """
datadir: /data/iop4
db_path: /data/iop4/iop4.db
set_rawdata_readonly: False
astrometry_cache_path: ~/.astrometry_cache/
astrometry_timeout: 20
nthreads: 6
mplt_default_dpi: 100
log_file: /data/iop4/logs/iop4.log
log_date_format: '%Y-%m-%d %H:%M'
log_format: '%(asctime)s - %(message)s'
log_level: 20
caha_address: "host:22"
caha_user: ana
caha_password: hunter2
osn_t090_address: osn
osn_t090_user: ben
osn_t090_password: x
osn_source_list_path: null
osn_fnames_patterns:
  - (^Flat.*\\.fi?ts?$)
iop4admin:
  force_rebuild_finding_charts: true
""",
    )
    settings = load(path)
    assert settings.workers == 6
    assert settings.origin("workers") == str(path)
    assert settings.datadir == Path("/data/iop4")
    assert settings.data.log_file == Path("/data/iop4/logs/iop4.log")
    archive = settings.archives["CAHA-T220"]
    assert (archive.address, archive.user) == ("host:22", "ana")
    assert archive.password.get_secret_value() == "hunter2"
    assert settings["archives.OSN-T090.user"] == "ben"


def test_paths_do_not_depend_on_the_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = load(overrides={"datadir": "night"})
    assert settings.datadir == tmp_path / "night"


def test_settings_cannot_be_changed_and_travel(tmp_path):
    settings = load(options=["workers=2"])
    with pytest.raises(ValueError, match="frozen"):
        settings.workers = 3
    there = pickle.loads(pickle.dumps(settings))
    assert there == settings
    assert there.origins == {"workers": "command line"}
    plain = settings.model_dump(mode="json")
    assert Settings.model_validate(plain).model_dump() == settings.model_dump()


def test_values_by_key():
    settings = load()
    assert settings["polarimetry.clip"] == 5.0
    for key in ("nothing", "photometry.nothing", "archives.X"):
        with pytest.raises(KeyError):
            settings[key]
