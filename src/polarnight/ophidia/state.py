"""Where a client is: its session, folders and last cube."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["State"]


@dataclass
class State:
    """What a client fills into commands and what answers change.

    Attributes
    ----------
    session : str
        URL of the session, ``""`` before the first command.
    cwd, cdd : str
        The folder and the data directory.
    cube : str
        PID of the last cube, ``""`` where there is none.
    exec_mode : str
    ncores, nthreads : int
    host_partition, project : str
    strict : bool
        Whether arguments that are not known are refused.
    """

    session: str = ""
    cwd: str = "/"
    cdd: str = "/"
    cube: str = ""
    exec_mode: str = "sync"
    ncores: int = 1
    nthreads: int = 1
    host_partition: str = "auto"
    project: str = ""
    strict: bool = False
