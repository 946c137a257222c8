"""What people decided about rows, and the history of it."""
# ruff: noqa: D106  (Meta is Django's)

from __future__ import annotations

from django.apps import apps
from django.db import models

from polarnight.db.flags import FlagField

__all__ = ["FlagChange", "HumanDecision"]


class HumanDecision(models.Model):
    """The decision in force about one row, under the row's natural key.

    It has no foreign key on purpose: a rerun may delete the row and make it anew, and the
    decision finds it again.
    """

    model = models.CharField(max_length=40)
    key = models.CharField(max_length=300)
    set_bits = FlagField()
    clear_bits = FlagField()
    comment = models.TextField(blank=True, default="")
    who = models.CharField(max_length=100)
    modified = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "decision"
        verbose_name_plural = "decisions"
        constraints = [models.UniqueConstraint(fields=["model", "key"], name="one_decision")]

    def __str__(self) -> str:
        return f"{self.model} {self.key}: +{self.set_bits} -{self.clear_bits}"


class FlagChange(models.Model):
    """One change that a person made; rows are only ever added."""

    model = models.CharField(max_length=40)
    key = models.CharField(max_length=300)
    when = models.DateTimeField(auto_now_add=True)
    who = models.CharField(max_length=100)
    why = models.TextField(blank=True, default="")
    set_before = FlagField()
    clear_before = FlagField()
    set_after = FlagField()
    clear_after = FlagField()
    comment_after = models.TextField(blank=True, default="")

    class Meta:
        verbose_name = "change of a flag"
        verbose_name_plural = "changes of flags"
        ordering = ["id"]
        indexes = [models.Index(fields=["model", "key"], name="flagchange_key")]

    def __str__(self) -> str:
        why = f": {self.why}" if self.why else ""
        return f"{self.when:%Y-%m-%d %H:%M} {self.who}: {self.key}: {self.what}{why}"

    @property
    def what(self) -> str:
        """What was changed, such as ``IGNORE set``."""
        before = self.set_before | self.clear_before
        changes = (
            ("set", self.set_after & ~self.set_before),
            ("cleared", self.clear_after & ~self.clear_before),
            ("left to machines", before & ~(self.set_after | self.clear_after)),
        )
        flags = getattr(apps.get_model("polarnight", self.model), "FLAGS", None)
        told = [
            f"{flag.name} {verb}" for verb, bits in changes for flag in flags or () if bits & flag
        ]
        return ", ".join(told) or "comment"
