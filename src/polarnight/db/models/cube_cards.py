"""Cards of cubes: distinct keys, distinct values, and which cube has which."""
# ruff: noqa: D106  (Meta is Django's)

from __future__ import annotations

from django.db import models
from django.db.models import Q

from polarnight.db.fields import NumberField
from polarnight.db.models.cubes import DataCube

__all__ = ["CubeCard", "CubeKey", "CubeValue"]

WORD = 100
"""Characters of a value by which it is found; values of FITS cards have fewer."""


class CubeKey(models.Model):
    """The name of a card as written; ``folded`` is what names are compared by."""

    name = models.CharField(max_length=200, unique=True)
    folded = models.CharField(max_length=200, db_index=True)

    def __str__(self) -> str:
        return self.name


class CubeValue(models.Model):
    """A key with a value, kept once for all cubes that have it.

    ``word`` is the beginning of the folded text, by which values are found; ``number`` the
    value as a number where it is one or spells one. ``digest`` is of key, type, text and comment.
    """

    key = models.ForeignKey(
        CubeKey, on_delete=models.PROTECT, related_name="values", db_index=False
    )
    type = models.CharField(max_length=10, default="text")
    text = models.TextField(blank=True, default="")
    word = models.CharField(max_length=WORD, blank=True, default="")
    number = NumberField()
    comment = models.TextField(blank=True, default="")
    digest = models.BigIntegerField(unique=True)

    class Meta:
        indexes = [
            # Every value is in one of the two, whole: no search has to look at the table.
            models.Index(
                fields=["key", "word"], name="cubevalue_word", condition=Q(number__isnull=True)
            ),
            models.Index(
                fields=["key", "number", "word"],
                name="cubevalue_number",
                condition=Q(number__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.text


class CubeCard(models.Model):
    """A card of a cube; ``user`` and ``modified`` are set where it was changed by hand."""

    cube = models.ForeignKey(
        DataCube, on_delete=models.CASCADE, related_name="cards", db_index=False
    )
    value = models.ForeignKey(
        CubeValue, on_delete=models.PROTECT, related_name="cards", db_index=False
    )
    variable = models.CharField(max_length=200, blank=True, default="")
    user = models.CharField(max_length=150, blank=True, default="")
    modified = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["cube", "value"], name="cubecard_of_cube"),
            models.Index(fields=["value", "cube"], name="cubecard_by_value"),
        ]

    def __str__(self) -> str:
        return f"card {self.pk}"
