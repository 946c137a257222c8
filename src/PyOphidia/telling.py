"""Methods of one cube that tell about it, write it or delete it."""

# fmt: off
from __future__ import annotations

from PyOphidia.calls import Calls
from PyOphidia.values import Told, Value

__all__ = ["Telling"]


class Telling(Calls):
    """Methods of one cube that tell about it, write it or delete it."""

    def metadata(
        self, mode: Value = "read", metadata_id: Value = 0, metadata_key: Value = "all",
        variable: Value = "global", metadata_type: Value = "text", metadata_value: Value = "-",
        variable_filter: Value = "all", metadata_type_filter: Value = "all",
        metadata_value_filter: Value = "all", force: Value = "no", exec_mode: Value = "sync",
        objkey_filter: Value = "all", save: Value = "yes", display: bool = True, **more: Value,
    ) -> Told:
        """Read, insert, update or delete metadata of this cube."""
        return self._told("metadata", locals())

    def provenance(
        self, branch: Value = "all", exec_mode: Value = "sync", objkey_filter: Value = "all",
        save: Value = "yes", display: bool = True, **more: Value,
    ) -> Told:
        """Show what this cube was made from, and what from it."""
        return self._told("provenance", locals())

    def cubeschema(
        self, objkey_filter: Value = "all", exec_mode: Value = "sync", level: Value = 0,
        dim: Value = "all", show_index: Value = "no", show_time: Value = "no",
        base64: Value = "no", action: Value = "read", concept_level: Value = "c",
        dim_level: Value = 1, dim_array: Value = "yes", save: Value = "yes", display: bool = True,
        **more: Value,
    ) -> Told:
        """Describe this cube, its axes and their values."""
        return self._told("cubeschema", locals())

    def cubesize(
        self, schedule: Value = 0, ncores: Value = 1, byte_unit: Value = "MB",
        objkey_filter: Value = "all", algorithm: Value = "euristic", exec_mode: Value = "sync",
        save: Value = "yes", display: bool = True, **more: Value,
    ) -> Told:
        """Tell how large this cube is."""
        return self._told("cubesize", locals())

    def cubeelements(
        self, schedule: Value = 0, algorithm: Value = "dim_product", ncores: Value = 1,
        exec_mode: Value = "sync", objkey_filter: Value = "all", save: Value = "yes",
        display: bool = True, **more: Value,
    ) -> Told:
        """Tell how many elements this cube has."""
        return self._told("cubeelements", locals())

    def explore(
        self, schedule: Value = 0, limit_filter: Value = 100, subset_dims: Value = "none",
        subset_filter: Value = "all", time_filter: Value = "yes", subset_type: Value = "index",
        show_index: Value = "no", show_id: Value = "no", show_time: Value = "no",
        level: Value = 1, output_path: Value = "default", output_name: Value = "default",
        cdd: Value = None, base64: Value = "no", ncores: Value = 1, exec_mode: Value = "sync",
        objkey_filter: Value = "all", save: Value = "yes", display: bool = True, **more: Value,
    ) -> Told:
        """Show the values of this cube."""
        return self._told("explore", locals())

    def publish(
        self, content: Value = "all", schedule: Value = 0, show_index: Value = "no",
        show_id: Value = "no", show_time: Value = "no", ncores: Value = 1,
        exec_mode: Value = "sync", objkey_filter: Value = "all", save: Value = "yes",
        display: bool = True, **more: Value,
    ) -> Told:
        """Write a page about this cube."""
        return self._told("publish", locals())

    def unpublish(
        self, exec_mode: Value = "sync", save: Value = "yes", display: bool = False,
        **more: Value,
    ) -> Told:
        """Remove the page of this cube."""
        return self._told("unpublish", locals())

    def delete(
        self, ncores: Value = 1, nthreads: Value = 1, exec_mode: Value = "sync",
        schedule: Value = 0, save: Value = "yes", display: bool = False, **more: Value,
    ) -> Told:
        """Delete this cube; those made from it stay."""
        return self._told("delete", locals())

    def exportfits(
        self, misc: Value = "no", output_path: Value = "default", output_name: Value = "default",
        cdd: Value = None, template_path: Value = "default", force: Value = "no",
        export_metadata: Value = "yes", schedule: Value = 0, exec_mode: Value = "sync",
        ncores: Value = 1, save: Value = "yes", display: bool = False, **more: Value,
    ) -> Told:
        """Write this cube to a FITS file, with its header, WCS and history."""
        return self._told("exportfits", locals())

    def exportnc(
        self, misc: Value = "no", output_path: Value = "default", output_name: Value = "default",
        cdd: Value = None, force: Value = "no", export_metadata: Value = "yes",
        schedule: Value = 0, exec_mode: Value = "sync", ncores: Value = 1, save: Value = "yes",
        display: bool = False, **more: Value,
    ) -> Told:
        """Write NetCDF: Polarnight writes FITS, and says so."""
        return self._told("exportnc", locals())

    def exportnc2(
        self, misc: Value = "no", output_path: Value = "default", output_name: Value = "default",
        cdd: Value = None, force: Value = "no", export_metadata: Value = "yes",
        shuffle: Value = "no", deflate: Value = 0, schedule: Value = 0, exec_mode: Value = "sync",
        ncores: Value = 1, save: Value = "yes", display: bool = False, **more: Value,
    ) -> Told:
        """Write NetCDF: Polarnight writes FITS, and says so."""
        return self._told("exportnc2", locals())

    def to_b2drop(
        self, cdd: Value = None, auth_path: Value = "-", dst_path: Value = "-", ncores: Value = 1,
        export_metadata: Value = "yes", **more: Value,
    ) -> Told:
        """Send this cube to B2DROP: Polarnight does not, and says so."""
        return self._told("to_b2drop", locals())
