"""The form of a source: texts, checked by the rules of catalogue files."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from pydantic import ValidationError

from polarnight.db.catalogue_file import SourceEntry
from polarnight.db.models import AstroSource
from polarnight.db.models.sources import BANDS

__all__ = ["SourceForm"]

_HELP = {
    "other_names": "separated by ;",
    "ra_hms": "22:02:43.29, 22h02m43.29s, or degrees (ICRS)",
    "dec_dms": "+42:16:39.9, or degrees (ICRS)",
    "pm_ra": "mas/yr, with cos(dec)",
    "pm_dec": "mas/yr",
    "srctype": "such as blazar or star",
    "calibrates": "names of sources, separated by ;",
    "p": "a fraction: 0.05 for 5 %",
    "chi": "degrees, north through east",
    "metadata": "JSON, for the pipeline",
}
_LABELS = {
    "name": "Name",
    "other_names": "Other names",
    "ra_hms": "Right ascension",
    "dec_dms": "Declination",
    "pm_ra": "Proper motion in RA",
    "pm_dec": "Proper motion in Dec",
    "srctype": "Type",
    "redshift": "Redshift",
    "calibrates": "Calibrates",
    "comment": "Comment (Markdown)",
    "p": "p",
    "p_err": "error of p",
    "chi": "χ",
    "chi_err": "error of χ",
    "metadata": "Metadata",
}
_AREAS = {"comment": 4, "metadata": 3}


class SourceForm(forms.Form):
    """Values of a source as texts; `entry` after a successful check."""

    entry: SourceEntry | None = None

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, label_suffix="", **kwargs)
        for name in SourceEntry.model_fields:
            self.fields[name] = _field(name)

    @staticmethod
    def values_of(source: AstroSource) -> dict[str, str]:
        """Return the values of a source as the form shows them."""
        values: dict[str, str] = {}
        for name in SourceEntry.model_fields:
            if name == "calibrates":
                names = sorted(source.calibrates.values_list("name", flat=True))
                values[name] = "; ".join(names)
            elif name == "metadata":
                values[name] = json.dumps(source.metadata) if source.metadata else ""
            else:
                value = getattr(source, name)
                values[name] = "" if value is None else str(value)
        return values

    def clean(self) -> dict[str, Any]:
        """Check all values; what is wrong is told at its field."""
        given = dict(self.cleaned_data)
        given["metadata"] = self._metadata(given.get("metadata", ""))
        if self.errors:
            return given
        try:
            self.entry = SourceEntry.model_validate(given)
        except ValidationError as error:
            for problem in error.errors():
                name = str(problem["loc"][0]) if problem["loc"] else None
                self.add_error(name, _told(problem["msg"]))
        return given

    def _metadata(self, text: str) -> Any:
        if not text.strip():
            return {}
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            self.add_error("metadata", 'this is no JSON object such as {"key": "value"}')
        return value

    @property
    def magnitudes(self) -> list[tuple[Any, Any]]:
        """The fields of magnitudes with their errors."""
        return [(self[f"mag_{band}"], self[f"mag_{band}_err"]) for band in BANDS]

    @property
    def more_given(self) -> bool:
        """Whether a value is there, or wrong, among those that are seldom wanted."""
        seldom = ("pm_ra", "pm_dec", "metadata", "p", "p_err", "chi", "chi_err")
        return any(self[name].value() or self[name].errors for name in seldom)


def _told(message: str) -> str:
    text = message.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


def _field(name: str) -> forms.CharField:
    limit = {"comment": 20_000, "metadata": 10_000, "other_names": 2000, "calibrates": 5000}
    label = _LABELS.get(name) or _magnitude(name)
    rows = _AREAS.get(name)
    widget = forms.Textarea(attrs={"rows": rows}) if rows else forms.TextInput()
    return forms.CharField(
        label=label,
        required=name in {"name", "ra_hms", "dec_dms"},
        help_text=_HELP.get(name, ""),
        max_length=limit.get(name, 100),
        widget=widget,
    )


def _magnitude(name: str) -> str:
    band = name.removeprefix("mag_").removesuffix("_err")
    return f"error of {band}" if name.endswith("_err") else band
