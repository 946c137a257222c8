"""Writing files so that a killed run leaves nothing half-written under its final name."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

__all__ = ["atomic_write", "flush_to_disk", "remove_leftovers", "temporary_name"]

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
    temporary = temporary_name(final)
    try:
        yield temporary
        flush_to_disk(temporary)
        temporary.replace(final)
    except BaseException:
        # An interrupt from the keyboard must clean up as well; what went wrong first is
        # what is told.
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    flush_to_disk(final.parent)


def temporary_name(final: Path) -> Path:
    """Return a hidden name beside `final` that no other process takes, and that tells whose it is.

    What lies there when this process has died is what `remove_leftovers` finds.
    """
    owner = f"{_host()}-{os.getpid()}-{secrets.token_hex(4)}"
    start = os.fsdecode(os.fsencode(final.name)[:_LONGEST])
    return final.with_name(f".{start}.{owner}{_SUFFIX}")


def remove_leftovers(directory: str | Path) -> list[Path]:
    """Remove what killed processes of this machine left half-written in a directory.

    Temporary files and directories; those of living processes and of other machines are left alone.

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
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
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


def flush_to_disk(path: Path) -> None:
    """Wait until a file, or the names in a directory, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
