"""The recipes of master biases, darks and flats, and the worker that runs them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from polarnight.calibration import MasterResult, MasterRules
from polarnight.calibration.combining import Stacked
from polarnight.calibration.comparison import flat_ratio
from polarnight.calibration.loading import load_master
from polarnight.calibration.master_file import write_master
from polarnight.calibration.master_keys import MASTER_VERSION
from polarnight.calibration.masters import (
    MasterGroup,
    SelectedFrames,
    combine_frames,
    mark_defects,
    select_frames,
)
from polarnight.errors import BadFrame
from polarnight.frames import Frame, FrameInfo, ImageType, StageRecord, content_key
from polarnight.instruments import get_instrument
from polarnight.pipeline.recipes.stage import Product, Recipe, Stage, parameter

__all__ = [
    "BiasDefects",
    "Combine",
    "DarkDefects",
    "FlatDefects",
    "MasterJob",
    "MasterOutcome",
    "SelectFlats",
    "SelectLevels",
    "master_recipe",
    "run_master",
]

_SIGMA = "robust sigma"


@dataclass(frozen=True)
class _MasterStage(Stage):
    """A stage whose parameters are some of the rules of masters, under the same names."""

    @property
    def rules(self) -> MasterRules:
        """The rules that the parameters are."""
        return MasterRules(**self.parameters())


@dataclass(frozen=True)
class SelectLevels(_MasterStage):
    """The level and the noise of every frame from a sample of its pixels; frames that differ from
    the others are left out.
    """

    name: ClassVar[str] = "select"
    version: ClassVar[str] = MASTER_VERSION
    reads: ClassVar[tuple[str, ...]] = ("group",)
    writes: ClassVar[tuple[str, ...]] = ("frames",)

    level_nsigma: float = parameter(
        5.0, "a frame whose level is farther from the others is left out", _SIGMA, above=0.0
    )

    def run(self, product: Product) -> Product:
        """Choose the frames."""
        return product.with_values(frames=select_frames(product["group"], self.rules))


@dataclass(frozen=True)
class SelectFlats(_MasterStage):
    """The level and the large-scale structure of every flat after bias and dark; flats that are
    too faint, saturated or odd are left out.
    """

    name: ClassVar[str] = "select"
    version: ClassVar[str] = MASTER_VERSION
    reads: ClassVar[tuple[str, ...]] = ("group",)
    writes: ClassVar[tuple[str, ...]] = ("frames",)

    flat_min_level: float = parameter(500.0, "least level above bias", "ADU", least=0.0)
    flat_max_saturated: float = parameter(
        0.01, "largest fraction of saturated pixels", least=0.0, most=1.0
    )
    flat_max_structure: float = parameter(
        0.05, "largest difference of the structure from that of the others, as a fraction",
        above=0.0,
    )  # fmt: skip

    def run(self, product: Product) -> Product:
        """Choose the flats."""
        return product.with_values(frames=select_frames(product["group"], self.rules))


@dataclass(frozen=True)
class Combine(_MasterStage):
    """Bias and dark subtracted (a flat also divided by its own level); the frames combined pixel
    by pixel, and the variance of the combination from noise and scatter.
    """

    name: ClassVar[str] = "combine"
    version: ClassVar[str] = MASTER_VERSION
    reads: ClassVar[tuple[str, ...]] = ("group", "frames")
    writes: ClassVar[tuple[str, ...]] = ("stacked",)

    method: str = parameter(
        "clipped_mean", "how the frames are combined",
        choices=("median", "mean", "clipped_mean", "clipped_median"), setting="calibration.combine",
    )  # fmt: skip
    min_clip: int = parameter(5, "of fewer frames the median is taken, of two the mean", least=1)
    nsigma: float = parameter(
        4.0, "limit of clipping", _SIGMA, above=0.0, setting="calibration.nsigma"
    )
    max_iterations: int = parameter(
        5, "rounds of clipping at most", least=0, setting="calibration.max_iterations"
    )
    recommended_frames: int = parameter(
        5, "a master of fewer frames is made with a warning", least=1,
        setting="calibration.recommended_frames",
    )  # fmt: skip
    prior_strength: float = parameter(
        50.0, "weight of the expected variance against the observed scatter", "degrees of freedom",
        least=0.0,
    )  # fmt: skip

    def run(self, product: Product) -> Product:
        """Combine the frames."""
        stacked = combine_frames(product["group"], product["frames"], self.rules)
        return product.with_values(stacked=stacked)


@dataclass(frozen=True)
class BiasDefects(_MasterStage):
    """Unstable pixels marked as defects: those that scatter more than noise does, beyond doubt."""

    name: ClassVar[str] = "defects"
    version: ClassVar[str] = MASTER_VERSION
    reads: ClassVar[tuple[str, ...]] = ("group", "stacked")
    writes: ClassVar[tuple[str, ...]] = ("bits",)

    unstable_ratio: float = parameter(
        9.0, "pixels whose scatter exceeds the expected variance by more are defects", "times",
        above=1.0,
    )  # fmt: skip

    def run(self, product: Product) -> Product:
        """Mark the defects."""
        group: MasterGroup = product["group"]
        return product.with_values(bits=mark_defects(group.kind, product["stacked"], self.rules))


@dataclass(frozen=True)
class DarkDefects(BiasDefects):
    """Hot and unstable pixels marked as defects."""

    hot_nsigma: float = parameter(
        10.0, "pixels that exceed the typical rate by more are defects", _SIGMA, above=0.0
    )


@dataclass(frozen=True)
class FlatDefects(_MasterStage):
    """Dark corners and pixels unlike their surroundings marked."""

    name: ClassVar[str] = "defects"
    version: ClassVar[str] = MASTER_VERSION
    reads: ClassVar[tuple[str, ...]] = ("group", "stacked")
    writes: ClassVar[tuple[str, ...]] = ("bits",)

    low_flat: float = parameter(
        0.3, "pixels below this fraction of the typical one are marked LOW_FLAT",
        least=0.0, most=1.0, declared="low_flat",
    )  # fmt: skip
    defect_contrast: float = parameter(
        0.3, "pixels that differ from their surroundings by a larger fraction are defects",
        above=0.0,
    )  # fmt: skip

    def run(self, product: Product) -> Product:
        """Mark the defects."""
        group: MasterGroup = product["group"]
        return product.with_values(bits=mark_defects(group.kind, product["stacked"], self.rules))


_STAGES: dict[ImageType, tuple[type[Stage], ...]] = {
    ImageType.BIAS: (SelectLevels, Combine, BiasDefects),
    ImageType.DARK: (SelectLevels, Combine, DarkDefects),
    ImageType.FLAT: (SelectFlats, Combine, FlatDefects),
}


def master_recipe(kind: ImageType) -> Recipe:
    """Return the recipe of a master with the defaults of its stages."""
    return Recipe(str(kind).lower(), ("group",), tuple(stage() for stage in _STAGES[kind]))


@dataclass(frozen=True)
class MasterJob:
    """All a worker needs to make one master.

    Attributes
    ----------
    kind : ImageType
    infos : sequence of FrameInfo
    paths : sequence of Path
    bias, dark : Path or None
        Masters to subtract.
    out : Path
    recipe : Recipe
    recipe_key : str
    previous : Path or None
        The flat before this one, to be compared with it.
    spot_contrast : float
        Fraction by which a compact place must have changed to be dust.
    """

    kind: ImageType
    infos: Sequence[FrameInfo]
    paths: Sequence[Path]
    bias: Path | None
    dark: Path | None
    out: Path
    recipe: Recipe
    recipe_key: str
    previous: Path | None = None
    spot_contrast: float = 0.01


@dataclass(frozen=True)
class MasterOutcome:
    """A master that was made.

    Attributes
    ----------
    result : MasterResult
    content_key : str
        Checksum of its file.
    comparison : dict or None
        Figures of the ratio to the flat before it; ``{"refused": reason}`` where the two cannot
        be compared, None where that was not asked for.
    """

    result: MasterResult
    content_key: str
    comparison: dict[str, Any] | None = None


def run_master(job: MasterJob) -> MasterOutcome:
    """Make a master in a worker.

    Raises
    ------
    AlgorithmFailed
        Where every frame was rejected.
    BadFrame
        Where a master to subtract cannot be used.
    """
    group = MasterGroup.load(
        job.kind,
        job.infos,
        job.paths,
        bias=job.bias,
        dark=job.dark,
        corner_windows=get_instrument(job.infos[0].instrument).windows,
    )
    product = job.recipe.run(group=group)
    chosen: SelectedFrames = product["frames"]
    stacked: Stacked = product["stacked"]
    bits: npt.NDArray[np.uint16] = product["bits"]
    combine: Any = job.recipe.stage("combine")
    result = write_master(
        job.out,
        group,
        chosen,
        stacked,
        bits,
        stages=[StageRecord(r.name, r.version, json.dumps(r.parameters)) for r in product.records],
        recipe_key=job.recipe_key,
        recommended_frames=combine.recommended_frames,
    )
    made = Frame(stacked.value, stacked.variance, bits)
    return MasterOutcome(result, content_key(job.out), _comparison(job, made))


def _comparison(job: MasterJob, flat: Frame) -> dict[str, Any] | None:
    if job.previous is None:
        return None
    try:
        previous = load_master(job.previous, job.kind)
        return flat_ratio(flat, previous, job.spot_contrast).to_dict()
    except (BadFrame, ValueError) as error:
        return {"refused": str(error)}
