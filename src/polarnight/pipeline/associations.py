"""The masters of the database, as candidates for association."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from polarnight.calibration import (
    Association,
    AssociationRules,
    MasterRecord,
    MasterRules,
    ReduceRules,
    associate,
)
from polarnight.frames import FrameInfo, ImageType
from polarnight.instruments import get_instrument

if TYPE_CHECKING:
    from polarnight.config import Settings
    from polarnight.db.models.masters import MasterModel

__all__ = ["MasterShelf", "association_rules", "master_rules", "reduce_rules"]


def association_rules(settings: Settings, instrument: str) -> AssociationRules:
    """Return how frames of an instrument find their masters."""
    return AssociationRules(
        near_days=settings.calibration.near_days,
        validity_days=get_instrument(instrument).validity_days,
        allow_risky=settings.calibration.allow_risky,
    )


def master_rules(settings: Settings, instrument: str) -> MasterRules:
    """Return how masters of an instrument are made."""
    return MasterRules(
        method=settings.calibration.combine,
        nsigma=settings.calibration.nsigma,
        max_iterations=settings.calibration.max_iterations,
        recommended_frames=settings.calibration.recommended_frames,
        low_flat=get_instrument(instrument).low_flat,
    )


def reduce_rules(settings: Settings, instrument: str) -> ReduceRules:
    """Return how frames of an instrument are reduced."""
    plugin = get_instrument(instrument)
    return ReduceRules(
        low_flat=plugin.low_flat,
        edge=plugin.edge,
        allow_missing=settings.calibration.allow_missing,
    )


class MasterShelf:
    """All usable masters of the database by kind, kept while a run goes on."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rows: dict[ImageType, dict[str, MasterModel]] = {}

    def forget(self, kind: ImageType) -> None:
        """Read the masters of a kind again at the next use."""
        self._rows.pop(kind, None)

    def rows(self, kind: ImageType) -> dict[str, MasterModel]:
        """Return the masters of a kind that have a file, by key."""
        from polarnight.db.models.masters import MASTER_MODELS

        if kind not in self._rows:
            model = MASTER_MODELS[str(kind)]
            found = model._default_manager.exclude(content_key="").select_related("epoch")
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
        return associate(info, records, kind, association_rules(self._settings, info.instrument))

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
