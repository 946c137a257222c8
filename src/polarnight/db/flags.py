"""Flags: bit fields with look-ups, what machines say and what people say.

Bits are those of IOP4: bit 0 is never used, the first flag is ``1 << 1``.
"""
# ruff: noqa: D106  (Meta is Django's)

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models
from django.db.models import F
from django.db.models.lookups import Lookup

if TYPE_CHECKING:
    _IntegerColumn = models.BigIntegerField[Any, Any]
    _AnyLookup = Lookup[Any]
else:
    _IntegerColumn, _AnyLookup = models.BigIntegerField, Lookup

__all__ = ["FlagField", "FlaggedModel", "effective_flags"]


class FlagField(_IntegerColumn):
    """An integer whose bits are flags; ``__has`` and ``__hasnot`` look for them.

    ``flags__has=FLAGS.A | FLAGS.B`` finds rows with any of the bits,
    ``flags__hasnot=...`` the rows with none of them, so the two divide a table.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("default", 0)
        super().__init__(*args, **kwargs)

    def get_prep_value(self, value: Any) -> Any:
        """Turn flags into plain integers, which every database driver takes."""
        value = super().get_prep_value(value)
        return int(value) if isinstance(value, IntFlag) else value


class _BitLookup(_AnyLookup):
    operator = ""

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """Compare the masked value with zero: booleans of integers are not portable."""
        left, left_values = self.process_lhs(compiler, connection)
        right, right_values = self.process_rhs(compiler, connection)
        sql = f"({left} & {right}) {self.operator} 0"
        return sql, (*left_values, *right_values)


@FlagField.register_lookup
class Has(_BitLookup):
    """Any of the bits is set."""

    lookup_name = "has"
    operator = "<>"


@FlagField.register_lookup
class HasNot(_BitLookup):
    """None of the bits is set."""

    lookup_name = "hasnot"
    operator = "="


def _column(name: str) -> Any:
    # The stubs of Django know bit operations with numbers only.
    return F(name)


def effective_flags(machine: int, human_set: int, human_clear: int) -> int:
    """Return the flags in force: people overrule machines, and setting beats clearing."""
    return (machine & ~human_clear) | human_set


class FlaggedModel(models.Model):
    """Flags of a row.

    ``machine_flags`` are the pipeline's, written anew by every run. ``human_set`` and
    ``human_clear`` are people's (see `polarnight.db.audit`) and survive runs. ``flags`` is
    what follows from the three and what queries should use; the database computes it.
    """

    FLAGS: ClassVar[type[IntFlag]]

    machine_flags = FlagField()
    human_set = FlagField(editable=False)
    human_clear = FlagField(editable=False)
    flags = models.GeneratedField(
        # machine - (machine & clear) is machine without the cleared bits: SQL of Django
        # has no complement.
        expression=(F("machine_flags") - F("machine_flags").bitand(_column("human_clear"))).bitor(
            _column("human_set")
        ),
        output_field=FlagField(),
        db_persist=True,
    )

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, and bring ``flags`` up to date."""
        super().save(*args, **kwargs)
        self.flags = self.effective

    @property
    def effective(self) -> int:
        """The flags in force, also before the row is saved."""
        return effective_flags(self.machine_flags, self.human_set, self.human_clear)

    def set_flag(self, flag: int) -> Self:
        """Set flags of the machine; the row is not saved."""
        self.machine_flags = int(self.machine_flags | flag)
        return self

    def unset_flag(self, flag: int) -> Self:
        """Clear flags of the machine; the row is not saved."""
        self.machine_flags = int(self.machine_flags & ~flag)
        return self

    def clear_flags(self) -> Self:
        """Clear all flags of the machine; the row is not saved."""
        self.machine_flags = 0
        return self

    def has_flag(self, flag: int) -> bool:
        """Return whether any of the flags is in force."""
        return bool(self.effective & flag)

    def has_not_flag(self, flag: int) -> bool:
        """Return whether none of the flags is in force."""
        return not self.effective & flag

    def has_flags(self, *flags: int) -> bool:
        """Return whether all flags are in force."""
        return all(self.effective & flag for flag in flags)

    def has_not_flags(self, *flags: int) -> bool:
        """Return whether none of the flags is in force."""
        return not any(self.effective & flag for flag in flags)

    @property
    def flag_list(self) -> list[IntFlag]:
        """The flags in force."""
        return [flag for flag in self.FLAGS if self.effective & flag]

    @property
    def flag_values(self) -> list[int]:
        """The values of the flags in force."""
        return [int(flag) for flag in self.flag_list]

    @property
    def flag_labels(self) -> list[str]:
        """The names of the flags in force."""
        return [flag.name or "" for flag in self.flag_list]
