"""The snippets of IOP4's documentation run as printed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SNIPPETS = """
import iop4lib
iop4lib.Config(config_db=True) # important

from iop4lib.db import Epoch
last_epoch = Epoch.objects.last()
print(last_epoch)

from iop4lib.db import PhotoPolResult
results = list(PhotoPolResult.objects.filter(astrosource__name='2200+420'))
print(results)
"""


def test_snippets_as_printed(tmp_path):
    env = {**os.environ, "POLARNIGHT_DATADIR": str(tmp_path)}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SNIPPETS], env=env, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "None\n[]\n"), done.stderr


def test_names_are_the_same():
    import iop4lib
    import iop4lib.db
    import polarnight
    import polarnight.db

    assert iop4lib.Config is polarnight.Config
    names = "Epoch RawFit MasterBias MasterDark MasterFlat ReducedFit AstroSource AperPhotResult"
    for name in [*names.split(), "PhotoPolResult"]:
        assert getattr(iop4lib.db, name) is getattr(polarnight.db, name)
        assert name in dir(iop4lib.db)
    with pytest.raises(AttributeError, match="Nothing"):
        iop4lib.db.Nothing  # noqa: B018


def test_telescopes_and_instruments():
    import iop4lib.instrument
    import iop4lib.instruments
    import iop4lib.telescopes
    import polarnight.instruments
    import polarnight.telescopes

    assert iop4lib.telescopes.Telescope is polarnight.telescopes.Telescope
    assert iop4lib.instruments.Instrument is polarnight.instruments.Instrument
    # The documentation spells the module of the base class in both ways.
    assert iop4lib.instrument.Instrument is iop4lib.instruments.Instrument
    assert iop4lib.telescopes.get_telescope("T090").name == "OSN-T090"
    camera = iop4lib.instruments.get_instrument("AndorT90")
    assert isinstance(camera, iop4lib.instruments.Instrument)


def test_a_class_that_inherits_as_the_documentation_says():
    from iop4lib.instruments import DeclaredInstrument, get_instrument
    from iop4lib.telescopes import Telescope

    class Hut(Telescope):
        pass

    hut = Hut("HUT", "HUT", ("hut",), 190.0, 50.0, 100.0)
    assert hut.longitude == -170.0
    assert hut.night_of(2460736.4) == Telescope("X", "X", (), -170.0, 0, 0).night_of(2460736.4)

    class Mine(DeclaredInstrument):
        pass

    mine = Mine(get_instrument("AndorT90").declaration)
    assert (mine.name, mine.pixel_scale) == ("AndorT90", 0.387)
