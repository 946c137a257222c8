"""`polarnight.Config`: the settings in force, and logging."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

import polarnight
from polarnight.config import configure_logging, get_settings


@pytest.fixture
def _quiet_logger():
    logger = logging.getLogger("polarnight")
    handlers, level = list(logger.handlers), logger.level
    yield
    for handler in set(logger.handlers) - set(handlers):
        logger.removeHandler(handler)
        handler.close()
    logger.setLevel(level)


def test_config_is_one(tmp_path):
    first = polarnight.Config(datadir=tmp_path)
    assert polarnight.Config() is first
    assert get_settings() is first
    assert first.datadir == tmp_path
    assert polarnight.Config(reconfigure=True).datadir != tmp_path


def test_config_file_and_options(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("workers: 2\n")
    assert polarnight.Config(config_path=path).workers == 2
    assert polarnight.Config(config_file=path, options=["workers=3"]).workers == 3


@pytest.mark.usefixtures("_quiet_logger")
def test_log_is_appended_to(tmp_path):
    for text in ("first", "second"):
        polarnight.Config(config_logging=True, datadir=tmp_path, reconfigure=True)
        logging.getLogger("polarnight.somewhere").info(text)
        logging.getLogger("polarnight.somewhere").debug("not this")
        logging.getLogger("elsewhere").warning("nor that")
    lines = (tmp_path / "logs" / "polarnight.log").read_text().splitlines()
    assert [line.rsplit(" ", 1)[-1] for line in lines] == ["first", "second"]


@pytest.mark.usefixtures("_quiet_logger")
def test_nothing_logged_no_file(tmp_path):
    settings = polarnight.Config(datadir=tmp_path / "d")
    path = configure_logging(settings)
    assert not path.exists()


def test_unknown_attribute():
    with pytest.raises(AttributeError, match="nothing"):
        polarnight.nothing  # noqa: B018
    assert "Config" in dir(polarnight)


def test_import_is_light():
    code = (
        "import sys, polarnight; assert 'pydantic' not in sys.modules; polarnight.Config();"
        "heavy = {'astropy', 'numpy', 'django', 'matplotlib'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_rooms_need_no_import_besides_that_of_polarnight():
    program = (
        "import sys, polarnight\n"
        "assert not any(name.startswith('polarnight.') for name in sys.modules)\n"
        "print([name for name in dir(polarnight) if not name.startswith('__')])\n"
        "print(polarnight.photometry.lightcurve.__name__, polarnight.polarimetry.Stokes.__name__)\n"
        "try:\n    polarnight.fotometry\nexcept AttributeError as error:\n    print(error)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert "'Config'" in told[0]
    assert "'photometry'" in told[0]
    assert "TYPE_CHECKING" not in told[0]
    assert told[1:] == [
        "lightcurve Stokes",
        "module 'polarnight' has no attribute 'fotometry'",
    ]
