"""The recipes of photometry and polarimetry: from reduced frames to results.

Both begin with the apertures. The frames of a cycle of polarimetry are brought to one scale and
give Stokes parameters; the single frame of photometry gives fluxes, and its field stars a zero
point of their own.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from polarnight.errors import AlgorithmFailed
from polarnight.frames import ObsMode
from polarnight.pipeline.groups.fluxes import (
    direct_flux,
    field_photometry,
    gain_of_cameras,
    instrumental_magnitudes,
    losses_of_frames,
    stokes_fluxes,
    zero_point_of_field,
)
from polarnight.pipeline.groups.measure import (
    LoadedFrame,
    aperture_radii,
    group_fwhm,
    images_off,
    load_frame,
    measure_frame,
    sources_on_any,
)
from polarnight.pipeline.groups.outcome import (
    GroupFlux,
    GroupParameters,
    circumstances,
    evidence_of,
    machine_flags,
    magnitudes,
    polarization,
)
from polarnight.pipeline.groups.records import ApertureRow
from polarnight.pipeline.groups.registration import registered
from polarnight.pipeline.groups.relative import zero_points
from polarnight.pipeline.groups.trails import without_trailed
from polarnight.pipeline.groups.two_cameras import (
    EQUAL_CAMERAS,
    on_scale_of_first,
    with_error_of_gain,
)
from polarnight.pipeline.recipes.group_stage import GroupStage
from polarnight.pipeline.recipes.photometry_stages import GrowthCurves, HostGalaxies
from polarnight.pipeline.recipes.stage import Product, Recipe, parameter

__all__ = [
    "ApertureLosses",
    "CameraGains",
    "CorrectAndDebias",
    "FieldStars",
    "Fluxes",
    "Magnitudes",
    "MeasureApertures",
    "Results",
    "StokesParameters",
    "ZeroPoints",
    "ZeroPointsOrField",
    "free_parameters",
    "measurement_recipe",
]

_START = ("refs", "sources", "parameters")


@dataclass(frozen=True)
class MeasureApertures(GroupStage):
    """Every image of every catalogue source in one aperture, whose radius follows the seeing of
    the group; centroids where they are credible, else the place of the catalogue; the sky is a
    clipped mean in a ring. Frames of a cycle on which the stars are trailed are left out.
    """

    name: ClassVar[str] = "apertures"
    version: ClassVar[str] = "4"
    reads: ClassVar[tuple[str, ...]] = ("refs", "sources", "parameters")
    writes: ClassVar[tuple[str, ...]] = ("frames", "fwhm", "present", "rows", "trailed")
    citations: ClassVar[tuple[str, ...]] = ("Howell 1989, PASP 101, 616",)

    aperture_sigma: float = parameter(
        3.0, "radius of the aperture", "sigma of the seeing", above=0.0,
        setting="photometry.aperture_sigma",
    )  # fmt: skip
    annulus_sigma: tuple[float, float] = parameter(
        (5.0, 9.0), "inner and outer radius of the sky", "sigma of the seeing", above=0.0,
        setting="photometry.annulus_sigma",
    )  # fmt: skip
    trailed: float = parameter(
        2.0, "elongation from which the stars of a frame of a cycle are trailed",
        "of the median of the other frames", above=0.0,
    )  # fmt: skip

    def run(self, product: Product) -> Product:
        """Read the frames; measure the sources that lie on one of them at least."""
        frames = registered([load_frame(ref) for ref in product["refs"]])
        remarks: tuple[str, ...] = ()
        spoilt = ""
        if frames[0].ref.info.obsmode is ObsMode.POLARIMETRY:
            frames, remarks, spoilt = without_trailed(frames, self.trailed)
        fwhm = group_fwhm(frames)
        present = sources_on_any(frames, product["sources"])
        rows: dict[int, list[ApertureRow]] = defaultdict(list)
        radii = self.settled(product).radii_sigma
        for loaded in frames if present else ():
            for row in measure_frame(loaded, present, fwhm, radii_sigma=radii):
                rows[row.source].append(row)
        return product.with_values(
            frames=frames, fwhm=fwhm, present=present, rows=dict(rows), trailed=(remarks, spoilt)
        )


@dataclass(frozen=True)
class CameraGains(GroupStage):
    """The ratio of the counts of two cameras that see one beam each, from the stars on both, so
    that their sum is the light of a source whatever its polarization. One frame: 1.
    """

    name: ClassVar[str] = "camera_gain"
    reads: ClassVar[tuple[str, ...]] = ("frames", "fwhm", "parameters")
    writes: ClassVar[tuple[str, ...]] = ("gain",)

    def run(self, product: Product) -> Product:
        """Measure it; where too few stars tell it, the cameras are taken as equal."""
        try:
            gain = gain_of_cameras(product["frames"], product["fwhm"], self.settled(product))
        except AlgorithmFailed as error:
            return product.with_values(gain=EQUAL_CAMERAS).with_note(self.name, str(error))
        return product.with_values(gain=gain)


@dataclass(frozen=True)
class FieldStars(GroupStage):
    """Stars of the catalogues of the field: a zero point with colour term, and what the flat
    leaves uneven.
    """

    name: ClassVar[str] = "field_stars"
    version: ClassVar[str] = "2"
    reads: ClassVar[tuple[str, ...]] = ("frames", "gain", "parameters")
    writes: ClassVar[tuple[str, ...]] = ("field", "field_figures")

    def run(self, product: Product) -> Product:
        """Measure them where there are any, or say why it cannot be done."""
        field, remark = field_photometry(product["frames"], self.settled(product), product["gain"])
        figures = field.figures if field is not None else remark
        return product.with_values(field=field, field_figures=figures)


@dataclass(frozen=True)
class Fluxes(GroupStage):
    """The flux of each source: the sum of its images, where all of them are on the detector."""

    name: ClassVar[str] = "fluxes"
    version: ClassVar[str] = "2"
    reads: ClassVar[tuple[str, ...]] = ("frames", "gain", "present", "rows")
    writes: ClassVar[tuple[str, ...]] = ("fluxes", "refused")

    def run(self, product: Product) -> Product:
        """Add up the images."""
        fluxes, refused = {}, []
        frames: Sequence[LoadedFrame] = product["frames"]
        for source in product["present"]:
            rows = on_scale_of_first(product["rows"][source.id], frames, product["gain"])
            off: list[str] = []
            for loaded in frames:
                off += images_off(loaded, [row for row in rows if row.frame == loaded.ref.id])
            if off:
                reason = f"its {off[0]} image lies beyond the edge of the detector"
                refused.append((source.name, reason))
            else:
                flux = direct_flux(rows)
                error = with_error_of_gain(flux.error, rows, product["gain"])
                fluxes[source.id] = dataclasses.replace(flux, error=error)
        return product.with_values(fluxes=fluxes, refused=refused)


@dataclass(frozen=True)
class ApertureLosses(GroupStage):
    """Light outside the aperture, from the stars of each frame: what the seeing changes from one
    angle to the next would look like polarization. Two beams of one frame lose alike.
    """

    name: ClassVar[str] = "aperture_losses"
    version: ClassVar[str] = "2"
    reads: ClassVar[tuple[str, ...]] = ("frames", "fwhm", "present", "growth", "parameters")
    writes: ClassVar[tuple[str, ...]] = ("losses",)

    def run(self, product: Product) -> Product:
        """Measure the fraction of the light in the aperture."""
        radii = aperture_radii(product["fwhm"], product["parameters"].radii_sigma)
        losses = {}
        if product["present"]:
            losses = losses_of_frames(product["frames"], product["fwhm"], radii, product["growth"])
        return product.with_values(losses=losses)


@dataclass(frozen=True)
class StokesParameters(GroupStage):
    """Stokes parameters by weighted least squares over the angles of the cycle, outliers clipped;
    errors from the photons, enlarged by the scatter. One beam alone where the other is spoilt;
    clouds between fluxes of one beam are divided out by the mean of the other stars.
    """

    name: ClassVar[str] = "stokes"
    version: ClassVar[str] = "6"
    reads: ClassVar[tuple[str, ...]] = ("frames", "fwhm", "present", "rows", "losses",
                                        "trailed", "parameters")  # fmt: skip
    writes: ClassVar[tuple[str, ...]] = ("fluxes", "refused")
    citations: ClassVar[tuple[str, ...]] = (
        "Patat and Romaniello 2006, PASP 118, 146",
        "Zapatero Osorio, Caballero and Bejar 2005, ApJ 621, 445 (ratios)",
    )

    clip: float = parameter(
        5.0, "limit of outliers", "sigma", above=0.0, setting="polarimetry.clip"
    )
    beam_gain: bool = parameter(
        True, "fit the ratio of the gains of the two beams", setting="polarimetry.beam_gain"
    )
    method: str = parameter(
        "fit", "fit to the angles of a half-wave plate, or ratios of complete fours",
        choices=("fit", "ratios"), setting="polarimetry.method",
    )  # fmt: skip
    transparency: str = parameter(
        "auto", "divide fluxes of one beam by the mean of the other stars",
        choices=("auto", "always", "never"), setting="polarimetry.transparency",
    )  # fmt: skip
    field_polarization: float = parameter(
        0.003, "error of the assumption that the stars are unpolarized as a whole", "fraction",
        above=0.0, setting="polarimetry.field_polarization",
    )  # fmt: skip

    def run(self, product: Product) -> Product:
        """Fit each source; say why others have none."""
        remarks, spoilt = product["trailed"]
        if spoilt:
            refused = [(source.name, spoilt) for source in product["present"]]
            return product.with_values(fluxes={}, refused=refused)
        fluxes, refused = stokes_fluxes(
            product["frames"],
            product["present"],
            product["rows"],
            product["losses"],
            product["fwhm"],
            self.settled(product),
        )
        fluxes = {
            key: dataclasses.replace(flux, remarks=(*remarks, *flux.remarks))
            for key, flux in fluxes.items()
        }
        return product.with_values(fluxes=fluxes, refused=refused)


@dataclass(frozen=True)
class ZeroPoints(GroupStage):
    """A zero point for each source from its calibrators in the same data, by maximum likelihood
    under Student's distribution (3 degrees of freedom); a calibrator never calibrates itself.
    """

    name: ClassVar[str] = "zero_points"
    version: ClassVar[str] = "3"
    reads: ClassVar[tuple[str, ...]] = ("frames", "present", "rows", "fluxes")
    writes: ClassVar[tuple[str, ...]] = ("zero_points",)

    colour_term: bool = parameter(
        False, "fit a colour term to the calibrators", setting="photometry.colour_term"
    )

    def run(self, product: Product) -> Product:
        """Find the zero points."""
        info = product["frames"][0].ref.info
        measured = instrumental_magnitudes(product["fluxes"], product["rows"], info.exptime)
        points = zero_points(measured, product["present"], info.band, colour_term=self.colour_term)
        return product.with_values(zero_points=points)


@dataclass(frozen=True)
class ZeroPointsOrField(ZeroPoints):
    """A zero point for each source from its calibrators in the same data, by maximum likelihood
    under Student's distribution (3 degrees of freedom); a calibrator never calibrates itself. A
    source without calibrators may take that of the field stars.
    """

    reads: ClassVar[tuple[str, ...]] = (*ZeroPoints.reads, "field", "parameters")

    catalogue_calibrators: bool = parameter(
        False, "calibrate with the field stars where a source has no calibrators",
        setting="photometry.catalogue_calibrators",
    )  # fmt: skip

    def run(self, product: Product) -> Product:
        """Find the zero points."""
        product = super().run(product)
        field, points = product["field"], product["zero_points"]
        if field is not None and self.catalogue_calibrators:
            for source in product["present"]:
                if source.id not in points:
                    row = product["rows"][source.id][0]
                    points[source.id] = zero_point_of_field(field, source, row)
        return product


@dataclass(frozen=True)
class Magnitudes(GroupStage):
    """Magnitudes on the scale of the zero points, limits where a source is too faint."""

    name: ClassVar[str] = "magnitudes"
    reads: ClassVar[tuple[str, ...]] = (*_START, "frames", "present", "rows", "fluxes",
                                        "zero_points")  # fmt: skip
    writes: ClassVar[tuple[str, ...]] = ("results",)

    limit_sigma: float = parameter(
        3.0, "significance below which a magnitude becomes a limit", "sigma", above=0.0,
        setting="photometry.limit_sigma",
    )  # fmt: skip

    def run(self, product: Product) -> Product:
        """Return circumstances and magnitudes of every source that has a flux."""
        frames: Sequence[LoadedFrame] = product["frames"]
        fluxes: Mapping[int, GroupFlux] = product["fluxes"]
        points, settled = product["zero_points"], self.settled(product)
        results: dict[int, dict[str, Any]] = {}
        for source in product["present"]:
            if source.id in fluxes:
                flux, point = fluxes[source.id], points.get(source.id)
                results[source.id] = {
                    **circumstances(frames, source, product["rows"][source.id]),
                    **magnitudes(frames, flux, point, settled),
                }
        return product.with_values(results=results)


@dataclass(frozen=True)
class CorrectAndDebias(GroupStage):
    """Correction for instrumental polarization with its covariance; degree of polarization
    without its bias, angle and their intervals at low signal.
    """

    name: ClassVar[str] = "polarization"
    version: ClassVar[str] = "4"
    reads: ClassVar[tuple[str, ...]] = ("frames", "present", "fluxes", "results", "parameters")
    writes: ClassVar[tuple[str, ...]] = ("results",)
    citations: ClassVar[tuple[str, ...]] = (
        "Plaszczynski et al. 2014, MNRAS 439, 4048",
        "Wardle and Kronberg 1974, ApJ 194, 249",
        "Naghizadeh-Khouei and Clarke 1993, A&A 274, 968",
    )

    debias: str = parameter(
        "mas",
        "estimator of the degree of polarization",
        choices=("mas", "wardle-kronberg", "none"),
        setting="polarimetry.debias",
    )

    def run(self, product: Product) -> Product:
        """Add the polarization to the results."""
        settled = self.settled(product)
        sources = {source.id: source for source in product["present"]}
        results = {
            source: {
                **values,
                **polarization(
                    product["frames"], sources[source], product["fluxes"][source].stokes, settled
                ),
            }
            for source, values in product["results"].items()
        }
        return product.with_values(results=results)


@dataclass(frozen=True)
class Results(GroupStage):
    """Flags of the machine, and the evidence for each number."""

    name: ClassVar[str] = "evidence"
    reads: ClassVar[tuple[str, ...]] = ("rows", "fluxes", "zero_points", "results", "hosts")
    writes: ClassVar[tuple[str, ...]] = ("results",)

    def run(self, product: Product) -> Product:
        """Add flags and evidence to the results."""
        results = {}
        for source, values in product["results"].items():
            rows, flux = product["rows"][source], product["fluxes"][source]
            flags = machine_flags(values, rows, flux)
            point = product["zero_points"].get(source)
            if point is not None and point.details.get("crowded"):
                flags = tuple(dict.fromkeys((*flags, "CROWDED")))
            evidence = evidence_of(rows, point, flux, values.get("evidence"))
            host = product["hosts"].get(source)
            if host is not None:
                flags, evidence = (*flags, host.flag), {**evidence, "host": host.evidence}
            results[source] = {**values, "flags": flags, "evidence": evidence}
        return product.with_values(results=results)


_PHOTOMETRY = (
    MeasureApertures, GrowthCurves, CameraGains, FieldStars, Fluxes, ZeroPointsOrField, Magnitudes,
    HostGalaxies, Results
)  # fmt: skip
_POLARIMETRY = (
    MeasureApertures, GrowthCurves, ApertureLosses, StokesParameters, ZeroPoints, Magnitudes,
    CorrectAndDebias, HostGalaxies, Results
)  # fmt: skip


def measurement_recipe(obsmode: ObsMode | str, parameters: GroupParameters) -> Recipe:
    """Return the recipe of a frame in photometry, or of a cycle in polarimetry.

    Parameters
    ----------
    obsmode : ObsMode
    parameters : GroupParameters
        Where the parameters of the stages come from.
    """
    polarimetry = str(obsmode) == str(ObsMode.POLARIMETRY)
    classes: Sequence[type[GroupStage]] = _POLARIMETRY if polarimetry else _PHOTOMETRY
    stages = tuple(kind().with_values_of(parameters) for kind in classes)
    return Recipe("polarimetry" if polarimetry else "photometry", _START, stages)


def free_parameters(parameters: GroupParameters) -> dict[str, Any]:
    """Return the parameters of a group that belong to no stage."""
    owned = {
        entry.name for kind in (*_PHOTOMETRY, *_POLARIMETRY) for entry in dataclasses.fields(kind)
    }
    every = dataclasses.asdict(parameters)
    return {name: value for name, value in every.items() if name not in owned}
