"""From lazy arrays to a graph of tasks whose last ones put every block in its place."""

from __future__ import annotations

import functools
import itertools
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias
from uuid import uuid4

import numpy as np

from polarnight.cubes.running.bands import banded
from polarnight.errors import CubeError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "ArrayTarget",
    "Block",
    "Elsewhere",
    "FileTarget",
    "Target",
    "check_shapes",
    "in_blocks",
    "largest_block",
    "output_blocks",
    "write_graph",
]

Region: TypeAlias = "tuple[slice, ...]"

# Arrays that tasks may carry with them to other processes.
_SMALL: Final = 1 << 14


class Target(Protocol):
    """Where the blocks of an array go."""

    @property
    def anywhere(self) -> bool:
        """Whether other processes of this machine may write; it is then sent to them."""

    def write(self, region: Region, block: npt.NDArray[Any]) -> None:
        """Put a block in its place.

        May be called twice for the same region where a worker died, with the same block.
        """


class Elsewhere(Protocol):
    """Other processes that run a graph."""

    @property
    def can_write(self) -> bool:
        """Whether they see the files of this machine."""

    def sent(self, data: npt.NDArray[Any]) -> Any:
        """Return the task that has an array of this process there."""


class ArrayTarget:
    """An array in the memory of this process."""

    anywhere = False

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.array: npt.NDArray[Any] = np.empty(shape, dtype)

    def write(self, region: Region, block: npt.NDArray[Any]) -> None:
        """Copy a block."""
        self.array[region] = block


@dataclass(frozen=True, slots=True)
class FileTarget:
    """An array in a file that processes of this machine share.

    Parameters
    ----------
    path : str
    shape : tuple of int
    dtype : numpy.dtype
    """

    path: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    anywhere = True

    def prepare(self) -> npt.NDArray[Any]:
        """Make the file, and return the array in it, as others fill it.

        Raises
        ------
        OSError
            Where the disk is full.
        """
        size = max(1, math.prod(self.shape) * self.dtype.itemsize)
        with Path(self.path).open("wb") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
        return self._open()

    def _open(self) -> npt.NDArray[Any]:
        if 0 in self.shape:
            return np.empty(self.shape, self.dtype)
        # A plain array: what is made of it knows nothing of files.
        return np.asarray(np.memmap(self.path, self.dtype, "r+", shape=self.shape or (1,))).reshape(
            self.shape
        )

    def write(self, region: Region, block: npt.NDArray[Any]) -> None:
        """Copy a block."""
        if not region or block.shape[1:] != self.shape[1:]:
            self._open()[region] = block
            return
        # Whole rows lie together: they are written quicker than a map of the file is made.
        data = np.ascontiguousarray(block, self.dtype).reshape(-1).view(np.uint8).data
        position = region[0].start * math.prod(self.shape[1:]) * self.dtype.itemsize
        with Path(self.path).open("r+b", buffering=0) as file:
            while data:
                done = os.pwrite(file.fileno(), data, position)
                data, position = data[done:], position + done


@dataclass(frozen=True, slots=True)
class Block:
    """A block of an array that is wanted: its key in the graph, target and place."""

    key: Any
    target: Target
    region: Region


def in_blocks(array: npt.NDArray[Any], chunks: tuple[tuple[int, ...], ...]) -> Any:
    """Return a dask array of an array that nobody will change: without a copy of it."""
    from polarnight.cubes.running.light import da

    name = f"memory-{uuid4().hex}"
    numbers = itertools.product(*(range(len(sizes)) for sizes in chunks))
    regions = da.core.slices_from_chunks(chunks)
    layer = {
        (name, *number): array[region] for number, region in zip(numbers, regions, strict=True)
    }
    return da.Array(layer, name, chunks, dtype=array.dtype)


def check_shapes(arrays: Sequence[Any]) -> None:
    """Refuse arrays whose shape is not known before they are computed.

    Raises
    ------
    CubeError
    """
    for array in arrays:
        if any(np.isnan(size) for size in array.shape):
            raise CubeError(
                f"the shape {array.shape} of a lazy array is not known; compute its chunk sizes"
            )


def output_blocks(arrays: Sequence[Any], targets: Sequence[Target]) -> list[list[Block]]:
    """Return the blocks of dask arrays, array by array, in row-major order; empty ones not."""
    from dask.array.core import slices_from_chunks
    from dask.core import flatten

    found = []
    for array, target in zip(arrays, targets, strict=True):
        keys = flatten(array.__dask_keys__())
        regions = slices_from_chunks(array.chunks)
        found.append(
            [
                Block(key, target, region)
                for key, region in zip(keys, regions, strict=True)
                if all(part.stop > part.start for part in region)
            ]
        )
    return found


def write_graph(
    arrays: Sequence[Any], blocks: list[list[Block]], elsewhere: Elsewhere | None = None
) -> tuple[dict[Any, Any], list[list[Any]]]:
    """Return one graph for all arrays, and the keys of its last tasks.

    Parameters
    ----------
    arrays : sequence of dask.array.Array
    blocks : list of list of Block
        From `output_blocks`.
    elsewhere : Elsewhere, optional
        Other processes that run it; this process by default.

    Returns
    -------
    graph : dict
    keys : list of list
        Shaped like `blocks`; where other processes may not write, of the tasks whose results
        are the blocks.
    """
    from dask.array.optimization import optimize
    from dask.blockwise import optimize_blockwise
    from dask.highlevelgraph import HighLevelGraph
    from dask.utils import ensure_dict

    # Never the same name twice: a cluster takes tasks of one name for one, and what was
    # written by somebody else is not written here.
    name = f"write-{uuid4().hex}"
    layer: dict[Any, Any] = {}
    keys: list[list[Any]] = []
    for number, of_array in enumerate(blocks):
        keys.append([])
        for place, block in enumerate(of_array):
            key = block.key
            if elsewhere is None or (elsewhere.can_write and block.target.anywhere):
                key = (name, number, place)
                write = functools.partial(_write, block.target, block.region)
                layer[key] = (write, block.key)
            keys[-1].append(key)
    graph = HighLevelGraph.from_collections(name, layer, dependencies=list(arrays))
    wanted = [key for some in keys for key in some]
    if elsewhere is None:
        # Making one task of several would cost more here than it saves.
        return ensure_dict(graph.cull(set(wanted))), keys
    # Elsewhere each task costs a message.
    tasks = ensure_dict(optimize_blockwise(graph, keys=wanted).cull(set(wanted)))
    for key, task in tasks.items():
        data = getattr(task, "value", task)
        if isinstance(data, np.ndarray) and data.nbytes > _SMALL:
            tasks[key] = elsewhere.sent(data)
    if elsewhere.can_write and len(layer) == len(wanted):
        return banded(tasks, keys, f"band-{name}")
    return dict(optimize(tasks, wanted)), keys


def _write(target: Target, region: Region, block: Any) -> None:
    target.write(region, np.asarray(block))


def largest_block(arrays: Sequence[Any]) -> int:
    """Return the bytes of the largest block of dask arrays and of all they are made from."""
    largest = 0
    for array in arrays:
        sizes = [(array.chunksize, array.dtype)]
        for layer in array.__dask_graph__().layers.values():
            notes = layer.collection_annotations or {}
            if notes.get("chunksize") is not None and notes.get("dtype") is not None:
                sizes.append((notes["chunksize"], notes["dtype"]))
        for chunk, dtype in sizes:
            if all(isinstance(size, int | np.integer) for size in chunk):
                largest = max(largest, int(np.prod(chunk, dtype=np.int64)) * dtype.itemsize)
    return largest
