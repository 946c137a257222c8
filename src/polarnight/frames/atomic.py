"""Writing files so that a killed run leaves nothing half-written under its final name."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

__all__ = ["atomic_write", "remove_leftovers"]

_SUFFIX = ".part"
_LONGEST = 180  # bytes of the final name that are repeated; file systems take 255 in all


@contextlib.contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Give a temporary path that becomes `path` when the block ends well.

    The temporary file lies in the same directory, so that the final rename is atomic. The
    content is flushed to disk before the rename and the directory after it. Where the block
    raises, the temporary file is removed and `path` stays as it was.

    Parameters
    ----------
    path : str or Path
        The final name; missing parent directories are made.

    Yields
    ------
    Path
        Where to write.

    Raises
    ------
    OSError
        Where the disk is full or the place cannot be written; `path` is then untouched.
    FileNotFoundError
        Where the block ended without having written the temporary file.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    owner = f"{_host()}-{os.getpid()}-{secrets.token_hex(4)}"
    start = os.fsdecode(os.fsencode(final.name)[:_LONGEST])
    temporary = final.with_name(f".{start}.{owner}{_SUFFIX}")
    try:
        yield temporary
        _flush_to_disk(temporary)
        temporary.replace(final)
    except BaseException:
        # An interrupt from the keyboard must clean up as well; what went wrong first is
        # what is told.
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    _flush_to_disk(final.parent)


def remove_leftovers(directory: str | Path) -> list[Path]:
    """Remove temporary files that killed processes of this machine left in a directory.

    Files of living processes and of other machines are left alone.

    Parameters
    ----------
    directory : str or Path
        Not searched recursively.

    Returns
    -------
    list of Path
        What was removed.
    """
    removed = []
    for leftover in sorted(Path(directory).glob(f".*{_SUFFIX}")):
        host, _, rest = leftover.name.removesuffix(_SUFFIX).rpartition(".")[2].partition("-")
        pid = rest.partition("-")[0]
        if host != _host() or not pid.isdigit() or _is_alive(int(pid)):
            continue
        leftover.unlink(missing_ok=True)
        removed.append(leftover)
    return removed


def _host() -> str:
    # Neither separator of the temporary name may occur in the name of the machine.
    return "".join(c if c.isalnum() else "_" for c in socket.gethostname())


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _flush_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
