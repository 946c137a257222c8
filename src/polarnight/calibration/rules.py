"""Rules of calibration: the parameters that enter recipe keys."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["AssociationRules", "CosmicRayRules", "MasterRules", "ReduceRules"]


@dataclass(frozen=True, slots=True)
class MasterRules:
    """How masters are made.

    Attributes
    ----------
    method : str
        Of `polarnight.cubes.kernels.combine`, used from `min_clip` frames upwards; fewer are
        combined by their median, two by their mean.
    min_clip : int
        Clipping fewer frames than this removes good values as readily as bad ones.
    nsigma, max_iterations : float, int
        Of the clipping, whose sigma is at least the expected noise. At 3 the clipping of sound
        values makes the scatter of few frames 6 % smaller than the variance of their mean; at
        4 half a per cent.
    recommended_frames : int
        With fewer the master is made, with a warning.
    level_nsigma : float
        A bias or dark whose level lies further from the others, in robust standard deviations
        of the levels, is rejected.
    flat_min_level : float
        ADU above bias below which a flat is too faint.
    flat_max_saturated : float
        Fraction of saturated pixels above which a flat is rejected.
    flat_max_structure : float
        A flat whose large-scale structure differs by more than this fraction from that of the
        others (95th percentile of the blocks) is rejected as odd.
    low_flat : float
        Pixels of a flat below this fraction of the typical one are marked LOW_FLAT.
    defect_contrast : float
        Pixels of a flat that differ by more than this fraction from their surroundings are
        defects of the detector.
    hot_nsigma : float
        Pixels of a dark that exceed the typical rate by this many robust standard deviations
        are defects of the detector.
    unstable_ratio : float
        Pixels of a bias or dark whose scatter from frame to frame exceeds the expected
        variance by this factor, beyond doubt, are defects.
    prior_strength : float
        Weight, in degrees of freedom, of the expected variance against the observed scatter
        of the few frames. Large, because errors that scatter themselves are too small more
        often than not, and unstable pixels are marked as defects anyway.
    """

    method: str = "clipped_mean"
    min_clip: int = 5
    nsigma: float = 4.0
    max_iterations: int = 5
    recommended_frames: int = 5
    level_nsigma: float = 5.0
    flat_min_level: float = 500.0
    flat_max_saturated: float = 0.01
    flat_max_structure: float = 0.05
    low_flat: float = 0.3
    defect_contrast: float = 0.3
    hot_nsigma: float = 10.0
    unstable_ratio: float = 9.0
    prior_strength: float = 50.0

    def to_dict(self) -> dict[str, Any]:
        """Return the rules as plain JSON-able types."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class AssociationRules:
    """How a frame finds its masters.

    Attributes
    ----------
    near_days : float
        Up to here an association is of level 1.
    validity_days : float
        Up to here, for this instrument, it is of level 2.
    allow_risky : bool
        Whether masters from beyond (level 3) are taken when there is nothing better.
    angle_tolerance : float
        Degrees within which two angles of a polarizer are one.
    max_nearest : int
        How many candidates that failed are told about.
    cut : bool
        Whether a master of a larger part of the chip may be cut to the window of a frame.
    corner_windows : bool
        Whether a smaller image whose origin is that of the master is a window in its corner.
        False by default, because headers that tell no origin are read as (0, 0), and nobody
        knows where the windows of such a camera lie.
    flat_angles : {"each", "any"}
        Whether a flat must have the angle of the polarizer and the mode of the frame.
    """

    near_days: float = 7.0
    validity_days: float = 30.0
    allow_risky: bool = True
    angle_tolerance: float = 1.0
    max_nearest: int = 5
    cut: bool = True
    corner_windows: bool = False
    flat_angles: Literal["each", "any"] = "each"


@dataclass(frozen=True, slots=True)
class CosmicRayRules:
    """How cosmic rays are found (van Dokkum 2001, PASP 113, 1420).

    Attributes
    ----------
    min_exptime : float
        Seconds; shorter exposures catch almost none and are left alone.
    nsigma : float
        Significance of the Laplacian.
    neighbour_fraction : float
        Fraction of `nsigma` that suffices beside a cosmic ray.
    contrast : float
        Least contrast between the Laplacian and the fine structure of the image.
    max_iterations : int
    """

    min_exptime: float = 5.0
    nsigma: float = 5.0
    neighbour_fraction: float = 0.3
    contrast: float = 5.0
    max_iterations: int = 4


@dataclass(frozen=True, slots=True)
class ReduceRules:
    """How a raw frame is reduced.

    Attributes
    ----------
    low_flat : float
        Flat-field values below this are marked LOW_FLAT.
    edge : int
        Width in pixels of the border that is marked NEAR_EDGE.
    measured_read_noise : bool
        Whether the read noise is that which the frames of the master bias show, where there
        were at least two, rather than what header or plug-in declare.
    cosmic_rays : CosmicRayRules
    interpolate : bool
        Whether unusable pixels are replaced by their neighbours and marked INTERPOLATED; off,
        because photometry does better with the bits.
    allow_missing : bool
        Whether to go on, with a visible mark, where a required master is missing.
    """

    low_flat: float = 0.3
    edge: int = 5
    measured_read_noise: bool = True
    cosmic_rays: CosmicRayRules = CosmicRayRules()
    interpolate: bool = False
    allow_missing: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the rules as plain JSON-able types."""
        return asdict(self)
