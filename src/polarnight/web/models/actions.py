"""What people did on the site."""
# ruff: noqa: D106  (Meta is Django's)

from __future__ import annotations

from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

__all__ = ["ActionLog"]

_LONGEST = 300


class ActionLog(models.Model):
    """One thing that somebody did; rows are only ever added.

    Flags and comments have a history of their own (`polarnight.db.audit`), which outlives
    reruns; here stand sources, jobs, users, tokens, and who logged in.
    """

    when = models.DateTimeField(auto_now_add=True, db_index=True)
    who = models.CharField(max_length=150, help_text="stays when the user is gone")
    what = models.CharField(max_length=60, help_text="such as 'source edited'")
    kind = models.CharField(max_length=60, blank=True, default="", help_text="model of the object")
    key = models.CharField(max_length=_LONGEST, blank=True, default="")
    before = models.JSONField(null=True, blank=True, encoder=DjangoJSONEncoder)
    after = models.JSONField(null=True, blank=True, encoder=DjangoJSONEncoder)
    why = models.TextField(blank=True, default="")
    ip = models.GenericIPAddressField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["kind", "key"], name="actionlog_object")]

    def __str__(self) -> str:
        return f"{self.when:%Y-%m-%d %H:%M} {self.who}: {self.what} {self.key}".rstrip()

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add a row.

        Raises
        ------
        TypeError
            For one that is there already: history does not change.
        """
        if not self._state.adding:
            msg = "the log of actions is only ever added to"
            raise TypeError(msg)
        super().save(*args, **kwargs)

    @classmethod
    def record(
        cls,
        who: Any,
        what: str,
        obj: Any = None,
        before: Any = None,
        after: Any = None,
        why: str = "",
        ip: str | None = None,
    ) -> ActionLog:
        """Write down that somebody did something.

        Parameters
        ----------
        who : User or str
        what : str
            Such as ``source edited``.
        obj : model or str, optional
            What it was done to; its ``natural``, its ``name``, or its text is the key.
        before, after : JSON-able, optional
            The values that changed.
        why : str, optional
        ip : str, optional
            Of the client.
        """
        name = who.get_username() if hasattr(who, "get_username") else str(who)
        return cls.objects.create(
            who=name[:150],
            what=what,
            kind="" if obj is None or isinstance(obj, str) else str(obj._meta.object_name),
            key=_key_of(obj)[:_LONGEST],
            before=before,
            after=after,
            why=why,
            ip=ip or None,
        )


def _key_of(obj: Any) -> str:
    if obj is None:
        return ""
    for attribute in ("natural", "name"):
        value = getattr(obj, attribute, None)
        if isinstance(value, str) and value:
            return value
    return str(obj)
