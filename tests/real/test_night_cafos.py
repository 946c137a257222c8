"""The whole pipeline on real frames: CAFOS, NGC 2420, a header that points 0.3 deg astray."""

import os
from pathlib import Path

import numpy as np
import pytest

from polarnight.cli.app import run_app

DATA = (
    Path(os.environ.get("POLARNIGHT_REAL_DATA", Path(__file__).parents[3] / "shared" / "data"))
    / "cafos-ngc2420"
)

pytestmark = [
    pytest.mark.real,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the real frames are not at {DATA}"),
]


@pytest.fixture
def night(fresh_database):
    """Ingest and run the night through the command line."""
    catalogue = str(DATA / "catalogue-ugriz.csv")
    columns = [a for b in "ugri" for a in ("--mag", f"{b}={b}", "--err", f"{b}={b}Error")]
    root = ["-q", "-d", str(fresh_database.datadir)]
    assert run_app([*root, "stars", "import", catalogue, "--system", "sdss", *columns]) == 0
    assert run_app([*root, "ingest", str(DATA)]) == 0
    assert run_app([*root, "-o", "workers=2", "run", "--all-local"]) == 0
    return root


def test_every_frame_is_solved_and_the_magnitudes_agree(night, capsys):
    from polarnight.db import ReducedFit

    rows = list(ReducedFit.objects.order_by("filename"))
    assert len(rows) == 6
    for row in rows:
        assert row.solved, row.error
        assert row.astrometry_rms < 0.25
        assert (row.bias_level, row.flat_level) == (2, 2)
        assert "10.3" in row.bias_reason
        assert row.center_ra == pytest.approx(114.602, abs=0.01)
        assert row.center_dec == pytest.approx(21.573, abs=0.01)
    deep = [row for row in rows if row.exptime == 60]
    assert len(deep) == 3
    for row in deep:
        field = row.photometry_info["relphot"]["field"]
        assert field["n"] > 30
        assert field["robust_scatter"] < 0.05
        # Nothing but the catalogue's and the photons' errors is left.
        assert field["inflation"] < 1.3
    patterns = [r.photometry_info["relphot"]["field"]["illumination"] for r in deep]
    # The flat's fault is the same in all frames: it is real.
    assert np.ptp([p["peak_to_peak"] for p in patterns]) < 0.03

    capsys.readouterr()
    assert run_app([*night, "why", "T220/210328/uamA_0026.fits"]) == 0
    told = capsys.readouterr().out
    assert "level 2" in told
    assert "10.33 days earlier" in told
    assert "equinox of date" in told
