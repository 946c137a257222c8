"""The calibration tutorial of 2017: its night, its commands, and the calls of its notebook.

The calls follow the description of the notebook section by section: the same operators, names,
arguments and parsing of ``Cube.client.last_response``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from polarnight.simulation import read_truth, simulate_night

PLACE = "data/INDIGO-FITS/fits-raw"
FILTERS = {"B": "B_JOHN_10", "V": "V_JOHN_11", "R": "R_JOHN_12"}
NIGHT = {"size": 160, "n_bias": 5, "n_flats": 3, "n_photometry": 3, "n_stars": 6}
FRAME = "LRS.2016-06-06T20-30-03.925.fits"


@dataclass
class Night:
    """The raw frames of the tutorial in the data repository of a data directory."""

    directory: Path
    truth: dict[str, Any]
    scene: dict[str, Path] = field(default_factory=dict)

    def names(self, kind: str, band: str = "") -> list[str]:
        """Return the files of a kind (BIAS, FLAT, LIGHT), in order of time."""
        return [
            f["filename"]
            for f in self.truth["frames"]
            if f["imgtype"] == kind and (not band or f["band"] == band)
        ]

    def stack(self, kind: str, band: str = "") -> np.ndarray:
        """Return the frames of a kind, the first axis along them."""
        paths = [self.directory / name for name in self.names(kind, band)]
        return np.array([fits.getdata(path) for path in paths])

    def median(self, kind: str, band: str = "") -> np.ndarray:
        """Return their median in double precision, rounded once to single."""
        return np.median(self.stack(kind, band).astype(np.float64), axis=0).astype(np.float32)


def make_night(datadir: Path, seed: int = 16, **options: Any) -> Night:
    """Simulate the night where the tutorial looks for it."""
    directory = datadir / "raw" / PLACE
    made = simulate_night(
        "DOLORES", "2016-06-06", seed, datadir.parent / "simulated", scenario="galaxy",
        **(NIGHT | options),
    )  # fmt: skip
    directory.parent.mkdir(parents=True)
    (made.parent / "2016-06-06").rename(directory)
    scene = {band: made.parent / f"2016-06-06.galaxy-{band}.fits" for band in FILTERS}
    return Night(directory, read_truth(made), scene)


COMMANDS = (
    "pdd",
    "lsd",
    "oph_createcontainer container=FITS2;dim=NAXIS2|NAXIS1;dim_type=int|int;",
    f"oph importfits src path=[path=/{PLACE};\n"
    f"file={FRAME}];measure=mymeasure;\n"
    "exp dim=NAXIS1;imp dim=NAXIS2;container=FITS2",
    "ll",
    "oph_metadata mode=read;cube=<PID>;",
    "oph_metadata mode=read;cube=<PID>;\n"
    "metadata_key=FLT_ID;metadata_type=text;metadata_value=test_text;",
    "oph_delete cube=<PID>",
    "oph_deletecontainer container=FITS2;",
)
"""What the tutorial has its readers type, with its broken lines and lost underscores."""


def import_all(cube: Any) -> None:
    """Section II: import every frame of the night."""
    cube.Cube.client.submit(
        f"oph_importfits src_path=[path=/{PLACE}/;file=*.fits];measure=mymeasure;"
        "exec_mode=sync;exp_dim=NAXIS1;imp_dim=NAXIS2;import_metadata=yes;"
        "ndbms=1;ndb=1;nfrag=10;ncores=2;container=FITS2"
    )


def found(cube: Any, key: str, value: str) -> list[str]:
    """Search as the notebook does: PIDs out of the JSON of the last response."""
    cube.Cube.search(
        metadata_key_filter=key, metadata_value_filter=value, exec_mode="sync", display=False
    )
    told = json.loads(cube.Cube.client.last_response)
    rows = told["response"][0]["objcontent"][0]["rowvalues"]
    assert rows, "the notebook would end the kernel here"
    return [row[0] for row in rows]


def both(cube: Any, filter_name: str, kind: str) -> str:
    """Sections IV to IX: two searches, intersected in Python, joined with pipes."""
    flt, obs = found(cube, "FLT_ID", filter_name), found(cube, "OBS_TYPE", kind)
    return "|".join(set(flt) & set(obs))


def median(cube: Any, pids: str, name: str) -> Any:
    """Sections III, X and XI: stack along z, and the median along it."""
    merged = cube.Cube.mergecubes2(
        cubes=pids, ncores=2, description=f"{name}_merged", container="FITS2",
        exec_mode="sync", dim="z",
    )  # fmt: skip
    return merged.reduce2(
        description=f"{name}_reduced", operation="quantile", order=0.5, dim="z", ncores=2
    )


def run_notebook(cube: Any, output: str, *, overwrite_bias: bool = True) -> dict[str, Any]:
    """Sections II to XV.

    Parameters
    ----------
    cube : module
        `PyOphidia.cube`, its client set.
    output : str
        Where the last section exports to.
    overwrite_bias : bool
        Whether section XIII keeps the flat of B less its bias in the variable of the bias, as
        the published notebook does.

    Returns
    -------
    dict of str to Cube
        ``bias``, and for each band ``flat_B``, ``science_B``, ``net_flat_B``, ``net_science_B``
        and ``result_B``.
    """
    made: dict[str, Any] = {}
    import_all(cube)
    bias = median(cube, "|".join(found(cube, "FLT_ID", "OPEN")), "OPEN")
    made["bias"] = bias
    flats = {band: both(cube, name, "FLAT") for band, name in FILTERS.items()}
    science = {band: both(cube, name, "OBJECT") for band, name in FILTERS.items()}
    for band, pids in flats.items():
        made[f"flat_{band}"] = median(cube, pids, FILTERS[band])
    for band, pids in science.items():
        made[f"science_{band}"] = median(cube, pids, f"{FILTERS[band]}_science")
    how = {"ncores": 2, "container": "FITS2", "exec_mode": "sync"}
    for n, band in enumerate(FILTERS, 1):
        made[f"net_science_{band}"] = made[f"science_{band}"].intercube(
            cube2=bias.pid, description=f"science_minus_bias{n}", operation="sub", **how
        )
    for n, band in enumerate(FILTERS, 1):
        net = made[f"flat_{band}"].intercube(
            cube2=bias.pid, description=f"flat_minus_bias{n}", operation="sub", **how
        )
        made[f"net_flat_{band}"] = net
        if band == "B" and overwrite_bias:
            bias = net
    for n, band in enumerate(FILTERS, 1):
        made[f"result_{band}"] = made[f"net_science_{band}"].intercube(
            cube2=made[f"net_flat_{band}"].pid, description=f"science_div_flat{n}",
            operation="div", **how,
        )  # fmt: skip
    cube.Cube.client.submit(
        "oph_exportfits export_metadata=no;force=yes;output_name=final_file;"
        f"output_path={output};ncores=1"
    )
    return made


def values(made: Any) -> np.ndarray:
    """Return the pixels of a cube as astropy has them, rows first."""
    cube = made.to_cube()
    order = sorted((dim.name for dim in cube.dims), reverse=True)
    return np.asarray(cube.transpose(*order).numpy())
