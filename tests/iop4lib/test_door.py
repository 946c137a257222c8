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
