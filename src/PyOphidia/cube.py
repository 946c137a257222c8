"""The cube: everything that can be done with one, and with several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from PyOphidia.arrays import Arrays
from PyOphidia.client import Client
from PyOphidia.making import Making
from PyOphidia.shared import Shared
from PyOphidia.showing import Showing
from PyOphidia.system import System
from PyOphidia.telling import Telling

if TYPE_CHECKING:
    from PyOphidia.calls import Value

__all__ = ["Cube"]

Imported: TypeAlias = "Cube | list[Cube] | None"


class Cube(Showing, Arrays, Making, Telling, Shared, System):
    """A cube of the engine.

    Parameters
    ----------
    src_path : str, optional
        FITS file to import, with any argument of `importfits`.
    pid : str, optional
        Of a cube that is there already.

    Attributes
    ----------
    client : Client
        Shared by all cubes, see `setclient`.
    pid : str
    creation_date, measure, measure_type, level, nfragments, source_file, hostxcube, fragxdb
        As `info` found them; None before.
    rowsxfrag, elementsxrow, compressed, size, nelements, dim_info
        The same.

    Notes
    -----
    Arguments are those of the operators; ``Cube.man("oph_reduce2")`` explains them. Where one is
    a cube or several, `Cube` objects, PIDs and sequences of them are taken. Methods that make a
    cube print its PID and return it; those that tell something print it, or return the answer
    as a dict with ``display=False``. All raise RuntimeError where the operator fails.
    """

    def __init__(
        self, container: Value = "-", *, src_path: Value = None, pid: str | None = None,
        **arguments: Any,
    ) -> None:  # fmt: skip
        self.pid = str(pid) if pid is not None else None
        if pid is not None or src_path is None:
            return
        made = self.importfits(container=container, src_path=src_path, **arguments)
        if not isinstance(made, Cube):
            msg = f"{src_path!r} is more than one file; import them with Cube.importfits"
            raise RuntimeError(msg)
        self.pid = made.pid

    @classmethod
    def setclient(
        cls, username: str = "", password: str = "", server: str = "", port: str = "",
        token: str = "", read_env: bool = False, api_mode: bool = True,
        project: str | None = None,
    ) -> None:  # fmt: skip
        """Connect all cubes; server ``""`` or ``"local"`` is the engine in this process.

        Raises
        ------
        RuntimeError
            Where another server is named.
        """
        Cube.client = Client(
            username, password, server, port, token, read_env, api_mode, project=project
        )

    @classmethod
    def importfits(
        cls, container: Value = "-", cwd: Value = None, exp_dim: Value = "auto",
        host_partition: Value = "auto", imp_dim: Value = "auto", measure: Value = "image",
        src_path: Any = None, cdd: Value = None, compressed: Value = "no", hdu: Value = 1,
        import_metadata: Value = "yes", ioserver: Value = "mysql_table", ncores: Value = 1,
        nfrag: Value = 0, nhost: Value = 0, subset_dims: Value = "none",
        subset_filter: Value = "all", exec_mode: Value = "sync", run: Value = "yes",
        description: Value = "-", policy: Value = "rr", save: Value = "yes",
        display: bool = False, **more: Value,
    ) -> Imported:  # fmt: skip
        """Import FITS images; nothing is copied until it is needed.

        Parameters
        ----------
        src_path : str or sequence of str
            A file, several, or a filter such as ``[path=/night;file=*.fits]``.
        **more
            All others are those of ``oph_importfits``.

        Returns
        -------
        Cube or list of Cube or None
            A list for several files or a filter; None with ``run="no"``.
        """
        several = not isinstance(src_path, str) or src_path.startswith("[") or "|" in src_path
        client = cls._submit("importfits", locals())
        made = [Cube(pid=pid) for pid in client.made_cubes()]
        if not several and made:
            print(f"New cube is {made[-1].pid}")
            return made[-1]
        return made or None

    @classmethod
    def script(
        cls, script: Any = ":", args: Value = " ", stdout: Value = "stdout",
        stderr: Value = "stderr", ncores: Value = 1, exec_mode: Value = "sync",
        list: Value = "no", space: Value = "no", python_code: bool = False,
        objkey_filter: Value = "all", save: Value = "yes", display: bool = False, **more: Value,
    ) -> Any:  # fmt: skip
        """Run a registered script, or with `python_code` a function of Python.

        The function is called here, with the parts of `args` as texts; what it returns comes
        back.
        """
        if python_code:
            return script(*(part for part in str(args).strip().split("|") if part))
        return cls._told("script", locals())
