"""Actions of the admin site that people answer for: with a reason, through the audit."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.http import HttpRequest

from polarnight.db.audit import decide

__all__ = ["ReasonForm", "ignore", "use_again"]

_MOST = 2000  # rows at once; more take minutes, in one transaction


class ReasonForm(ActionForm):
    """Which action, and why."""

    why = forms.CharField(label="because", required=False, max_length=1000)


def _judge(request: HttpRequest, rows: Any, value: bool, verb: str) -> None:
    why = request.POST.get("why", "").replace("\x00", "").strip()[:1000]
    if not why:
        messages.error(request, "Nothing was changed: write down the reason beside the action.")
        return
    chosen = list(rows.select_related("epoch")[: _MOST + 1])
    if len(chosen) > _MOST:
        messages.error(request, f"Nothing was changed: at most {_MOST} rows at once.")
        return
    changed = decide(chosen, "IGNORE", value, why=why, who=request.user.get_username())
    messages.success(request, f"{changed} of {len(chosen)} rows: {verb}.")


@admin.action(description="Ignore in subsequent runs")
def ignore(model_admin: Any, request: HttpRequest, rows: Any) -> None:
    """Let runs pass over frames or masters."""
    _judge(request, rows, True, "ignored in subsequent runs")


@admin.action(description="Do not ignore")
def use_again(model_admin: Any, request: HttpRequest, rows: Any) -> None:
    """Let runs use frames or masters again."""
    _judge(request, rows, False, "not ignored any more")
