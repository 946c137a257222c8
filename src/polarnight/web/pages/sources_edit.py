"""Adding, editing and deleting sources."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from polarnight.db.models import AstroSource
from polarnight.errors import ConfigError
from polarnight.web.access.clients import client_ip
from polarnight.web.access.needs import needs
from polarnight.web.access.roles import Action
from polarnight.web.catalogue.changing import FieldError, check, delete, save
from polarnight.web.catalogue.checking import warnings_of
from polarnight.web.pages.sources_form import SourceForm

__all__ = ["add", "edit", "remove"]

_STALE = (
    "somebody changed this source while you did: the values below are yours; open the source "
    "in another window and compare, or save again to overwrite"
)


@needs(Action.EDIT_SOURCE)
def add(request: HttpRequest) -> HttpResponse:
    """Add a source."""
    return _edit(request, None)


@needs(Action.EDIT_SOURCE)
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a source."""
    return _edit(request, get_object_or_404(AstroSource, pk=pk))


def _edit(request: HttpRequest, source: AstroSource | None) -> HttpResponse:
    if request.method != "POST":
        initial = SourceForm.values_of(source) if source is not None else {}
        return _show(request, SourceForm(initial=initial), source)
    form = SourceForm(request.POST)
    if not form.is_valid() or form.entry is None:
        return _show(request, form, source, 422)
    try:
        check(form.entry, source)
    except FieldError as error:
        return _refused(request, form, source, error)
    warnings = warnings_of(form.entry, source)
    if source is not None and request.POST.get("version") != source.modified.isoformat():
        warnings.insert(0, _STALE)
    # Only what was read counts as seen: a changed value may bring another warning.
    if set(warnings) - set(request.POST.getlist("seen")):
        return _show(request, form, source, 409, warnings=warnings)
    try:
        row = save(
            form.entry,
            source,
            who=request.user,
            why=request.POST.get("why", "").replace("\x00", "").strip()[:1000],
            ip=client_ip(request),
        )
    except FieldError as error:
        return _refused(request, form, source, error)
    messages.success(request, f"{row.name} is saved.")
    return redirect("source", pk=row.pk)


def _refused(
    request: HttpRequest, form: SourceForm, source: AstroSource | None, error: FieldError
) -> HttpResponse:
    form.add_error(error.field, str(error))
    return _show(request, form, source, 422)


def _show(
    request: HttpRequest,
    form: SourceForm,
    source: AstroSource | None,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    context = {
        "form": form,
        "source": source,
        "version": source.modified.isoformat() if source is not None else "",
        **more,
    }
    return render(request, "polarnight/source_edit.html", context, status=status)


@needs(Action.ADMIN)
@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete a source on which nothing hangs."""
    source = get_object_or_404(AstroSource, pk=pk)
    why = request.POST.get("why", "").replace("\x00", "").strip()[:1000]
    if not why:
        messages.error(request, "A source is deleted with a reason.")
        return redirect("source", pk=pk)
    try:
        delete(source, who=request.user, why=why, ip=client_ip(request))
    except ConfigError as error:
        messages.error(request, str(error))
        return redirect("source", pk=pk)
    messages.success(request, f"{source.name} is deleted.")
    return redirect("sources")
