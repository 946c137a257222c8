"""The diagnostic of an aperture, of a star that is known."""

from __future__ import annotations

import numpy as np
import pytest

from polarnight.pipeline.diagnostics.apertures import cut_out, plot_aperture, plot_thumbnail

SIGMA, FLUX, SKY = 2.0, 50_000.0, 100.0
RADII = (6.0, 10.0, 18.0)


@pytest.fixture(scope="module")
def frame():
    y, x = np.indices((120, 140))
    star = np.exp(-((x - 70.3) ** 2 + (y - 60.8) ** 2) / (2 * SIGMA**2))
    data = SKY + FLUX / (2 * np.pi * SIGMA**2) * star
    return data + np.random.default_rng(2).normal(0.0, 5.0, data.shape)


def test_four_panels_tell_of_the_star(frame):
    cut = cut_out(frame, (70.3, 60.8), RADII, variance=np.full(frame.shape, 25.0), pixel_scale=0.5)
    figure = plot_aperture(cut, title="a star")
    picture, profile, growth, sky = figure.axes
    # The star stands where FITS counts it, in a picture whose pixels are those of the frame.
    left, right, low, high = picture.images[0].get_extent()
    assert (left + cut.data.shape[1], low + cut.data.shape[0]) == (right, high)
    assert picture.patches[0].center == pytest.approx((71.3, 61.8))
    assert [patch.radius for patch in picture.patches] == list(RADII)
    x, y = growth.get_lines()[0].get_data()
    assert y[-1] == pytest.approx(FLUX, rel=0.03)
    assert y[np.argmin(abs(x - 6.0))] == pytest.approx(FLUX * (1 - np.exp(-4.5)), rel=0.03)
    label = sky.get_legend().get_texts()[0].get_text()
    assert float(label.split()[1].rstrip(",")) == pytest.approx(SKY, abs=1.0)
    assert max(profile.get_lines()[0].get_ydata()) == pytest.approx(frame.max())


def test_at_the_edge_and_beyond(frame):
    cut = cut_out(frame, (1.0, 118.0), RADII)
    assert cut.left == 0
    assert cut.data.shape[0] < 45
    assert len(plot_thumbnail(cut).axes) == 1
    with pytest.raises(ValueError, match="lies outside of the frame"):
        cut_out(frame, (-500.0, 10.0), RADII)


def test_no_sky_has_a_value(frame):
    empty = np.full_like(frame, np.nan)
    empty[55:66, 65:76] = frame[55:66, 65:76]
    figure = plot_aperture(cut_out(empty, (70.3, 60.8), RADII))
    assert "no pixel of the sky has a value" in [text.get_text() for text in figure.axes[3].texts]
