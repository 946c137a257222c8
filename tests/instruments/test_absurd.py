"""Header values that no telescope ever wrote are refused by name, not carried along."""

import numpy as np
import pytest
from astropy.io import fits

from polarnight.errors import BadFrame
from polarnight.instruments import classify_file

from .headers import ANDOR, CAFOS, change


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"EXPTIME": 1e300}, "EXPTIME = 1e[+]300 s is longer than a day"),
        ({"EXPTIME": 0.0}, "EXPTIME = 0 s: no light"),
        ({"CCDSENS": 1e300}, "CCDSENS = 1e[+]300 electrons per ADU cannot be"),
        ({"CCDSENS": 1e-300}, "CCDSENS = 1e-300 electrons per ADU cannot be"),
        ({"CCDRON": 1e300}, "CCDRON = 1e[+]300 electrons cannot be"),
        ({"CCDBINX": 1e300}, "CCDBINX = 1e[+]300 is no binning"),
        ({"DATE__OBS": "0001-01-01T00:00:00"}, "is no time of an observation"),
        ({"DATE__OBS": "9999-12-31T23:59:59"}, "is no time of an observation"),
    ],
)
def test_absurd_values(cafos, changes, said):
    with pytest.raises(BadFrame, match=said):
        cafos.classify(change(CAFOS, **changes), "a.fits")


@pytest.mark.parametrize("jd", [0.0, -1e300, 1e300])
def test_absurd_julian_dates(andor, jd):
    with pytest.raises(BadFrame, match="no Julian date of an observation"):
        andor.classify(change(ANDOR, JD=jd), "a.fits")


def test_a_card_nobody_can_parse_names_file_and_key(tmp_path):
    path = tmp_path / "a.fits"
    header = fits.Header({k: v for k, v in CAFOS.items() if not k.startswith(("NAXIS", "BITPIX"))})
    fits.PrimaryHDU(np.zeros((8, 8), "int16"), header=header).writeto(path)
    content = path.read_bytes()
    at = content.index(b"EXPTIME =")
    path.write_bytes(content[:at] + b"EXPTIME = 1 2 (".ljust(80) + content[at + 80 :])
    with pytest.raises(BadFrame, match=r"a\.fits: header: Unparsable card \(EXPTIME\)"):
        classify_file(path)
