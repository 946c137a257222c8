"""The recipe of cycles: which frames of polarimetry belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from polarnight.pipeline.recipes.stage import Product, Recipe, Stage, parameter
from polarnight.polarimetry import make_groups

__all__ = ["FormCycles", "cycle_recipe"]


@dataclass(frozen=True)
class FormCycles(Stage):
    """Frames of one target, instrument, band and exposure, in the order of time; a cycle ends at
    a pause or where an angle repeats, and is never filled from another hour.
    """

    name: ClassVar[str] = "cycles_of_angles"
    reads: ClassVar[tuple[str, ...]] = ("records", "instrument")
    writes: ClassVar[tuple[str, ...]] = ("cycles",)

    max_gap_minutes: float = parameter(
        20.0, "longest pause inside a cycle", "min", above=0.0,
        setting="polarimetry.max_gap_minutes",
    )  # fmt: skip
    radius_deg: float = parameter(
        0.05, "frames whose centres are farther apart are of different targets", "deg", above=0.0
    )

    def run(self, product: Product) -> Product:
        """Sort the frames of one instrument into cycles."""
        cycles = make_groups(
            product["records"],
            max_gap=60.0 * self.max_gap_minutes,
            radius_deg=self.radius_deg,
            **product["instrument"],
        )
        return product.with_values(cycles=cycles)


def cycle_recipe() -> Recipe:
    """Return the recipe of cycles with its defaults."""
    return Recipe("cycles", ("records", "instrument"), (FormCycles(),))
