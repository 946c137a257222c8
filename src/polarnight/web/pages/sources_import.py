"""Importing sources from a file, and stars of the field as calibrators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from polarnight.config import get_settings
from polarnight.db.catalogue_file import SourceEntry
from polarnight.db.models import AstroSource
from polarnight.errors import ConfigError, PolarnightError
from polarnight.web.access.clients import client_ip
from polarnight.web.access.needs import needs
from polarnight.web.access.roles import Action
from polarnight.web.catalogue.field_stars import (
    FieldQuery,
    find_field_stars,
    online_allowed,
    origin_of,
)
from polarnight.web.catalogue.importing import (
    LARGEST,
    Preview,
    import_in_earnest,
    preview,
    read_entries,
)
from polarnight.web.catalogue.removing import imported_stars, remove_stars

__all__ = ["field_stars", "import_file", "remove_field_stars"]


@needs(Action.IMPORT)
def import_file(request: HttpRequest) -> HttpResponse:
    """Show what a file would change, then change it."""
    context: dict[str, Any] = {"largest": LARGEST // 1000, "status": 200}
    if request.method == "POST":
        try:
            name, text = _given(request)
            context |= {"name": name, "text": text}
            done = _import(request, read_entries(name, text), name, context)
        except ConfigError as error:
            context |= {"problems": str(error).splitlines(), "status": 422}
        else:
            if done:
                return redirect("sources")
    return render(request, "polarnight/source_import.html", context, status=context["status"])


def _given(request: HttpRequest) -> tuple[str, str]:
    """Return name and text of the file, sent now or shown before."""
    file = request.FILES.get("file")
    if file is None:
        text = request.POST.get("text", "")
        if not text:
            msg = "choose a file"
            raise ConfigError(msg)
        # Browsers send the lines of a form with the line ends of DOS.
        return request.POST.get("name", "")[:100], text.replace("\r\n", "\n")
    if file.size is None or file.size > LARGEST:
        msg = f"the file is larger than {LARGEST // 1000} kB"
        raise ConfigError(msg)
    name = str(file.name)[-100:]
    try:
        return name, file.read().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        msg = f"{name} is no text in UTF-8: {error.reason} at byte {error.start}"
        raise ConfigError(msg) from None


def _import(
    request: HttpRequest, entries: list[SourceEntry], origin: str, context: dict[str, Any]
) -> Preview | None:
    """Import where a preview was looked at, else put one into the context."""
    digest = request.POST.get("digest", "")
    if digest:
        done = import_in_earnest(
            entries, origin, digest=digest, who=request.user, ip=client_ip(request)
        )
        messages.success(request, f"{origin}: {done.report}.")
        return done
    context["preview"] = preview(entries, origin)
    return None


class FieldForm(forms.Form):
    """Which stars are wanted."""

    radius = forms.FloatField(label="Radius, arcmin", initial=7.0)
    bright = forms.FloatField(label="Brightest R", initial=11.0)
    faint = forms.FloatField(label="Faintest R", initial=16.0)
    largest_error = forms.FloatField(label="Largest error, mag", initial=0.05)
    count = forms.IntegerField(label="Stars at most", initial=30)
    online = forms.BooleanField(label="Fetch the catalogue over the network", required=False)


@needs(Action.IMPORT)
def field_stars(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the stars about a source that would calibrate it, then add them."""
    source = get_object_or_404(AstroSource, pk=pk)
    form = FieldForm(request.POST or None)
    if not online_allowed():
        form.fields["online"].disabled = True
    context: dict[str, Any] = {
        "source": source,
        "form": form,
        "catalogues": _catalogues(),
        "imported": imported_stars(source),
        "online": online_allowed(),
        "online_catalogue": get_settings().astrometry.online_catalogue,
        "status": 200,
    }
    if request.method == "POST":
        done = _answered(context, form, lambda: _stars(request, source, form, context))
        if done:
            return redirect("source", pk=pk)
    return render(request, "polarnight/source_field.html", context, status=context["status"])


@needs(Action.IMPORT)
@require_POST
def remove_field_stars(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back the stars of the field that were imported as calibrators of a source."""
    source = get_object_or_404(AstroSource, pk=pk)
    why = request.POST.get("why", "").replace("\x00", "").strip()[:1000]
    try:
        done = remove_stars(source, who=request.user, why=why, ip=client_ip(request))
    except ConfigError as error:
        messages.error(request, str(error))
        return redirect("source-field", pk=pk)
    kept = f"; kept, as measured or calibrating others: {done.kept}" if done.kept else ""
    messages.success(request, f"Field stars deleted: {done.deleted}{kept}.")
    return redirect("source", pk=pk)


def _answered(
    context: dict[str, Any], form: FieldForm, work: Callable[[], Preview | None]
) -> Preview | None:
    if not form.is_valid():
        context["status"] = 422
        return None
    try:
        return work()
    except PolarnightError as error:
        context |= {"problems": str(error).splitlines(), "status": 422}
        return None


def _stars(
    request: HttpRequest, source: AstroSource, form: FieldForm, context: dict[str, Any]
) -> Preview | None:
    values = dict(form.cleaned_data)
    if request.POST.get("digest"):
        values["online"] = False  # fetched for the preview
    entries = find_field_stars(source, FieldQuery(**values))
    context["entries"] = entries
    return _import(request, entries, origin_of(source), context)


def _catalogues() -> list[str]:
    from polarnight.astrometry.stars.local import LocalCatalogue

    try:
        return list(LocalCatalogue(get_settings().data.stars).manifests)
    except ConfigError:
        return []
