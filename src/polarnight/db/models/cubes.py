"""Cubes: sessions, folders, containers, cubes, and which file a cube of the archive shows."""
# ruff: noqa: D106  (Meta is Django's)

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from polarnight.db.fields import EvidenceField, NumberField
from polarnight.db.reprs import Summary

__all__ = [
    "CubeContainer",
    "CubeFolder",
    "CubeMount",
    "CubeRecipe",
    "CubeSession",
    "CubeUser",
    "DataCube",
]


class CubeSession(models.Model):
    """A private workspace of a user: folders, containers, cubes and the history of commands."""

    code = models.CharField(max_length=60, unique=True)
    user = models.CharField(max_length=150, db_index=True)
    label = models.CharField(max_length=200, blank=True, default="")
    active = models.BooleanField(default=True)
    created = models.DateTimeField(default=timezone.now)
    used = models.DateTimeField(default=timezone.now)
    cwd = models.CharField(max_length=1000, default="/")
    last_cube = models.BigIntegerField(null=True, blank=True)
    last_workflow = models.IntegerField(default=0)
    last_marker = models.IntegerField(default=0)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.code

    def __repr__(self) -> str:
        return f"CubeSession({self.code}, {self.user})"


class CubeUser(models.Model):
    """What is remembered of a user between sessions."""

    name = models.CharField(max_length=150, unique=True)
    session = models.ForeignKey(
        CubeSession, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    cdd = models.CharField(max_length=1000, default="/")
    preferences = EvidenceField(default=dict, blank=True)

    def __str__(self) -> str:
        return self.name


class CubeFolder(models.Model):
    """A folder of the tree of a session; those without a session belong to the archive.

    The root of a tree has no parent and an empty name.
    """

    session = models.ForeignKey(
        CubeSession, on_delete=models.CASCADE, null=True, blank=True, related_name="folders"
    )
    parent = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, blank=True, related_name="folders"
    )
    name = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["parent", "name"], name="one_cubefolder_of_a_name"),
            models.UniqueConstraint(
                fields=["session"], condition=Q(parent=None), name="one_root_per_session"
            ),
            models.UniqueConstraint(
                fields=["name"], condition=Q(parent=None, session=None), name="one_archive_root"
            ),
        ]

    def __str__(self) -> str:
        return self.name or "/"


class CubeContainer(models.Model):
    """Cubes of one set of dimensions; ``dims`` is a list of name, type and hierarchy."""

    folder = models.ForeignKey(CubeFolder, on_delete=models.CASCADE, related_name="containers")
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    vocabulary = models.CharField(max_length=60, blank=True, default="CF")
    compressed = models.BooleanField(default=False)
    dims = EvidenceField(default=list, blank=True)
    user = models.CharField(max_length=150, blank=True, default="")
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "container"
        verbose_name_plural = "containers"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["folder", "name"], name="one_cubecontainer_of_a_name")
        ]

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"CubeContainer({self.pk}, {self.name})"


class CubeRecipe(models.Model):
    """How cubes of one key are made; kept once, however many cubes have it."""

    key = models.CharField(max_length=64, unique=True)
    recipe = EvidenceField(default=dict, blank=True)

    def __str__(self) -> str:
        return self.key


class DataCube(models.Model):
    """One measure over named dimensions.

    ``dims`` lists, slowest axis first, name, size, type, whether explicit, hierarchy and
    concept level, and coordinates where they are not 1 to size. ``level`` counts the
    transformations since the import. ``size_bytes`` is of the file or store, where known.
    ``parents`` are the recipe keys of the inputs.
    """

    # The number must not come back: a migration that makes this table anew on SQLite has to
    # carry its row of sqlite_sequence over.
    container = models.ForeignKey(CubeContainer, on_delete=models.CASCADE, related_name="cubes")
    recipe = models.ForeignKey(
        CubeRecipe, on_delete=models.PROTECT, null=True, blank=True, related_name="cubes"
    )
    level = models.SmallIntegerField(default=0)
    measure = models.CharField(max_length=200)
    dtype = models.CharField(max_length=20)
    unit = models.CharField(max_length=60, blank=True, default="")
    description = models.TextField(blank=True, default="")
    source = models.TextField(blank=True, default="")
    dims = EvidenceField(default=list, blank=True)
    parents = EvidenceField(default=list, blank=True)
    nfrag = models.IntegerField(default=1)
    nhost = models.IntegerField(default=1)
    compressed = models.BooleanField(default=False)
    missing_value = NumberField()
    size_bytes = models.BigIntegerField(null=True, blank=True)
    user = models.CharField(max_length=150, blank=True, default="")
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "cube"
        verbose_name_plural = "cubes"
        ordering = ["id"]
        indexes = [
            # All that a search by cards asks of a cube: it need not look at the table.
            models.Index(fields=["id", "level", "container"], name="datacube_search")
        ]

    def __str__(self) -> str:
        return self.place

    def __repr__(self) -> str:
        return f"DataCube({self.place}, {self.measure})"

    def _repr_html_(self) -> str:
        return self._summary().html()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self) if cycle else self._summary().text())

    def _summary(self) -> Summary:
        return Summary(
            f"DataCube {self.place}",
            {
                "measure": f"{self.measure} {self.unit and f'({self.unit})'}".strip(),
                "type": self.dtype,
                "dimensions": " x ".join(f"{dim['name']}[{dim['size']}]" for dim in self.dims),
                "level": self.level,
                "source": self.source,
                "description": self.description,
                "recipe": self.key[:12],
            },
        )

    @property
    def place(self) -> str:
        """``<container>/<cube>``, the part of the PID that counts."""
        return f"{self.container_id}/{self.pk}"

    @property
    def key(self) -> str:
        """The recipe key, ``""`` where there is no recipe."""
        return self.recipe.key if self.recipe is not None else ""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the dimensions, slowest first."""
        return tuple(int(dim["size"]) for dim in self.dims)

    @property
    def n_elements(self) -> int:
        """Number of values."""
        product = 1
        for size in self.shape:
            product *= size
        return product


class CubeMount(models.Model):
    """Which cube shows a file of the archive, also while the file is gone.

    ``number`` is the cube's: the same file keeps it for ever. ``content_key`` is of the file
    as its header was read.
    """

    container = models.ForeignKey(CubeContainer, on_delete=models.CASCADE, related_name="mounts")
    name = models.CharField(max_length=400)
    number = models.BigIntegerField(null=True, blank=True, unique=True)
    content_key = models.CharField(max_length=200, blank=True, default="")
    error = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["container", "name"], name="one_mount_per_file")
        ]

    def __str__(self) -> str:
        return self.name
