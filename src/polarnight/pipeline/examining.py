"""Reading raw files: what their headers say, whether they are whole, their checksums."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from polarnight.frames import FrameInfo, content_key, read_raw
from polarnight.instruments import classify_file
from polarnight.pipeline.executor import Outcome, Task, WorkPool
from polarnight.pipeline.files import check_name
from polarnight.progress import track

if TYPE_CHECKING:
    from polarnight.config import Settings

__all__ = ["Examined", "examine", "examine_again", "examine_all"]

# What a frame costs one process, and what it has to cost before others are worth their start,
# which takes more than a second.
_HEADER_SECONDS = 0.005
_BYTES_PER_SECOND = 2e8
_POOL_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Examined:
    """A raw file that was read and understood."""

    path: Path
    info: FrameInfo
    content_key: str
    size_bytes: int
    mtime_ns: int

    @property
    def night(self) -> str:
        """Such as ``OSN-T090/2024-04-08``."""
        return f"{self.info.telescope}/{self.info.night}"


def examine(path: Path) -> Examined:
    """Classify a raw file, read all its pixels once, and take its checksum.

    Raises
    ------
    BadFrame
        Where the file is truncated or its header cannot be understood.
    """
    check_name(path)
    info = classify_file(path)
    # The header of a file cut short is fine; better found here than in the night's run.
    read_raw(path)
    state = path.stat()
    return Examined(path, info, content_key(path), state.st_size, state.st_mtime_ns)


def examine_again(path: Path, known_key: str) -> Examined:
    """Classify a raw file anew that was read before and has not changed: its header is enough.

    Parameters
    ----------
    path : Path
    known_key : str
        Its checksum.

    Raises
    ------
    BadFrame
        Where its header cannot be understood any more.
    """
    info = classify_file(path)
    state = path.stat()
    return Examined(path, info, known_key, state.st_size, state.st_mtime_ns)


def examine_all(files: Sequence[Path], settings: Settings, quiet: bool) -> Iterable[Outcome]:
    """Examine files, in other processes where that is worth it."""
    tasks = [Task(path, examine, (path,)) for path in files]
    processes = settings.workers if _seconds(files) > _POOL_SECONDS else 1
    with WorkPool("local", processes) as pool:
        yield from track(pool.run(tasks), len(tasks), "reading files", quiet=quiet)


def _seconds(files: Iterable[Path]) -> float:
    """Return how long this process alone takes to examine files, roughly."""
    sizes = [path.stat().st_size for path in files if path.is_file()]
    return len(sizes) * _HEADER_SECONDS + sum(sizes) / _BYTES_PER_SECOND
