"""Cubes that are kept: a directory of Zarr stores, each under the key of its recipe."""

from __future__ import annotations

import contextlib
import errno
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from polarnight.cubes.store.files import bytes_of, flush_all, writing
from polarnight.cubes.store.stored import cube_of, description
from polarnight.cubes.store.zarrays import ZarrArray, regular
from polarnight.errors import CubeError
from polarnight.frames.atomic import flush_to_disk, remove_leftovers, temporary_name

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube
    from polarnight.cubes.running.runner import Runner

__all__ = ["CubeStore", "StoredCube"]

_KEY: Final = re.compile(r"[0-9a-f]{16,128}")
_SUFFIX: Final = ".zarr"
_PLANES: Final = ("data", "variance", "bits")


@dataclass(frozen=True, slots=True)
class StoredCube:
    """One entry of a store.

    Attributes
    ----------
    key : str
    path : Path
    size : int
        Bytes on disk.
    modified : float
        Seconds since 1970 when it was finished.
    """

    key: str
    path: Path
    size: int
    modified: float


class CubeStore:
    """Cubes on disk, by key.

    A cube is there whole or not at all: it is written under a name of its own, flushed to
    disk and then renamed. Of several writers of one key the first wins; the others find the
    same cube.

    Parameters
    ----------
    root : str or Path
        Made when the first cube is written; ``datadir/cubes`` of the settings.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def __repr__(self) -> str:
        return f"<CubeStore {self.root}>"

    def path(self, key: str) -> Path:
        """Return the directory of a cube, whether it is there or not.

        Raises
        ------
        CubeError
            Where the key is no key: it must be hexadecimal.
        """
        if not _KEY.fullmatch(key):
            raise CubeError(f"{key!r} is no key of a cube: 16 or more hexadecimal digits")
        return self.root / f"{key}{_SUFFIX}"

    def has(self, key: str) -> bool:
        """Whether a cube was written; what is damaged counts, see `damage`."""
        return (self.path(key) / "zarr.json").is_file()

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.has(key)

    def open(self, key: str) -> Cube:
        """Return a cube; its pixels are read when they are asked for.

        Raises
        ------
        CubeError
            Where it is not there or damaged.
        """
        self._refuse_damaged(key)
        return cube_of(self.path(key), self._read(key))

    def write(self, cube: Cube, runner: Runner | None = None) -> Cube:
        """Compute a cube block by block into the store, and return it as it is read from there.

        What is there already is not computed again; what is damaged there is replaced.

        Parameters
        ----------
        cube : Cube
        runner : Runner, optional
            Where it is computed; threads of this process by default.

        Raises
        ------
        CubeError
            Where the disk is full or the place cannot be written.
        PolarnightError
            As `polarnight.cubes.running.runner.Runner.fill`.
        """
        from polarnight.cubes.running.runner import default_runner

        final = self.path(cube.key)
        if self.has(cube.key) and self.damage(cube.key) is None:
            return self.open(cube.key)
        temporary = temporary_name(final)
        try:
            with writing(self.root):
                self.root.mkdir(parents=True, exist_ok=True)
                self.clean()
            self._fill(cube, temporary, runner or default_runner())
            with writing(self.root):
                flush_all(temporary)
                self._publish(cube.key, temporary, final)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return self.open(cube.key)

    def delete(self, key: str) -> bool:
        """Remove a cube; return whether it was there."""
        path = self.path(key)
        doomed = temporary_name(path)
        try:
            path.rename(doomed)
        except FileNotFoundError:
            return False
        shutil.rmtree(doomed, ignore_errors=True)
        return True

    def size(self, key: str) -> int:
        """Return the bytes of a cube on disk; 0 where it is not there."""
        return bytes_of(self.path(key))

    def keys(self) -> list[str]:
        """Return the keys of all cubes, in order."""
        return [path.name.removesuffix(_SUFFIX) for path in self._paths()]

    def listing(self) -> list[StoredCube]:
        """Return all cubes, the oldest first."""
        found = []
        for path in self._paths():
            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                modified = (path / "zarr.json").stat().st_mtime
                key = path.name.removesuffix(_SUFFIX)
                found.append(StoredCube(key, path, bytes_of(path), modified))
        return sorted(found, key=lambda cube: (cube.modified, cube.key))

    def clean(self) -> list[Path]:
        """Remove what dead writers of this machine left; return what was removed."""
        return remove_leftovers(self.root)

    def damage(self, key: str, *, thorough: bool = False) -> str | None:
        """Return what is wrong with a cube, None for nothing.

        Parameters
        ----------
        key : str
        thorough : bool
            Read every chunk and compare its checksum; by default sizes alone are looked at.
            (Chunks are compared whenever they are read, in any case.)
        """
        path = self.path(key)
        if not (path / "zarr.json").is_file():
            return f"{path} holds no cube (zarr.json is missing)"
        try:
            described = self._read(key)
            for name in described["planes"]:
                array = ZarrArray.from_metadata(path / name, described["planes"][name])
                if found := array.damage():
                    return found
                for number in array.numbers() if thorough else ():
                    array.read(number)
        except CubeError as error:
            return str(error)
        return None

    def _refuse_damaged(self, key: str) -> None:
        if not self.path(key).exists():
            raise CubeError(f"the cube {key} is not in {self.root}; make it again")
        if found := self.damage(key):
            raise CubeError(f"the stored cube {key} is damaged: {found}; delete it, make it again")

    def _read(self, key: str) -> dict[str, Any]:
        path = self.path(key) / "zarr.json"
        try:
            group = json.loads(path.read_bytes())
            described: dict[str, Any] = dict(group["attributes"]["polarnight"])
            arrays = group["consolidated_metadata"]["metadata"]
            described["planes"] = {name: arrays[name] for name in _PLANES if name in arrays}
            if described["key"] != key or "data" not in described["planes"]:
                raise ValueError(described["key"])
            sizes = [dim["size"] for dim in described["dims"]]
            for name, array in described["planes"].items():
                if list(array["shape"]) != sizes:
                    msg = f"{name} has the shape {array['shape']}, the dimensions are {sizes}"
                    raise ValueError(msg)
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise CubeError(f"{path}: cannot be understood: {error!r}") from error
        return described

    def _paths(self) -> Iterator[Path]:
        for path in sorted(self.root.glob(f"*{_SUFFIX}")):
            key = path.name.removesuffix(_SUFFIX)
            if _KEY.fullmatch(key) and (path / "zarr.json").is_file():
                yield path

    def _fill(self, cube: Cube, directory: Path, runner: Runner) -> None:
        """Write a whole store."""
        planes = {name: getattr(cube, name) for name in _PLANES}
        arrays = {name: regular(plane) for name, plane in planes.items() if plane is not None}
        targets = {
            name: ZarrArray(
                str(directory / name),
                tuple(map(int, array.shape)),
                array.dtype.name,
                tuple(max(1, int(size)) for size in array.chunksize),
            )
            for name, array in arrays.items()
        }
        with writing(self.root):
            for target in targets.values():
                target.prepare()
        # An error of the disk in there is of what is read as well.
        runner.fill(list(arrays.values()), list(targets.values()))
        with writing(self.root):
            self._describe(cube, directory, targets)

    def _describe(self, cube: Cube, directory: Path, targets: dict[str, ZarrArray]) -> None:
        """Write what is not pixels; the ``zarr.json`` of the whole comes last."""
        names = [dim.name for dim in cube.dims]
        arrays_metadata: dict[str, Any] = {}
        for name, target in targets.items():
            units = {"units": cube.unit} if cube.unit and name == "data" else {}
            arrays_metadata[name] = target.metadata(names, units)
            text = json.dumps(arrays_metadata[name])
            (directory / name / "zarr.json").write_text(text)
        for dim in cube.dims:
            if dim.values is None or not dim.size or not _plain_name(dim.name):
                continue
            coordinates = np.asarray(dim.coordinates)
            axis = ZarrArray(
                str(directory / dim.name), (dim.size,), coordinates.dtype.name, (dim.size,)
            )
            arrays_metadata[dim.name] = axis.save(coordinates, [dim.name])
        group = {
            "zarr_format": 3,
            "node_type": "group",
            "attributes": {"polarnight": description(cube)},
            "consolidated_metadata": {
                "kind": "inline",
                "must_understand": False,
                "metadata": arrays_metadata,
            },
        }
        (directory / "zarr.json").write_text(json.dumps(group, allow_nan=False))

    def _publish(self, key: str, temporary: Path, final: Path) -> None:
        """Give a finished store its name; another one that is there and whole stays."""
        for _ in range(3):
            try:
                temporary.rename(final)
            except OSError as error:
                if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                    raise
                if self.damage(key) is None:
                    return
                self.delete(key)
            else:
                flush_to_disk(self.root)
                return
        raise CubeError(f"{final}: others write and delete it all the time; try again")


def _plain_name(name: str) -> bool:
    """Whether a coordinate may be a directory of that name beside the planes."""
    return bool(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_ .-]*", name)) and name not in {
        *_PLANES,
        "c",
        "zarr.json",
    }
