"""The table of standard stars: every value has an error, a source and a truth about itself."""

import math

import numpy as np
import pytest

from polarnight.db.coordinates import parse_dec, parse_ra
from polarnight.errors import ConfigError
from polarnight.polarimetry.standards import (
    BORROWED_ERROR,
    COLUMNS,
    find_standard,
    load_standards,
)

STANDARDS = load_standards()
WAVELENGTHS = {"U": 0.36, "B": 0.44, "V": 0.55, "R": 0.64, "I": 0.79}
TEXT = ",".join(COLUMNS)
ROW = {
    "name": "X 1", "ra_hms": "01:00:00", "dec_dms": "+10:00:00", "variable": "no",
    "kind": "polarized", "band": "R", "p": "5", "p_err": "0.1", "chi": "30", "chi_err": "0.5",
    "source": "2000X", "transcribed": "by hand", "checked": "yes",
}  # fmt: skip


def table(tmp_path, *rows):
    lines = ["# a comment", TEXT, *(",".join(row.get(c, "") for c in COLUMNS) for row in rows)]
    path = tmp_path / "own.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("star", STANDARDS, ids=lambda star: star.name)
def test_every_star_is_complete(star):
    assert 0 <= parse_ra(star.ra_hms) < 360
    assert -90 <= parse_dec(star.dec_dms) <= 90
    assert star.values
    for value in star.values:
        assert value.source.startswith(("19", "20"))
        assert len(value.source) == 19
        assert value.transcribed
        cov = np.array(value.cov)
        assert np.all(np.linalg.eigvalsh(cov) > 0)
        assert math.sqrt(cov.max()) < (0.002 if star.polarized else 0.001)
        assert (value.p > 0.01) == star.polarized


def test_nothing_is_called_checked_that_was_only_transcribed():
    recalled = [v for s in STANDARDS for v in s.values if "recalled" in v.transcribed]
    assert recalled
    assert not any(value.checked for star in STANDARDS for value in star.values)


@pytest.mark.parametrize(
    "star", [s for s in STANDARDS if s.polarized and len(s.values) >= 2], ids=lambda s: s.name
)
def test_polarization_varies_with_the_band_as_interstellar_dust_makes_it(star):
    """Serkowski's law, p/pmax = exp(-K ln^2(lmax/l)): a slip of a digit would stand out."""
    waves = np.array([WAVELENGTHS[v.bands] for v in star.values])
    p = np.array([v.p for v in star.values])
    chi = np.array([v.chi for v in star.values])
    turned = np.angle(np.exp(2j * np.radians(chi - chi[0])), deg=True) / 2
    assert np.ptp(turned) < 2.5
    residuals = []
    for peak in np.arange(0.35, 0.75, 0.005):
        shape = np.exp(-(1.66 * peak + 0.01) * np.log(peak / waves) ** 2)
        scale = float(p @ shape / (shape @ shape))
        residuals.append(np.max(np.abs(p / (scale * shape) - 1)))
    assert min(residuals) < 0.04


def test_a_known_star_by_any_spelling():
    for name in ("Hiltner960", "hiltner 960", "HILT 960", "Hilt_960"):
        assert find_standard(STANDARDS, ["nothing", name]).name == "Hiltner 960"
    assert find_standard(STANDARDS, ["BD+59.389"]).name == "BD+59 389"
    assert find_standard(STANDARDS, ["BD-59 389", "", "HD 1"]) is None
    value = find_standard(STANDARDS, ["Hiltner 960"]).in_band("R")
    assert (value.p, value.chi) == pytest.approx((0.0521, 54.54))
    # p known to 0.029 %, chi to 0.16 deg: 0.029 % along (q, u) and the same across.
    cov = np.array(value.cov)
    assert np.sqrt(np.linalg.eigvalsh(cov)) == pytest.approx([2.9e-4, 2.91e-4], rel=0.01)


def test_only_unpolarized_values_are_borrowed_from_another_band():
    zero = find_standard(STANDARDS, ["HD 212311"])
    own, borrowed = zero.in_band("V"), zero.in_band("R")
    assert (own.q, own.u) == (borrowed.q, borrowed.u)
    assert np.array(borrowed.cov) - np.array(own.cov) == pytest.approx(
        np.eye(2) * BORROWED_ERROR**2
    )
    assert "value in V" in borrowed.note
    blue, red = (find_standard(STANDARDS, ["HD 14069"]).in_band(b) for b in "BI")
    assert blue.q < -1e-3
    assert red.q > 0  # nearer to V
    assert zero.in_band("Z") is None
    assert find_standard(STANDARDS, ["VI Cyg 12"]).in_band("B") is None


def test_a_table_of_ones_own(tmp_path):
    zero = {**ROW, "name": "Y", "kind": "unpolarized", "band": "BV", "p": "", "p_err": "",
            "chi": "", "chi_err": "", "q": "0.01", "q_err": "0.02", "u": "-0.03", "u_err": "0.04",
            "checked": "no"}  # fmt: skip
    first, second = load_standards(table(tmp_path, ROW, {**ROW, "band": "V"}, zero))
    assert [value.bands for value in first.values] == ["R", "V"]
    assert first.values[0].checked
    assert (second.values[0].q, second.values[0].u) == pytest.approx((1e-4, -3e-4))
    assert np.array(second.values[0].cov) == pytest.approx(np.diag([4e-8, 16e-8]))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"p_err": ""}, "line 3, p_err: '' is no number"),
        ({"p_err": "0"}, "p_err: an error of 0"),
        ({"chi_err": "-1"}, "chi_err: an error of -1"),
        ({"band": "Q"}, "band: 'Q'"),
        ({"kind": "starlike"}, "kind: 'starlike'"),
        ({"checked": "perhaps"}, "checked: 'perhaps'"),
        ({"p": "inf"}, "p: 'inf' is no number"),
        ({"name": ""}, "line 3"),
    ],
)
def test_a_wrong_cell_is_named(tmp_path, change, complaint):
    with pytest.raises(ConfigError, match=complaint):
        load_standards(table(tmp_path, {**ROW, **change}))


def test_a_wrong_table_is_named(tmp_path):
    with pytest.raises(ConfigError, match="line 4, band: X 1 has a value in R already"):
        load_standards(table(tmp_path, ROW, ROW))
    with pytest.raises(ConfigError, match="line 4, dec_dms: differs"):
        load_standards(table(tmp_path, ROW, {**ROW, "band": "V", "dec_dms": "+11:00:00"}))
    with pytest.raises(ConfigError, match="no standards"):
        load_standards(table(tmp_path))
    with pytest.raises(ConfigError, match="cannot be read"):
        load_standards(tmp_path / "none.csv")
    (tmp_path / "short.csv").write_text("name,p\nX,1\n")
    with pytest.raises(ConfigError, match="no column aliases"):
        load_standards(tmp_path / "short.csv")


def test_a_device_is_no_table():
    with pytest.raises(ConfigError, match="it is no file"):
        load_standards("/dev/zero")
