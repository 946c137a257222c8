"""Who did what, when and why."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render

from polarnight.errors import ConfigError
from polarnight.web.access.needs import needs
from polarnight.web.access.roles import Action
from polarnight.web.accounts.audit import AuditQuery, Deed, as_csv, count_deeds, deeds, kinds
from polarnight.web.pages.paged import link, part_of

__all__ = ["audit", "audit_csv"]


def _asked(request: HttpRequest) -> AuditQuery:
    names = ("who", "kind", "text", "first", "last")
    return AuditQuery(
        **{name: request.GET.get(name, "").replace("\x00", "").strip()[:200] for name in names}
    )


@needs(Action.ADMIN)
def audit(request: HttpRequest) -> HttpResponse:
    """Show the deeds that the query string asks for."""
    query, error, status = _asked(request), "", 200
    try:
        count = count_deeds(query)
    except ConfigError as problem:
        query, count, error, status = AuditQuery(), 0, str(problem), 422
    part = part_of(request, count, lambda first, after: deeds(query, first, after), 100)
    context = {
        "query": {name: request.GET.get(name, "")[:200] for name in AuditQuery.__slots__},
        "part": part,
        "rows": [(deed, _values(deed)) for deed in part.rows] if not error else [],
        "kinds": kinds(),
        "csv": link(request, page=None),
        "error": error,
    }
    return render(request, "polarnight/audit.html", context, status=status)


def _values(deed: Deed) -> list[tuple[str, str, str]]:
    """Return name, before and after of each value that changed."""
    before = deed.before if isinstance(deed.before, dict) else {"": deed.before}
    after = deed.after if isinstance(deed.after, dict) else {"": deed.after}
    names = list(dict.fromkeys([*before, *after]))
    rows = [(str(name), _text(before.get(name)), _text(after.get(name))) for name in names]
    return [row for row in rows if row[1] or row[2]]


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@needs(Action.ADMIN)
def audit_csv(request: HttpRequest) -> HttpResponseBase:
    """Send all deeds that the query string asks for."""
    query = _asked(request)
    try:
        count_deeds(query)
    except ConfigError as error:
        return HttpResponse(str(error), status=422, content_type="text/plain; charset=utf-8")
    answer = StreamingHttpResponse(as_csv(query), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="audit.csv"'
    return answer
