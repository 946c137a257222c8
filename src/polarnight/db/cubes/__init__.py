"""The catalogue of cubes: sessions, folders, containers, cubes, cards, search, provenance.

It knows names, numbers and recipes, and no pixels. `CubeCatalogue` is the door; cubes are
handed in as `CubeDescription`.
"""

from polarnight.db.cubes.catalogue import CubeCatalogue
from polarnight.db.cubes.description import CubeDescription, DimensionDescription
from polarnight.db.cubes.pids import cube_number, format_pid, parse_pid, parse_subset

__all__ = [
    "CubeCatalogue",
    "CubeDescription",
    "DimensionDescription",
    "cube_number",
    "format_pid",
    "parse_pid",
    "parse_subset",
]
