"""Filters beside the lists: texts, patterns, flags by several at once, previews."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.contrib.admin import ListFilter, SimpleListFilter
from django.http import HttpRequest

from polarnight.errors import ConfigError
from polarnight.web.admin.patterns import check_pattern

__all__ = [
    "FlagsFilter",
    "IdFilter",
    "NightFilter",
    "OwnNightFilter",
    "PatternFilter",
    "PreviewFilter",
    "ResultFilter",
    "TextFilter",
    "master_filter",
    "previews_shown",
    "text_filter",
]

_LONGEST = 100
_PREVIEWS = "admin_previews"


class _FormFilter(ListFilter):
    """A filter that is a small form; the others of the list stay as they are."""

    parameters: tuple[str, ...] = ()

    def __init__(
        self, request: HttpRequest, params: dict[str, list[str]], model: Any, model_admin: Any
    ) -> None:
        super().__init__(request, params, model, model_admin)
        self.request = request
        self.asked: dict[str, list[str]] = {}
        for name in self.parameters:
            values = [value.replace("\x00", "") for value in params.pop(name, [])]
            self.asked[name] = [value[:_LONGEST] for value in values if value]

    def has_output(self) -> bool:
        """Always there."""
        return True

    def expected_parameters(self) -> list[str | None]:
        """The names in the address."""
        return list(self.parameters)

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield what the template of the form wants."""
        others = [
            (name, value)
            for name, values in changelist.filter_params.items()
            if name not in (*self.parameters, "p")
            for value in values
        ]
        clear = changelist.get_query_string(remove=list(self.parameters))
        given = any(self.asked.values())
        yield {"others": others, "clear": clear if given else "", **self.details()}

    def details(self) -> dict[str, Any]:
        """Return more for the template."""
        return {}

    def refuse(self, queryset: Any, problem: str) -> Any:
        """Say what is wrong, and show nothing."""
        messages.error(self.request, f"{self.title}: {problem}")
        return queryset.none()


class TextFilter(_FormFilter):
    """Rows whose column equals a text."""

    template = "admin/polarnight/text_filter.html"
    path = ""

    def details(self) -> dict[str, Any]:
        """The name and the value."""
        return {"name": self.parameters[0], "value": self.value}

    @property
    def value(self) -> str:
        """What was asked for."""
        given = self.asked.get(self.parameters[0], [])
        return str(given[-1]).strip() if given else ""

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Filter."""
        if not self.value:
            return queryset
        try:
            return queryset.filter(**self.condition(self.value))
        except ConfigError as error:
            return self.refuse(queryset, str(error))

    def condition(self, value: str) -> dict[str, Any]:
        """Return what to filter by."""
        return {self.path: value}


class IdFilter(TextFilter):
    """Rows by their number."""

    title, parameters, path = "id", ("id_is",), "pk"

    def condition(self, value: str) -> dict[str, Any]:
        """Return the number as such."""
        if not (value.isascii() and value.isdigit() and len(value) < 19):
            msg = f"{value[:20]!r} is no number of a row"
            raise ConfigError(msg)
        return {self.path: int(value)}


class ResultFilter(IdFilter):
    """Rows that a result was made of."""

    title, parameters, path = "result (number)", ("result",), "photopolresults"


def master_filter(kind: str) -> type[IdFilter]:
    """Make a filter of raw frames by the number of a master that was built from them."""
    members = {
        "title": f"master {kind} (number)",
        "parameters": (f"{kind}_master",),
        "path": f"master{kind}_set",
    }
    return type(f"Master{kind.title()}Filter", (IdFilter,), members)


class NightFilter(TextFilter):
    """Rows of a night."""

    title, parameters, path = "night", ("night",), "epoch__night"

    def condition(self, value: str) -> dict[str, Any]:
        """Take a night in any of the usual forms."""
        from polarnight.db.names import parse_night

        return {self.path: parse_night(value)}


class OwnNightFilter(NightFilter):
    """Nights by their own date."""

    path = "night"


class PatternFilter(TextFilter):
    """Rows whose file name fits a pattern."""

    title, parameters, path = "file name (pattern)", ("filename",), "filename"

    def condition(self, value: str) -> dict[str, Any]:
        """Refuse patterns that run away."""
        return {f"{self.path}__regex": check_pattern(value)}


def text_filter(name: str, column: str) -> type[TextFilter]:
    """Make a filter by the text of a column."""
    members = {"title": name, "parameters": (f"{column.rpartition('__')[2]}_is",), "path": column}
    return type(f"{name.title()}Filter", (TextFilter,), members)


class FlagsFilter(_FormFilter):
    """Rows that have all of some flags, and no others where ``exactly`` is chosen."""

    title, parameters = "flags", ("flags", "flags_mode")
    template = "admin/polarnight/flags_filter.html"

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.known = {flag.name: int(flag) for flag in model.FLAGS}

    @property
    def exactly(self) -> bool:
        """Whether no other flag may be there."""
        return "exactly" in self.asked.get("flags_mode", [])

    def details(self) -> dict[str, Any]:
        """The flags, and which are chosen."""
        chosen = set(self.asked.get("flags", []))
        return {"flags": [(name, name in chosen) for name in self.known], "exactly": self.exactly}

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Filter by bits, in the database."""
        chosen = self.asked.get("flags", [])
        if unknown := [name for name in chosen if name not in self.known]:
            return self.refuse(queryset, f"there is no flag {unknown[0][:40]!r}")
        wanted = 0
        for name in chosen:
            wanted |= self.known[name]
        if self.exactly:
            return queryset.filter(flags=wanted)
        for name in chosen:
            queryset = queryset.filter(flags__has=self.known[name])
        return queryset


class PreviewFilter(SimpleListFilter):
    """Whether previews are shown, in all lists until they are hidden; no row is left out."""

    title, parameter_name = "previews", "previews"

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        if self.value() in ("on", "off"):
            request.session[_PREVIEWS] = self.value() == "on"
        self.on = previews_shown(request)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """On, or off."""
        return [("on", "shown"), ("off", "hidden")]

    def choices(self, changelist: Any) -> Any:
        """The two of them; what the session says is chosen."""
        for value, title in self.lookup_choices:
            yield {
                "selected": self.on == (value == "on"),
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": title,
            }

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Leave the rows alone."""
        return queryset


def previews_shown(request: HttpRequest) -> bool:
    """Whether the user wants previews: by the address, else as chosen before."""
    asked = request.GET.get("previews")
    return asked == "on" if asked in ("on", "off") else bool(request.session.get(_PREVIEWS))
