"""What the calibrators said, by every estimator, and the curves of growth."""

from __future__ import annotations

import numpy as np
import pytest

from polarnight.errors import AlgorithmFailed
from polarnight.pipeline.diagnostics.calibrators import plot_zero_point, zero_point_of

# The check of the estimators: one of five is off by 0.6 mag.
VALUES = (22.00, 22.02, 21.98, 22.01, 22.60)
STARS = [{"name": f"star {n}", "zp": zp, "zp_err": 0.01, "used": True}
         for n, zp in zip("ABCDE", VALUES, strict=True)]  # fmt: skip
GROWTH = {
    "radii_px": [4.0, 2.0, 6.0], "total_px": 10.0, "stars": 12,
    "corrections": [{"value": v, "err": 0.001} for v in (-0.07, -0.5, -0.01)],
}  # fmt: skip


@pytest.fixture
def photometry(make_result):
    return make_result(
        reduction="relphot", obsmode="PHOTOMETRY", mag_zp=22.004, mag_zp_err=0.019,
        zp_method="student-t", zp_inflation=3.8, growth=GROWTH,
        evidence={"zero_point": {"from": "calibrators", "calibrators": STARS}},
    )  # fmt: skip


def test_both_estimators(photometry):
    from polarnight.db import AstroSource

    AstroSource.objects.create(name="star A", ra_hms="0:0:0", dec_dms="40:0:0", mag_R=13.5)
    check = zero_point_of(photometry)
    by_name = {one.method: one for one in check.estimates}
    assert by_name["student-t"].value == pytest.approx(22.004, abs=0.003)
    assert by_name["weighted mean"].value == pytest.approx(np.mean(VALUES))
    assert check.residuals == pytest.approx(np.array(VALUES) - 22.004)
    assert check.magnitude[0] == 13.5
    assert np.isnan(check.magnitude[1:]).all()
    assert check.differs == ""


def test_another_zero_point_than_the_one_that_is_kept_is_told(photometry):
    photometry.mag_zp = 22.2
    assert "22.2000 is kept" in zero_point_of(photometry).differs
    assert "is kept" in plot_zero_point(zero_point_of(photometry)).get_suptitle()


def test_growth_in_order_of_the_radii(photometry):
    (growth,) = zero_point_of(photometry).growth
    assert list(growth.radius / 0.53) == pytest.approx([2.0, 4.0, 6.0, 10.0])
    assert growth.share == pytest.approx(10 ** (0.4 * np.array([-0.5, -0.07, -0.01, 0.0])))
    assert growth.aperture == pytest.approx(4 * 0.53)


def test_the_picture(photometry):
    above, middle, below = plot_zero_point(zero_point_of(photometry), title="x").axes
    labels = [text.get_text() for text in above.get_legend().get_texts()]
    assert any(label.startswith("student-t (the result): 22.00") for label in labels)
    drawn = [line.get_ydata() for line in middle.get_lines() if len(line.get_ydata()) == 5]
    assert any(np.allclose(values, 1e3 * (np.array(VALUES) - 22.004)) for values in drawn)
    assert below.get_xlabel() == "radius (arcsec)"


def test_without_a_zero_point_or_stars(make_result):
    result = make_result(mag_zp=None)
    with pytest.raises(AlgorithmFailed, match="no zero point"):
        zero_point_of(result)
    result.mag_zp, result.mag_zp_err = 25.0, 0.01
    check = zero_point_of(result)
    assert check.names == ()
    assert check.estimates == ()
    texts = [text.get_text() for axes in plot_zero_point(check).axes for text in axes.texts]
    assert any("stars of a catalogue" in text for text in texts)
    assert any("no curve of growth" in text for text in texts)
