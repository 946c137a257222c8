"""The masters of the database, as candidates for association."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from polarnight.calibration import (
    Association,
    AssociationRules,
    MasterRecord,
    associate,
)
from polarnight.frames import FrameInfo, ImageType
from polarnight.instruments import all_instruments
from polarnight.pipeline.recipes.stage import Product, Recipe, Stage, parameter

if TYPE_CHECKING:
    from polarnight.db.models.masters import MasterModel
    from polarnight.pipeline.recipes.book import RecipeBook

__all__ = ["Associate", "MasterShelf", "association_recipe"]


@dataclass(frozen=True)
class Associate(Stage):
    """Masters of the same detector, window, band and angle; those of the same night first, then
    near ones, then those within the validity of the instrument, then any, flagged as risky.
    """

    name: ClassVar[str] = "associate"
    reads: ClassVar[tuple[str, ...]] = ("info", "masters", "kind")
    writes: ClassVar[tuple[str, ...]] = ("association",)

    near_days: float = parameter(
        7.0, "a master of another night is near up to here (level 1)", "days", above=0.0,
        setting="calibration.near_days",
    )  # fmt: skip
    validity_days: float = parameter(
        30.0, "a master is valid up to here (level 2)", "days", above=0.0,
        declared="validity_days",
    )  # fmt: skip
    allow_risky: bool = parameter(
        True, "take one from beyond where there is nothing better (level 3)",
        setting="calibration.allow_risky",
    )  # fmt: skip
    angle_tolerance: float = parameter(
        1.0, "angles of a polarizer within this are one", "deg", least=0.0
    )
    cut: bool = parameter(True, "cut a master of a larger part of the chip to a window")
    corner_windows: bool = parameter(
        False, "an image smaller than a master of the same origin is a window in its corner",
        declared="windows",
    )  # fmt: skip
    flat_angles: str = parameter(
        "each", "whether a flat must have the angle of the polarizer of the frame",
        choices=("each", "any"), declared="flat_angles",
    )  # fmt: skip

    def run(self, product: Product) -> Product:
        """Choose a master, or say why there is none."""
        rules = AssociationRules(**self.parameters())
        chosen = associate(product["info"], product["masters"], product["kind"], rules)
        return product.with_values(association=chosen)


def association_recipe() -> Recipe:
    """Return the recipe by which frames find their masters, with its defaults."""
    return Recipe("association", ("info", "masters", "kind"), (Associate(),))


class MasterShelf:
    """All usable masters of the database by kind, kept while a run goes on."""

    def __init__(self, recipes: RecipeBook) -> None:
        self._recipes = recipes
        self._rows: dict[ImageType, dict[str, MasterModel]] = {}

    def forget(self, kind: ImageType) -> None:
        """Read the masters of a kind again at the next use."""
        self._rows.pop(kind, None)

    def rows(self, kind: ImageType) -> dict[str, MasterModel]:
        """Return the masters of a kind that have a file, by key."""
        from polarnight.db.models.masters import MASTER_MODELS

        if kind not in self._rows:
            model = MASTER_MODELS[str(kind)]
            # Those of an instrument whose declaration is wrong at present serve no frame.
            usable = model._default_manager.filter(instrument__in=all_instruments())
            found = usable.exclude(content_key="").select_related("epoch")
            self._rows[kind] = {row.key: row for row in found}
        return self._rows[kind]

    def expect(self, row: MasterModel) -> None:
        """Count a master that is planned and not made yet, in a dry run."""
        self.rows(ImageType(row.KIND)).setdefault(row.key, row)

    def discard(self, row: MasterModel) -> None:
        """Leave a master out that is about to go out of use."""
        self.rows(ImageType(row.KIND)).pop(row.key, None)

    def choose(self, info: FrameInfo, kind: ImageType) -> Association:
        """Associate a frame with a master of a kind."""
        records = _records(self.rows(kind).values(), kind)
        how = self._recipes.get("association", info.instrument, info.telescope, info.night)
        product = how.recipe.run(info=info, masters=records, kind=kind)
        chosen: Association = product["association"]
        return chosen

    def chosen(self, association: Association) -> MasterModel | None:
        """Return the row of the master that was chosen."""
        if association.choice is None:
            return None
        return self.rows(association.kind)[str(association.choice.id)]


def _records(rows: Iterable[MasterModel], kind: ImageType) -> list[MasterRecord]:
    return [
        MasterRecord.from_info(
            row.key,
            kind,
            FrameInfo.from_dict(row.info),
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            ignored=row.has_flag(row.FLAGS["IGNORE"]),
        )
        for row in rows
    ]
