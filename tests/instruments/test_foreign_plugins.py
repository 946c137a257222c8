"""Instruments and sources of other packages that are at fault: told, and nobody else suffers."""

import numpy as np
import pytest
from astropy.io import fits

from polarnight import plugins
from polarnight.errors import BadFrame
from polarnight.instruments import all_instruments, classify_file, get_instrument, identify
from polarnight.instruments.generic import read_observatory

from .headers import ANDOR
from .test_generic import HEADER, SMALL


class Foreign:
    """An instrument of another package, wrong in one way."""

    def __init__(self, **wrong):
        self.good = read_observatory(SMALL, "home.yaml").instruments["HOME-CCD"]
        self.name, self.telescopes = "HOME-CCD", ("HOME-C11",)
        self.wrong = wrong

    def recognises(self, header):
        if "recognises" in self.wrong:
            raise self.wrong["recognises"]
        return self.good.recognises(header)

    def classify(self, header, filename):
        if "classify" in self.wrong:
            raise self.wrong["classify"]
        if "answer" in self.wrong:
            return self.wrong["answer"]
        return self.good.classify(header, filename).replace(**self.wrong)


@pytest.fixture
def foreign(monkeypatch):
    """Return a function that installs a foreign instrument beside those there are."""
    installed = plugins.installed_plugins
    site = read_observatory(SMALL, "home.yaml").telescopes

    def install(**wrong):
        own = {
            "polarnight.instruments": {"HOME-CCD": Foreign(**wrong)},
            "polarnight.telescopes": site,
        }
        both = {group: {**installed(group), **mine} for group, mine in own.items()}
        monkeypatch.setattr(
            plugins, "installed_plugins", lambda group: both.get(group) or installed(group)
        )

    return install


@pytest.fixture
def frame(tmp_path):
    path = tmp_path / "a.fits"
    cards = {k: v for k, v in HEADER.items() if k not in ("BITPIX",) and "NAXIS" not in k}
    fits.PrimaryHDU(np.zeros((8, 8), np.uint16), fits.Header(cards)).writeto(path)
    return path


def test_one_that_raises_hides_no_frames_of_others(foreign):
    foreign(recognises=KeyError("INSTRUME"))
    with pytest.warns(UserWarning, match=r"the instrument HOME-CCD .* gets none: KeyError"):
        assert identify(ANDOR, "a.fits") is get_instrument("AndorT90")


def test_one_that_is_sound(foreign, frame):
    foreign()
    assert classify_file(frame).instrument == "HOME-CCD"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"classify": ZeroDivisionError("gain")}, "cannot translate the header: ZeroDivision"),
        ({"answer": None}, "answers NoneType, no FrameInfo"),
        ({"telescope": "../.."}, r"says telescope = '../..'"),
        ({"instrument": "AndorT90"}, "says instrument = 'AndorT90'"),
        ({"filename": "/etc/passwd"}, "says filename = '/etc/passwd'"),
        ({"night": "yesterday"}, "says night = 'yesterday'"),
        ({"band": "../R"}, r"says band = '../R'"),
    ],
)
def test_answers_that_cannot_be(foreign, frame, wrong, told):
    foreign(**wrong)
    with pytest.raises(BadFrame, match=told) as caught:
        classify_file(frame)
    assert "the instrument HOME-CCD" in caught.value.reason
    assert caught.value.remedy == "correct its package"
    assert caught.value.path == str(frame)


def test_a_source_of_plugins_that_raises(monkeypatch):
    class Source:
        def plugins(self, group):
            raise RuntimeError("no disk")

    installed = plugins.installed_plugins
    monkeypatch.setattr(
        plugins,
        "installed_plugins",
        lambda group: {"broken": Source()} if group == plugins.SOURCES else installed(group),
    )
    with pytest.warns(UserWarning, match=r"'broken' has none of polarnight.instruments: Runtime"):
        assert "AndorT90" in all_instruments()
