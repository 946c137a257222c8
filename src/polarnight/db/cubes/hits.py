"""What a search for cubes found: numbers, of which objects are only made when looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, overload

__all__ = ["CubeHit", "CubeHits"]


class CubeHit(NamedTuple):
    """A cube that was found; together with a base its PID."""

    container: int
    cube: int


class CubeHits(Sequence[CubeHit]):
    """Cubes that were found, in order.

    Tens of thousands of objects would take longer than the search, so two lists are kept.

    Parameters
    ----------
    containers, cubes : list of int
        Their numbers, as many of one as of the other.
    """

    def __init__(self, containers: list[int], cubes: list[int]) -> None:
        self.containers = containers
        self.cubes = cubes

    @classmethod
    def of(cls, rows: Iterable[tuple[int, int]]) -> CubeHits:
        """Return the hits of pairs (container, cube)."""
        pairs = list(rows)
        return cls([pair[0] for pair in pairs], [pair[1] for pair in pairs])

    def pids(self, base: str) -> list[str]:
        """Return the PIDs of all."""
        heads = {number: f"{base}/{number}/" for number in set(self.containers)}
        return [
            heads[container] + str(cube)
            for container, cube in zip(self.containers, self.cubes, strict=True)
        ]

    def __len__(self) -> int:
        return len(self.cubes)

    @overload
    def __getitem__(self, index: int) -> CubeHit: ...
    @overload
    def __getitem__(self, index: slice) -> CubeHits: ...
    def __getitem__(self, index: int | slice) -> CubeHit | CubeHits:
        if isinstance(index, slice):
            return CubeHits(self.containers[index], self.cubes[index])
        return CubeHit(self.containers[index], self.cubes[index])

    def __iter__(self) -> Iterator[CubeHit]:
        return map(CubeHit, self.containers, self.cubes)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, CubeHits):
            return self.containers == other.containers and self.cubes == other.cubes
        return list(self) == other if isinstance(other, list) else NotImplemented

    def __hash__(self) -> int:
        return hash((tuple(self.containers), tuple(self.cubes)))

    def __repr__(self) -> str:
        shown = ", ".join(f"{hit.container}/{hit.cube}" for hit in self[:5])
        return f"CubeHits({len(self)}: {shown}{', ...' if len(self) > 5 else ''})"
