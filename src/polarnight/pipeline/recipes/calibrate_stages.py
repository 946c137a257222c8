"""Stages that calibrate a light frame: masters applied, cosmic rays marked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from polarnight.calibration import CosmicRayRules, ReduceRules, reduce_frame
from polarnight.calibration.interpolation import interpolate_unusable
from polarnight.calibration.reduction import REDUCE_VERSION, mark_cosmic_rays
from polarnight.frames import Frame, FrameInfo
from polarnight.instruments import get_instrument
from polarnight.pipeline.recipes.stage import Product, Stage, parameter

__all__ = ["Calibrate", "Interpolate", "MarkCosmicRays"]


@dataclass(frozen=True)
class Calibrate(Stage):
    """Overscan and bias subtracted, dark current where the instrument asks for it, divided by the
    flat; variance from gain, read noise, signal and masters; bits of bad pixels.
    """

    name: ClassVar[str] = "calibrate"
    version: ClassVar[str] = REDUCE_VERSION
    reads: ClassVar[tuple[str, ...]] = ("path", "info", "masters")
    writes: ClassVar[tuple[str, ...]] = ("frame",)

    low_flat: float = parameter(
        0.3, "pixels below this value of the flat are marked LOW_FLAT",
        least=0.0, most=1.0, declared="low_flat",
    )  # fmt: skip
    edge: int = parameter(
        5, "width of the border that is marked NEAR_EDGE", "pixels", least=0, declared="edge"
    )
    measured_read_noise: bool = parameter(
        True, "read noise as the frames of the master bias show it, not as declared"
    )
    allow_missing: bool = parameter(
        False, "go on, flagged, where a required master is missing",
        setting="calibration.allow_missing",
    )  # fmt: skip

    def run(self, product: Product) -> Product:
        """Reduce the raw frame with its masters."""
        info: FrameInfo = product["info"]
        masters: Mapping[str, Path] = product["masters"]
        plugin = get_instrument(info.instrument)
        frame = reduce_frame(
            product["path"],
            info,
            bias=masters.get("bias"),
            dark=masters.get("dark"),
            flat=masters.get("flat"),
            required=plugin.required_masters(info),
            cosmic_rays=False,
            rules=ReduceRules(**self.parameters()),
            corner_windows=plugin.windows,
        )
        return product.with_values(frame=frame)


@dataclass(frozen=True)
class MarkCosmicRays(Stage):
    """Cosmic rays found by their sharpness in the Laplacian of the image, and marked."""

    name: ClassVar[str] = "cosmic_rays"
    version: ClassVar[str] = REDUCE_VERSION
    reads: ClassVar[tuple[str, ...]] = ("frame",)
    writes: ClassVar[tuple[str, ...]] = ("frame",)
    citations: ClassVar[tuple[str, ...]] = ("van Dokkum 2001, PASP 113, 1420",)

    search: bool = parameter(True, "look for them", setting="calibration.cosmic_rays")
    min_exptime: float = parameter(
        5.0, "shorter exposures catch almost none and are left alone", "s", least=0.0
    )
    nsigma: float = parameter(5.0, "significance of the Laplacian", "sigma", above=0.0)
    neighbour_fraction: float = parameter(
        0.3, "fraction of nsigma that suffices beside a cosmic ray", above=0.0, most=1.0
    )
    contrast: float = parameter(
        5.0, "least contrast of the Laplacian with the fine structure of the image", above=0.0
    )
    max_iterations: int = parameter(4, "rounds at most", least=1)

    def run(self, product: Product) -> Product:
        """Mark them."""
        frame: Frame = product["frame"]
        if not self.search:
            return product
        rules = {name: value for name, value in self.parameters().items() if name != "search"}
        frame, figures = mark_cosmic_rays(frame, CosmicRayRules(**rules))
        return product.with_values(frame=frame.replace(meta={**frame.meta, "cosmic_rays": figures}))


@dataclass(frozen=True)
class Interpolate(Stage):
    """Unusable pixels replaced by the median of their neighbours and marked, where asked for;
    photometry does better with the bits.
    """

    name: ClassVar[str] = "interpolate"
    version: ClassVar[str] = REDUCE_VERSION
    reads: ClassVar[tuple[str, ...]] = ("frame",)
    writes: ClassVar[tuple[str, ...]] = ("frame",)

    replace_unusable: bool = parameter(False, "replace them")

    def run(self, product: Product) -> Product:
        """Replace them where that is asked for."""
        if not self.replace_unusable:
            return product
        return product.with_values(frame=interpolate_unusable(product["frame"]))
