"""Methods of the class: jobs, manuals, random cubes, and what only the climate needs."""

# fmt: off
from __future__ import annotations

from typing import Self

from PyOphidia.calls import Calls
from PyOphidia.values import Told, Value

__all__ = ["System"]


class System(Calls):
    """Jobs, sessions, manuals, random cubes, and what Polarnight answers with one line."""

    @classmethod
    def importnc(
        cls, container: Value = "-", cwd: Value = None, exp_dim: Value = "auto",
        host_partition: Value = "auto", imp_dim: Value = "auto", measure: Value = None,
        src_path: Value = None, cdd: Value = None, compressed: Value = "no",
        import_metadata: Value = "yes", ioserver: Value = "mysql_table", ncores: Value = 1,
        nfrag: Value = 0, nhost: Value = 0, subset_dims: Value = "none",
        subset_filter: Value = "all", exec_mode: Value = "sync", run: Value = "yes",
        description: Value = "-", policy: Value = "rr", save: Value = "yes",
        display: bool = False, **more: Value,
    ) -> Self:
        """Import NetCDF: Polarnight reads FITS, and says so."""
        return cls._made("importnc", locals())

    @classmethod
    def importnc2(
        cls, container: Value = "-", cwd: Value = None, exp_dim: Value = "auto",
        host_partition: Value = "auto", imp_dim: Value = "auto", measure: Value = None,
        src_path: Value = None, cdd: Value = None, compressed: Value = "no",
        import_metadata: Value = "yes", ioserver: Value = "ophidiaio_memory", ncores: Value = 1,
        nthreads: Value = 1, nfrag: Value = 0, nhost: Value = 0, subset_dims: Value = "none",
        subset_filter: Value = "all", exec_mode: Value = "sync", run: Value = "yes",
        description: Value = "-", policy: Value = "rr", save: Value = "yes",
        display: bool = False, **more: Value,
    ) -> Self:
        """Import NetCDF: Polarnight reads FITS, and says so."""
        return cls._made("importnc2", locals())

    @classmethod
    def importncs(
        cls, container: Value = "-", cwd: Value = None, exp_dim: Value = "auto",
        host_partition: Value = "auto", imp_dim: Value = "auto", measure: Value = None,
        src_path: Value = None, cdd: Value = None, compressed: Value = "no",
        import_metadata: Value = "yes", ioserver: Value = "ophidiaio_memory", ncores: Value = 1,
        nthreads: Value = 1, nfrag: Value = 0, nhost: Value = 0, subset_dims: Value = "none",
        subset_filter: Value = "all", exec_mode: Value = "sync", run: Value = "yes",
        description: Value = "-", policy: Value = "rr", save: Value = "yes",
        display: bool = False, **more: Value,
    ) -> Self:
        """Import NetCDF: Polarnight reads FITS, and says so."""
        return cls._made("importncs", locals())

    @classmethod
    def randcube(
        cls, ncores: Value = 1, exec_mode: Value = "sync", container: Value = None,
        cwd: Value = None, host_partition: Value = "auto", ioserver: Value = "mysql_table",
        schedule: Value = 0, nhost: Value = 0, run: Value = "yes", nfrag: Value = 1,
        ntuple: Value = 1, measure: Value = None, measure_type: Value = None,
        exp_ndim: Value = None, dim: Value = None, concept_level: Value = "c",
        dim_size: Value = None, compressed: Value = "no", grid: Value = "-",
        description: Value = "-", algorithm: Value = "default", policy: Value = "rr",
        save: Value = "yes", display: bool = False, **more: Value,
    ) -> Self:
        """Make a cube of random numbers."""
        return cls._made("randcube", locals())

    @classmethod
    def randcube2(
        cls, ncores: Value = 1, nthreads: Value = 1, exec_mode: Value = "sync",
        container: Value = None, cwd: Value = None, host_partition: Value = "auto",
        ioserver: Value = "ophidiaio_memory", schedule: Value = 0, nhost: Value = 0,
        run: Value = "yes", nfrag: Value = 1, ntuple: Value = 1, measure: Value = None,
        measure_type: Value = None, exp_ndim: Value = None, dim: Value = None,
        concept_level: Value = "c", dim_size: Value = None, compressed: Value = "no",
        grid: Value = "-", description: Value = "-", algorithm: Value = "default",
        policy: Value = "rr", save: Value = "yes", display: bool = False, **more: Value,
    ) -> Self:
        """Make a cube of random numbers."""
        return cls._made("randcube2", locals())

    @classmethod
    def explorenc(
        cls, exec_mode: Value = "sync", schedule: Value = 0, measure: Value = "-",
        src_path: Value = None, cdd: Value = None, exp_dim: Value = "-", imp_dim: Value = "-",
        subset_dims: Value = "none", subset_type: Value = "index", subset_filter: Value = "all",
        limit_filter: Value = 100, show_index: Value = "no", show_id: Value = "no",
        show_time: Value = "no", level: Value = 1, objkey_filter: Value = "all",
        save: Value = "yes", display: bool = True, **more: Value,
    ) -> Told:
        """Look into a NetCDF file: Polarnight reads FITS, and says so."""
        return cls._told("explorenc", locals())

    @classmethod
    def hierarchy(
        cls, hierarchy: Value = "all", hierarchy_version: Value = "latest",
        exec_mode: Value = "sync", objkey_filter: Value = "all", save: Value = "yes",
        display: bool = True, **more: Value,
    ) -> Told:
        """Show a hierarchy of concepts of the climate."""
        return cls._told("hierarchy", locals())

    @classmethod
    def showgrid(
        cls, container: Value = None, grid: Value = "all", dim: Value = "all",
        show_index: Value = "no", cwd: Value = None, exec_mode: Value = "sync",
        objkey_filter: Value = "all", save: Value = "yes", display: bool = True, **more: Value,
    ) -> Told:
        """Show the grids of a container."""
        return cls._told("showgrid", locals())

    @classmethod
    def tasks(
        cls, cube_filter: Value = "all", operator_filter: Value = "all", path: Value = "-",
        cwd: Value = None, recursive: Value = "no", container: Value = "all",
        exec_mode: Value = "sync", objkey_filter: Value = "all", save: Value = "yes",
        display: bool = True, **more: Value,
    ) -> Told:
        """List what was done to cubes."""
        return cls._told("tasks", locals())

    @classmethod
    def instances(
        cls, action: Value = "read", level: Value = 1, host_filter: Value = "all",
        nhost: Value = 0, host_partition: Value = "all", ioserver_filter: Value = "all",
        host_status: Value = "all", exec_mode: Value = "sync", objkey_filter: Value = "all",
        save: Value = "yes", display: bool = True, **more: Value,
    ) -> Told:
        """Show where the engine runs."""
        return cls._told("instances", locals())

    @classmethod
    def cluster(
        cls, action: Value = "info", nhost: Value = 0, host_partition: Value = "all",
        host_type: Value = "io", user_filter: Value = "all", exec_mode: Value = "sync",
        save: Value = "yes", display: bool = False, **more: Value,
    ) -> Told:
        """Handle a cluster of I/O servers: Polarnight has none, and says so."""
        return cls._told("cluster", locals())

    @classmethod
    def cancel(
        cls, id: Value = None, type: Value = "kill", objkey_filter: Value = "all",
        save: Value = "yes", display: bool = False, **more: Value,
    ) -> Told:
        """Stop a job or a workflow."""
        return cls._told("cancel", locals())

    @classmethod
    def service(
        cls, status: Value = "", level: Value = 1, enable: Value = "none",
        disable: Value = "none", objkey_filter: Value = "all", save: Value = "yes",
        display: bool = True, **more: Value,
    ) -> Told:
        """Show what the server is doing."""
        return cls._told("service", locals())

    @classmethod
    def get_config(
        cls, key: Value = "all", objkey_filter: Value = "all", save: Value = "yes",
        display: bool = True, **more: Value,
    ) -> Told:
        """Show what the server is configured with."""
        return cls._told("get_config", locals())

    @classmethod
    def manage_session(
        cls, action: Value = None, session: Value = "this", key: Value = "user",
        value: Value = "null", objkey_filter: Value = "all", save: Value = "yes",
        display: bool = True, **more: Value,
    ) -> Told:
        """List, make or share sessions."""
        return cls._told("manage_session", locals())

    @classmethod
    def log_info(
        cls, log_type: Value = "server", container_id: Value = 0, ioserver: Value = "mysql",
        nlines: Value = 10, exec_mode: Value = "sync", objkey_filter: Value = "all",
        save: Value = "yes", display: bool = True, **more: Value,
    ) -> Told:
        """Show the last lines of a log."""
        return cls._told("log_info", locals())

    @classmethod
    def loggingbk(
        cls, session_level: Value = 0, job_level: Value = 0, mask: Value = "000",
        session_filter: Value = "all", session_label_filter: Value = "all",
        session_creation_filter: Value = "1900-01-01 00:00:00,2100-01-01 00:00:00",
        workflowid_filter: Value = "all", markerid_filter: Value = "all",
        parent_job_filter: Value = "all",
        job_creation_filter: Value = "1900-01-01 00:00:00,2100-01-01 00:00:00",
        job_status_filter: Value = "all", submission_string_filter: Value = "all",
        job_start_filter: Value = "1900-01-01 00:00:00,2100-01-01 00:00:00",
        job_end_filter: Value = "1900-01-01 00:00:00,2100-01-01 00:00:00", nlines: Value = 100,
        objkey_filter: Value = "all", exec_mode: Value = "sync", save: Value = "yes",
        display: bool = True, **more: Value,
    ) -> Told:
        """List sessions and jobs."""
        return cls._told("loggingbk", locals())

    @classmethod
    def wait(
        cls, type: Value = "clock", timeout: Value = 1, timeout_type: Value = "duration",
        key: Value = "-", value: Value = "-", filename: Value = "-", fileref: Value = "-",
        measure: Value = "-", cdd: Value = None, message: Value = "-", run: Value = "yes",
        exec_mode: Value = "sync", save: Value = "yes", display: bool = True, **more: Value,
    ) -> Told:
        """Wait for some time, or for a file."""
        return cls._told("wait", locals())

    @classmethod
    def operators(
        cls, operator_filter: Value = "all", limit_filter: Value = 0, exec_mode: Value = "sync",
        objkey_filter: Value = "all", save: Value = "yes", display: bool = True, **more: Value,
    ) -> Told:
        """List the operators."""
        return cls._told("operators", locals())

    @classmethod
    def primitives(
        cls, level: Value = 1, limit_filter: Value = 0, primitive_filter: Value = "all",
        primitive_type: Value = "all", return_type: Value = "all", exec_mode: Value = "sync",
        objkey_filter: Value = "all", save: Value = "yes", display: bool = True, **more: Value,
    ) -> Told:
        """List the primitives of `apply`."""
        return cls._told("primitives", locals())

    @classmethod
    def man(
        cls, function: Value = None, function_type: Value = "operator",
        function_version: Value = "latest", exec_mode: Value = "sync",
        objkey_filter: Value = "all", save: Value = "yes", display: bool = True, **more: Value,
    ) -> Told:
        """Show the manual of an operator or a primitive."""
        return cls._told("man", locals())

    @classmethod
    def resume(
        cls, id: Value = 0, id_type: Value = "workflow", document_type: Value = "response",
        level: Value = 1, user: Value = "", status_filter: Value = "11111111",
        save: Value = "yes", session: Value = "this", objkey_filter: Value = "all",
        execute: Value = "no", checkpoint: Value = "all", display: bool = True, **more: Value,
    ) -> Told:
        """Show former commands and their answers, or run one again."""
        return cls._told("resume", locals())

    @classmethod
    def b2drop(
        cls, action: Value = "put", auth_path: Value = "-", src_path: Value = None,
        dst_path: Value = "-", cdd: Value = None, exec_mode: Value = "sync", save: Value = "yes",
        display: bool = False, **more: Value,
    ) -> Told:
        """Send files to B2DROP: Polarnight does not, and says so."""
        return cls._told("b2drop", locals())
