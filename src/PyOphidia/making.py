"""Methods of one cube that make another."""

# fmt: off
from __future__ import annotations

from typing import Self

from PyOphidia.calls import Calls
from PyOphidia.values import Cubes, Value

__all__ = ["Making"]


class Making(Calls):
    """Methods of one cube that make another."""

    def reduce(
        self, operation: Value = None, container: Value = "-", exec_mode: Value = "sync",
        grid: Value = "-", group_size: Value = "all", ncores: Value = 1, nthreads: Value = 1,
        schedule: Value = 0, order: Value = 2, description: Value = "-",
        missingvalue: Value = "-", objkey_filter: Value = "all", check_grid: Value = "no",
        save: Value = "yes", display: bool = False, **more: Value,
    ) -> Self:
        """Reduce groups of neighbours along the last implicit axis."""
        return self._made("reduce", locals())

    def reduce2(
        self, dim: Value = None, operation: Value = None, concept_level: Value = "A",
        container: Value = "-", exec_mode: Value = "sync", grid: Value = "-",
        midnight: Value = "24", order: Value = 2, description: Value = "-", schedule: Value = 0,
        ncores: Value = 1, nthreads: Value = 1, missingvalue: Value = "-",
        check_grid: Value = "no", save: Value = "yes", display: bool = False, **more: Value,
    ) -> Self:
        """Reduce along one implicit axis; the median is ``operation='quantile', order=0.5``."""
        return self._made("reduce2", locals())

    def aggregate(
        self, ncores: Value = 1, nthreads: Value = 1, exec_mode: Value = "sync",
        schedule: Value = 0, group_size: Value = "all", operation: Value = None,
        missingvalue: Value = "-", grid: Value = "-", container: Value = "-",
        description: Value = "-", check_grid: Value = "no", save: Value = "yes",
        display: bool = False, **more: Value,
    ) -> Self:
        """Reduce groups of rows, that is along explicit axes."""
        return self._made("aggregate", locals())

    def aggregate2(
        self, ncores: Value = 1, nthreads: Value = 1, exec_mode: Value = "sync",
        schedule: Value = 0, dim: Value = "-", concept_level: Value = "A", midnight: Value = "24",
        operation: Value = None, grid: Value = "-", missingvalue: Value = "-",
        container: Value = "-", description: Value = "-", check_grid: Value = "no",
        save: Value = "yes", display: bool = False, **more: Value,
    ) -> Self:
        """Reduce along one explicit axis."""
        return self._made("aggregate2", locals())

    def apply(
        self, ncores: Value = 1, nthreads: Value = 1, exec_mode: Value = "sync",
        query: Value = "measure", dim_query: Value = "null", measure: Value = "null",
        measure_type: Value = "manual", dim_type: Value = "manual", check_type: Value = "yes",
        on_reduce: Value = "skip", compressed: Value = "auto", schedule: Value = 0,
        container: Value = "-", description: Value = "-", save: Value = "yes",
        display: bool = False, **more: Value,
    ) -> Self:
        """Compute an expression of primitives."""
        return self._made("apply", locals())

    def intercube(
        self, cube2: Cubes = None, cubes: Cubes = None, operation: Value = "sub",
        missingvalue: Value = "-", measure: Value = "null", container: Value = "-",
        exec_mode: Value = "sync", ncores: Value = 1, description: Value = "-",
        schedule: Value = 0, save: Value = "yes", display: bool = False, **more: Value,
    ) -> Self:
        """Combine this cube with another, pixel by pixel."""
        return self._made("intercube", locals())

    def subset(
        self, subset_dims: Value = "none", subset_filter: Value = "all", container: Value = "-",
        exec_mode: Value = "sync", subset_type: Value = "index", time_filter: Value = "yes",
        offset: Value = 0, grid: Value = "-", ncores: Value = 1, nthreads: Value = 1,
        schedule: Value = 0, description: Value = "-", check_grid: Value = "no",
        save: Value = "yes", display: bool = False, **more: Value,
    ) -> Self:
        """Cut out a part."""
        return self._made("subset", locals())

    def merge(
        self, nmerge: Value = 0, schedule: Value = 0, description: Value = "-",
        container: Value = "-", exec_mode: Value = "sync", ncores: Value = 1, save: Value = "yes",
        display: bool = False, **more: Value,
    ) -> Self:
        """Join fragments of this cube; images are stacked by `mergecubes2`."""
        return self._made("merge", locals())

    def split(
        self, nsplit: Value = 2, container: Value = "-", exec_mode: Value = "sync",
        ncores: Value = 1, nthreads: Value = 1, schedule: Value = 0, description: Value = "-",
        save: Value = "yes", display: bool = False, **more: Value,
    ) -> Self:
        """Cut the fragments of this cube into smaller ones."""
        return self._made("split", locals())

    def rollup(
        self, ndim: Value = 1, container: Value = "-", exec_mode: Value = "sync",
        ncores: Value = 1, nthreads: Value = 1, schedule: Value = 0, description: Value = "-",
        save: Value = "yes", display: bool = False, **more: Value,
    ) -> Self:
        """Turn explicit axes into implicit ones."""
        return self._made("rollup", locals())

    def drilldown(
        self, ncores: Value = 1, exec_mode: Value = "sync", schedule: Value = 0, ndim: Value = 1,
        container: Value = "-", description: Value = "-", save: Value = "yes",
        display: bool = False, **more: Value,
    ) -> Self:
        """Turn implicit axes into explicit ones."""
        return self._made("drilldown", locals())

    def permute(
        self, dim_pos: Value = None, container: Value = "-", exec_mode: Value = "sync",
        ncores: Value = 1, nthreads: Value = 1, schedule: Value = 0, description: Value = "-",
        save: Value = "yes", display: bool = False, **more: Value,
    ) -> Self:
        """Change the order of the implicit axes."""
        return self._made("permute", locals())

    def duplicate(
        self, ncores: Value = 1, nthreads: Value = 1, exec_mode: Value = "sync",
        schedule: Value = 0, container: Value = "-", description: Value = "-",
        save: Value = "yes", display: bool = False, **more: Value,
    ) -> Self:
        """Copy this cube."""
        return self._made("duplicate", locals())

    def concatnc(
        self, src_path: Value = None, cdd: Value = None, check_exp_dim: Value = "yes",
        dim_offset: Value = "-", dim_continue: Value = "no", offset: Value = 0,
        subset_dims: Value = "none", subset_filter: Value = "all", ncores: Value = 1,
        exec_mode: Value = "sync", schedule: Value = 0, description: Value = "-",
        save: Value = "yes", display: bool = False, **more: Value,
    ) -> Self:
        """Append NetCDF: Polarnight stacks cubes with `mergecubes2`, and says so."""
        return self._made("concatnc", locals())

    def concatnc2(
        self, src_path: Value = None, cdd: Value = None, check_exp_dim: Value = "yes",
        dim_offset: Value = "-", dim_continue: Value = "no", offset: Value = 0,
        subset_dims: Value = "none", subset_filter: Value = "all", ncores: Value = 1,
        nthreads: Value = 1, exec_mode: Value = "sync", schedule: Value = 0,
        description: Value = "-", save: Value = "yes", display: bool = False, **more: Value,
    ) -> Self:
        """Append NetCDF: Polarnight stacks cubes with `mergecubes2`, and says so."""
        return self._made("concatnc2", locals())
