"""A terminal on a data directory of its own, with a small night."""

import io

import numpy as np
import pytest
from astropy.io import fits

FRAME = "LRS.2016-06-06T20-30-03.925.fits"


def write_night(raw):
    """Put seven frames where the tutorial has them."""
    place = raw / "data" / "INDIGO-FITS" / "fits-raw"
    place.mkdir(parents=True)
    kinds = [("BIAS", "OPEN", 100)] * 3 + [("FLAT", "B_JOHN_10", 1100)] * 2
    kinds += [("OBJECT", "B_JOHN_10", 600)] * 2
    for number, (kind, name, level) in enumerate(kinds):
        header = fits.Header()
        header["FLT_ID"], header["OBS-TYPE"] = (name, "filter"), kind
        data = np.full((6, 8), level + number, dtype=np.uint16)
        file = FRAME if not number else f"LRS.2016-06-06T20-31-{number:02d}.fits"
        fits.PrimaryHDU(data, header).writeto(place / file)


class Typed:
    """A shell whose output is kept."""

    def __init__(self, shell):
        self.shell = shell

    def __call__(self, text, code=0):
        """Type something; what it prints."""
        out, err = io.StringIO(), io.StringIO()
        self.shell.display.out, self.shell.display.err = out, err
        found = self.shell.run(text)
        told = out.getvalue() + err.getvalue()
        assert found == code, told
        assert "Traceback" not in told
        assert "fault of Polarnight" not in told
        return told

    def value(self, name):
        return self.shell.environment.values[name]


@pytest.fixture
def night(fresh_database, tmp_path, monkeypatch):
    """Settings of a data directory with a night."""
    write_night(fresh_database.data.raw)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("OPH_USER", "OPH_TERM_PS1", "OPH_TERM_VIEWER"):
        monkeypatch.delenv(name, raising=False)
    return fresh_database


@pytest.fixture
def typed(night):
    """Something to type into."""
    from polarnight.ophidia.server import Server
    from polarnight.ophidia.terminal.display import Display
    from polarnight.ophidia.terminal.environment import Environment
    from polarnight.ophidia.terminal.shell import Shell

    shell = Shell(Server(night, "ada"), Environment({}), Display(io.StringIO(), io.StringIO()))
    shell.begin()
    yield Typed(shell)
    shell.close()
