"""How results came about: modulation by every method, zero points, what people say."""

# No postponed annotations: ninja looks for their names where the decorators are.

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
from django.http import Http404, HttpRequest, HttpResponse
from ninja import Path, Query, Router

from polarnight.db.models import PhotoPolResult
from polarnight.errors import AlgorithmFailed
from polarnight.pipeline.diagnostics.calibrators import zero_point_of
from polarnight.pipeline.diagnostics.cycles import ResultCycle, cycle_of
from polarnight.polarimetry import Method
from polarnight.web.access.needs import api_access
from polarnight.web.access.roles import Action
from polarnight.web.api.answers import frame_errors, tagged, unchanged
from polarnight.web.api.frames import Comment, Judged
from polarnight.web.results.pictures import (
    MEDIA,
    Kind,
    modulation_picture,
    result_tag,
    zero_point_picture,
)
from polarnight.web.viewer import judging

__all__ = ["router"]

router = Router()

_VIEW = api_access(Action.VIEW)
Key = Annotated[int, Path(ge=1, lt=1 << 63)]
Picture = Annotated[Kind, Query()]


def _result(pk: int) -> PhotoPolResult:
    row = PhotoPolResult.objects.select_related("epoch", "astrosource").filter(pk=pk).first()
    if row is None:
        msg = f"there is no result {pk}; a later run may have replaced it"
        raise Http404(msg)
    return row


def _numbers(values: Any) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in np.asarray(values)]


def _number(value: float | None) -> float | None:
    return float(value) if value is not None and np.isfinite(value) else None


@router.get("/{pk}/modulation", auth=_VIEW, summary="Modulation, by every method")
def get_modulation(request: HttpRequest, pk: Key) -> dict[str, Any]:
    """Return what was measured at each angle, and q, u, p, chi by every method; fractions.

    `q` and `u` are in the frame of the instrument, `p` and `chi` corrected for it; `differs` says
    in words where the method of the result gives something else now.
    """
    row = _result(pk)
    try:
        cycle = cycle_of(row)
    except AlgorithmFailed as error:
        raise Http404(str(error)) from error
    return {
        "polarimeter": cycle.fluxes.polarimeter,
        "files": list(cycle.files),
        "angles": _numbers(cycle.fluxes.angle),
        "used": [bool(used) for used in cycle.used],
        "flux": {beam: _numbers(flux) for beam, flux in cycle.fluxes.flux.items()},
        "flux_err": {beam: _numbers(error) for beam, error in cycle.fluxes.error.items()},
        "kept": {"method": cycle.stored.method, "q": _number(cycle.stored.q),
                 "u": _number(cycle.stored.u)},
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
        **{name: _number(getattr(stokes, name))
           for name in ("q", "q_err", "u", "u_err", "v", "v_err", "k", "chi2", "scale")},
        "dof": stokes.dof,
        **{name: _number(getattr(sky, name)) for name in ("p", "p_err", "chi", "chi_err")},
        "value": _numbers(points.value),
        "error": _numbers(points.error),
        "residual": _numbers(method.residuals),
    }  # fmt: skip


@router.get("/{pk}/modulation/picture", auth=_VIEW, response={200: bytes}, summary="It as picture")
def get_modulation_picture(
    request: HttpRequest, pk: Key, kind: Picture = "png", all_models: bool = True
) -> HttpResponse:
    """Return the modulation with the curves of all methods, or of that of the result alone."""
    row = _result(pk)
    tag = result_tag(row, "modulation", kind, all_models)
    return _drawn(request, tag, kind, lambda: modulation_picture(row, kind, all_methods=all_models))


@router.get("/{pk}/zero-point", auth=_VIEW, summary="What the calibrators said")
def get_zero_point(request: HttpRequest, pk: Key) -> dict[str, Any]:
    """Return the zero points by each calibrator, by every estimator, and the curves of growth."""
    try:
        check = zero_point_of(_result(pk))
    except AlgorithmFailed as error:
        raise Http404(str(error)) from error
    stars = zip(
        check.names, _numbers(check.magnitude), _numbers(check.value), _numbers(check.error),
        check.used, _numbers(check.residuals), strict=True,
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
             "radius": _numbers(one.radius), "share": _numbers(one.share),
             "error": _numbers(one.error)}
            for one in check.growth
        ],
    }  # fmt: skip


def _estimate(one: Any) -> dict[str, Any]:
    names = ("value", "error", "inflation", "chi2")
    return {"method": one.method, **{name: _number(getattr(one, name)) for name in names}}


@router.get("/{pk}/zero-point/picture", auth=_VIEW, response={200: bytes}, summary="It as picture")
def get_zero_point_picture(request: HttpRequest, pk: Key, kind: Picture = "png") -> HttpResponse:
    """Return zero points of the calibrators with residuals, and the curves of growth."""
    row = _result(pk)
    tag = result_tag(row, "zero point", kind)
    return _drawn(request, tag, kind, lambda: zero_point_picture(row, kind))


def _drawn(request: HttpRequest, tag: str, kind: str, draw: Callable[[], bytes]) -> HttpResponse:
    known = unchanged(request, tag)
    if known is not None:
        return known
    try:
        return tagged(draw(), MEDIA[kind], tag)
    except AlgorithmFailed as error:
        raise Http404(str(error)) from error


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
