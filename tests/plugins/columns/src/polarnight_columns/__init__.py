"""A stage that removes offsets of single columns, measured in the sky of the frame itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter

from polarnight.frames import UNUSABLE, Frame
from polarnight.pipeline.recipes.stage import Product, Stage, parameter

__all__ = ["ColumnPattern"]

_MEDIAN = np.pi / 2.0  # variance of a median of Gaussian values over that of their mean


@dataclass(frozen=True)
class ColumnPattern(Stage):
    """Offsets of single columns subtracted: the median of the sky in each column over that of the
    columns around it. The error of the medians is added to the variance.
    """

    name: ClassVar[str] = "column_pattern"
    version: ClassVar[str] = "1"
    recipe: ClassVar[str] = "light"
    after: ClassVar[str] = "calibrate"
    reads: ClassVar[tuple[str, ...]] = ("frame",)
    writes: ClassVar[tuple[str, ...]] = ("frame",)

    smooth_columns: int = parameter(
        31, "columns around, whose median is the large-scale sky", "columns", least=3
    )
    clip: float = parameter(3.0, "brighter pixels are no sky", "sigma", above=0.0)
    least_pixels: int = parameter(
        30, "a column with fewer pixels of sky stays as it is", "pixels", least=2
    )

    def run(self, product: Product) -> Product:
        """Subtract the pattern."""
        frame: Frame = product["frame"]
        offsets, variance = self.offsets(frame)
        corrected = frame.replace(
            data=(frame.data - offsets).astype(np.float32),
            variance=None
            if frame.variance is None
            else (frame.variance + variance).astype(np.float32),
        )
        rms = float(np.sqrt(np.mean(offsets**2)))
        product = product.with_note(self.name, {"rms_adu": round(rms, 4)})
        return product.with_values(frame=corrected)

    def offsets(self, frame: Frame) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return the offset of every column (ADU) and its variance, each of shape (nx,)."""
        sky = np.where(frame.mask(int(UNUSABLE)), np.nan, frame.data).astype(float)
        dead = ~np.isfinite(sky).any(axis=0)
        sky[:, dead] = 0.0
        sky -= np.nanmedian(sky, axis=1, keepdims=True)  # a gradient along the columns is sky
        sky[:, dead] = 0.0
        first = np.nanmedian(sky, axis=0)
        sky -= first  # so that the pattern itself is not taken for noise
        sigma = 1.4826 * np.nanmedian(np.abs(sky))
        sky[np.abs(sky) > self.clip * sigma] = np.nan
        number = np.where(dead, 0, np.sum(np.isfinite(sky), axis=0))
        enough = number >= self.least_pixels
        level = first.copy()
        level[enough] += np.nanmedian(sky[:, enough], axis=0)
        offsets = np.where(enough, level - median_filter(level, self.smooth_columns), 0.0)
        scatter = np.where(enough, _MEDIAN * sigma**2 / np.maximum(number, 1), 0.0)
        return offsets, scatter
