"""Methods of the class: containers, folders, searches and stacks."""

# fmt: off
from __future__ import annotations

from typing import Self

from PyOphidia.calls import Calls
from PyOphidia.values import Cubes, Told, Value

__all__ = ["Shared"]


class Shared(Calls):
    """What needs no cube of its own: containers, folders, searches, stacks of several cubes."""

    @classmethod
    def createcontainer(
        cls, exec_mode: Value = "sync", container: Value = None, cwd: Value = None,
        dim: Value = None, dim_type: Value = "double", hierarchy: Value = "oph_base",
        base_time: Value = "1900-01-01 00:00:00", units: Value = "d",
        calendar: Value = "standard",
        month_lengths: Value = "31,28,31,30,31,30,31,31,30,31,30,31", leap_year: Value = 0,
        leap_month: Value = 2, vocabulary: Value = "CF", compressed: Value = "no",
        description: Value = "-", save: Value = "yes", display: bool = False, **more: Value,
    ) -> Told:
        """Make an empty container."""
        return cls._told("createcontainer", locals())

    @classmethod
    def deletecontainer(
        cls, container: Value = None, container_pid: Value = "-", force: Value = "no",
        cwd: Value = None, nthreads: Value = 1, exec_mode: Value = "sync",
        objkey_filter: Value = "all", save: Value = "yes", display: bool = False, **more: Value,
    ) -> Told:
        """Delete a container; one that holds cubes only with ``force='yes'``."""
        return cls._told("deletecontainer", locals())

    @classmethod
    def movecontainer(
        cls, container: Value = None, cwd: Value = None, exec_mode: Value = "sync",
        save: Value = "yes", display: bool = False, **more: Value,
    ) -> Told:
        """Move or rename a container, ``container='from|to'``."""
        return cls._told("movecontainer", locals())

    @classmethod
    def containerschema(
        cls, container: Value = None, cwd: Value = None, exec_mode: Value = "sync",
        objkey_filter: Value = "all", save: Value = "yes", display: bool = True, **more: Value,
    ) -> Told:
        """Describe a container and its axes."""
        return cls._told("containerschema", locals())

    @classmethod
    def list(
        cls, level: Value = 1, exec_mode: Value = "sync", path: Value = "-", cwd: Value = None,
        container_filter: Value = "all", cube: Value = "all", host_filter: Value = "all",
        dbms_filter: Value = "all", measure_filter: Value = "all", ntransform: Value = "all",
        src_filter: Value = "all", db_filter: Value = "all", recursive: Value = "no",
        objkey_filter: Value = "all", save: Value = "yes", display: bool = True, **more: Value,
    ) -> Told:
        """List folders, containers and cubes; ``level=2`` shows the cubes."""
        return cls._told("list", locals())

    @classmethod
    def search(
        cls, container_filter: Value = "all", metadata_key_filter: Value = "all",
        metadata_value_filter: Value = "all", path: Value = "-", cwd: Value = None,
        recursive: Value = "no", exec_mode: Value = "sync", objkey_filter: Value = "all",
        save: Value = "yes", display: bool = True, **more: Value,
    ) -> Told:
        """Find cubes by their metadata."""
        return cls._told("search", locals())

    @classmethod
    def fs(
        cls, command: Value = "ls", dpath: Value = "-", file: Value = "-", measure: Value = "-",
        cdd: Value = None, recursive: Value = "no", depth: Value = 0, realpath: Value = "no",
        exec_mode: Value = "sync", objkey_filter: Value = "all", save: Value = "yes",
        display: bool = False, **more: Value,
    ) -> Told:
        """Look at the files of the data repository, or change the directory there."""
        return cls._told("fs", locals())

    @classmethod
    def folder(
        cls, command: Value = None, path: Value = None, cwd: Value = None,
        exec_mode: Value = "sync", save: Value = "yes", display: bool = False, **more: Value,
    ) -> Told:
        """Make, move, remove or enter a folder."""
        return cls._told("folder", locals())

    @classmethod
    def mergecubes(
        cls, ncores: Value = 1, exec_mode: Value = "sync", cubes: Cubes = None,
        schedule: Value = 0, container: Value = "-", mode: Value = "i", hold_values: Value = "no",
        number: Value = 1, order: Value = "none", description: Value = "-", save: Value = "yes",
        display: bool = False, **more: Value,
    ) -> Self:
        """Join cubes along their last implicit axis."""
        return cls._made("mergecubes", locals())

    @classmethod
    def mergecubes2(
        cls, ncores: Value = 1, exec_mode: Value = "sync", cubes: Cubes = None,
        schedule: Value = 0, container: Value = "-", dim_type: Value = "long", number: Value = 1,
        order: Value = "none", description: Value = "-", dim: Value = "-", save: Value = "yes",
        display: bool = False, **more: Value,
    ) -> Self:
        """Stack cubes along a new axis `dim`."""
        return cls._made("mergecubes2", locals())

    @classmethod
    def intercube2(
        cls, ncores: Value = 1, exec_mode: Value = "sync", cubes: Cubes = None,
        operation: Value = "avg", missingvalue: Value = "-", measure: Value = "null",
        schedule: Value = 0, container: Value = "-", description: Value = "-",
        save: Value = "yes", display: bool = False, **more: Value,
    ) -> Self:
        """Combine any number of cubes pixel by pixel."""
        return cls._made("intercube2", locals())
