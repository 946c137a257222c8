"""How results came about: modulation by every method, zero points, what people say."""

# No postponed annotations: ninja looks for their names where the decorators are.

from typing import Annotated, Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import Query, Router

from polarnight.db.models import PhotoPolResult
from polarnight.pipeline.diagnostics.calibrators import zero_point_of
from polarnight.pipeline.diagnostics.cycles import ResultCycle, cycle_of
from polarnight.polarimetry import Method
from polarnight.web.access.needs import api_access
from polarnight.web.access.roles import Action
from polarnight.web.api.answers import frame_errors, shown_if_there, tagged, unchanged
from polarnight.web.api.frames import Comment, Judged
from polarnight.web.api.values import Key, finite, finites
from polarnight.web.plots.picture import PICTURES, Kind
from polarnight.web.results.pictures import (
    modulation_picture,
    result_tag,
    zero_point_picture,
)
from polarnight.web.viewer import judging

__all__ = ["router"]

router = Router()

_VIEW = api_access(Action.VIEW)
Picture = Annotated[Kind, Query()]


def _result(pk: int) -> PhotoPolResult:
    row = PhotoPolResult.objects.select_related("epoch", "astrosource").filter(pk=pk).first()
    if row is None:
        msg = f"there is no result {pk}; a later run may have replaced it"
        raise Http404(msg)
    return row


@router.get("/{pk}/modulation", auth=_VIEW, summary="Modulation, by every method")
@shown_if_there
def get_modulation(request: HttpRequest, pk: Key) -> dict[str, Any]:
    """Return what was measured at each angle, and q, u, p, chi by every method; fractions.

    `q` and `u` are in the frame of the instrument, `p` and `chi` corrected for it; `differs` says
    in words where the method of the result gives something else now.
    """
    cycle = cycle_of(_result(pk))
    return {
        "polarimeter": cycle.fluxes.polarimeter,
        "files": list(cycle.files),
        "angles": finites(cycle.fluxes.angle),
        "used": [bool(used) for used in cycle.used],
        "flux": {beam: finites(flux) for beam, flux in cycle.fluxes.flux.items()},
        "flux_err": {beam: finites(error) for beam, error in cycle.fluxes.error.items()},
        "kept": {"method": cycle.stored.method, "q": finite(cycle.stored.q),
                 "u": finite(cycle.stored.u)},
        "differs": cycle.differs,
        "methods": [_method(cycle, method) for method in cycle.methods],
    }  # fmt: skip


def _method(cycle: ResultCycle, method: Method) -> dict[str, Any]:
    told: dict[str, Any] = {"name": method.name, "of_result": method is cycle.own,
                            "refused": method.refused}  # fmt: skip
    stokes, points = method.stokes, method.points
    if stokes is None or points is None:
        return told
    sky = cycle.on_sky(stokes)
    return {
        **told,
        **{name: finite(getattr(stokes, name))
           for name in ("q", "q_err", "u", "u_err", "v", "v_err", "k", "chi2", "scale")},
        "dof": stokes.dof,
        **{name: finite(getattr(sky, name)) for name in ("p", "p_err", "chi", "chi_err")},
        "value": finites(points.value),
        "error": finites(points.error),
        "residual": finites(method.residuals),
    }  # fmt: skip


@router.get("/{pk}/modulation/picture", auth=_VIEW, response={200: bytes}, summary="It as picture")
@shown_if_there
def get_modulation_picture(
    request: HttpRequest, pk: Key, kind: Picture = "png", all_models: bool = True
) -> HttpResponse:
    """Return the modulation with the curves of all methods, or of that of the result alone."""
    row = _result(pk)
    tag = result_tag(row, "modulation", kind, all_models)
    return unchanged(request, tag) or tagged(
        modulation_picture(row, kind, all_methods=all_models), PICTURES[kind], tag
    )


@router.get("/{pk}/zero-point", auth=_VIEW, summary="What the calibrators said")
@shown_if_there
def get_zero_point(request: HttpRequest, pk: Key) -> dict[str, Any]:
    """Return the zero points by each calibrator, by every estimator, and the curves of growth."""
    check = zero_point_of(_result(pk))
    stars = zip(
        check.names, finites(check.magnitude), finites(check.value), finites(check.error),
        check.used, finites(check.residuals), strict=True,
    )  # fmt: skip
    keys = ("name", "mag", "zp", "zp_err", "used", "residual")
    return {
        "kept": _estimate(check.stored),
        "differs": check.differs,
        "estimates": [_estimate(one) for one in check.estimates],
        "calibrators": [dict(zip(keys, (*star[:4], bool(star[4]), star[5]), strict=True))
                        for star in stars],
        "growth": [
            {"file": one.file, "stars": one.stars, "aperture": one.aperture,
             "radius": finites(one.radius), "share": finites(one.share),
             "error": finites(one.error)}
            for one in check.growth
        ],
    }  # fmt: skip


def _estimate(one: Any) -> dict[str, Any]:
    names = ("value", "error", "inflation", "chi2")
    return {"method": one.method, **{name: finite(getattr(one, name)) for name in names}}


@router.get("/{pk}/zero-point/picture", auth=_VIEW, response={200: bytes}, summary="It as picture")
@shown_if_there
def get_zero_point_picture(request: HttpRequest, pk: Key, kind: Picture = "png") -> HttpResponse:
    """Return zero points of the calibrators with residuals, and the curves of growth."""
    row = _result(pk)
    tag = result_tag(row, "zero point", kind)
    return unchanged(request, tag) or tagged(zero_point_picture(row, kind), PICTURES[kind], tag)


@router.get("/{pk}/judgement", auth=_VIEW, summary="Flags, comment and their history")
def judged(request: HttpRequest, pk: Key) -> dict[str, Any]:
    """Return every flag with what machines and people say, the comment, and who changed what."""
    return judging.judgement(_result(pk))


@router.post("/{pk}/flags", auth=api_access(Action.FLAG), summary="Decide about a flag")
@frame_errors
def flag(request: HttpRequest, pk: Key, decision: Judged) -> dict[str, Any]:
    """Set, clear or leave to machines a flag, with a reason; reruns keep the decision."""
    row = _result(pk)
    judging.no_controls(decision.why)
    judging.judge(row, decision.flag, decision.value, decision.why, request.user.get_username())
    return judging.judgement(row)


@router.post("/{pk}/undo", auth=api_access(Action.FLAG), summary="Undo the last decision")
@frame_errors
def undo(request: HttpRequest, pk: Key) -> dict[str, Any]:
    """Bring back the decision before the last one; both stay in the history."""
    row = _result(pk)
    judging.undo(row, request.user.get_username())
    return judging.judgement(row)


@router.post("/{pk}/comment", auth=api_access(Action.COMMENT), summary="Write a comment")
@frame_errors
def comment(request: HttpRequest, pk: Key, words: Comment) -> dict[str, Any]:
    """Replace the comment of a result; Markdown, HTML is shown as text."""
    row = _result(pk)
    judging.no_controls(words.text)
    judging.comment(row, words.text, request.user.get_username())
    return judging.judgement(row)
