"""What a frame was made of and what was made of it, as a graph."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Q

from polarnight.db.models.frames import RawFit, ReducedFit
from polarnight.db.models.masters import MASTER_MODELS, MasterBias, MasterDark, MasterFlat
from polarnight.db.models.results import PhotoPolResult
from polarnight.web.viewer.opening import kind_of

if TYPE_CHECKING:
    from polarnight.config import Settings
    from polarnight.web.viewer.opening import FrameRow

__all__ = ["Edge", "Graph", "Node", "provenance_graph", "stale_reasons"]

_MOST: Final = 12  # of one kind; the rest is one node that counts them
_ROLES: Final = {"masterbias": "bias", "masterdark": "dark", "masterflat": "flat"}


@dataclass(frozen=True, slots=True)
class Node:
    """A frame, a master or a result.

    Attributes
    ----------
    id : str
        ``kind-pk``.
    kind : str
        ``raw``, ``bias``, ``dark``, ``flat``, ``reduced``, ``result`` or ``more``.
    pk : int
        0 for ``more``.
    title, note : str
    column : int
        Inputs are left of what is made of them.
    state : str
        ``ok``, ``flagged``, ``failed`` or ``missing``.
    """

    id: str
    kind: str
    pk: int
    title: str
    column: int
    note: str = ""
    state: str = "ok"


@dataclass(frozen=True, slots=True)
class Edge:
    """What went into what; ``note`` says at which level and why."""

    source: str
    target: str
    role: str
    note: str = ""
    level: int | None = None


@dataclass
class Graph:
    """Nodes and edges; ``focus`` is the node of the frame that was asked for."""

    focus: str
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able dictionary."""
        return {
            "focus": self.focus,
            "nodes": [asdict(node) for node in self.nodes.values()],
            "edges": [asdict(edge) for edge in self.edges],
        }


def provenance_graph(row: FrameRow) -> Graph:
    """Return the graph around a frame.

    Of a light frame: the raw file, its masters and theirs, the reduced frame, its results. Of
    a calibration frame or a master: the frames it is made of, and what was calibrated with it.
    """
    graph = Graph(focus=f"{kind_of(row)}-{row.pk}")
    if isinstance(row, RawFit):
        _add_raw(graph, row)
    elif isinstance(row, ReducedFit):
        _add_reduced(graph, row)
    else:
        _add_master(graph, row, members=True)
        _add_users(graph, row)
    return graph


def stale_reasons(row: FrameRow, settings: Settings) -> list[tuple[str, str]]:
    """Return (product, why) of what the next run would make again around a frame.

    The night is planned for it as `polarnight why` does, which takes a moment.
    """
    from polarnight.pipeline.pending import pending_of

    pending = pending_of(row.epoch, settings)
    if isinstance(row, MasterBias | MasterDark | MasterFlat):
        return [("master", pending.masters[row.key])] if row.key in pending.masters else []
    raw = row.rawfit if isinstance(row, ReducedFit) else row
    stale = pending.of_frame(raw.fileloc)
    model = MASTER_MODELS.get(raw.imgtype)
    if model is not None:
        for key in model._default_manager.filter(rawfits=raw.pk).values_list("key", flat=True):
            if key in pending.masters:
                stale.append(("master", pending.masters[key]))
    return stale


def _state(row: Any) -> str:
    if row.error:
        return "failed"
    return "flagged" if row.has_flag(row.FLAGS.__members__.get("IGNORE", 0)) else "ok"


def _put(graph: Graph, row: FrameRow, column: int, title: str, note: str = "") -> str:
    kind = kind_of(row)
    name = f"{kind}-{row.pk}"
    graph.nodes.setdefault(name, Node(name, kind, row.pk, title, column, note, _state(row)))
    return name


def _add_raw(graph: Graph, row: RawFit) -> None:
    name = _put_raw(graph, row)
    reduced = ReducedFit.objects.select_related("epoch").filter(rawfit=row).first()
    if reduced is not None:
        _add_reduced(graph, reduced)
    model: Any = MASTER_MODELS.get(row.imgtype)
    if model is None:
        return
    for master in model._default_manager.filter(rawfits=row.pk).select_related("epoch"):
        target = _put_master(graph, master)
        rejected = dict(master.rejected or [])
        why = f"rejected: {rejected[row.filename]}" if row.filename in rejected else ""
        graph.edges.append(Edge(name, target, "member", why))
        _add_users(graph, master)


def _put_raw(graph: Graph, row: RawFit) -> str:
    parts = (row.imgtype, row.band, f"{row.exptime:g} s" if row.exptime is not None else "")
    note = row.error or " ".join(filter(None, parts))
    # A light frame stands beside the masters that it meets, others before those made of them.
    column = 0 if row.imgtype in MASTER_MODELS else 1
    return _put(graph, row, column, row.filename, note)


def _put_master(graph: Graph, row: FrameRow) -> str:
    assert isinstance(row, MasterBias | MasterDark | MasterFlat)
    detail = row.error or f"{row.n_used} frames, {row.epoch.night}"
    extra = ""
    if isinstance(row, MasterFlat):
        extra = f" {row.band}" + ("" if row.rotangle is None else f" {row.rotangle:g}°")
    if isinstance(row, MasterDark) and row.exptime is not None:
        extra = f" {row.exptime:g} s"
    return _put(graph, row, 1, f"master {row.KIND.lower()}{extra}", detail)


def _put_reduced(graph: Graph, row: ReducedFit) -> str:
    note = row.error or ("reduced, solved" if row.solved else "reduced, not solved")
    return _put(graph, row, 2, row.filename, note)


def _add_reduced(graph: Graph, row: ReducedFit) -> None:
    name = _put_reduced(graph, row)
    graph.edges.append(Edge(_put_raw(graph, row.rawfit), name, "raw"))
    for role, short in _ROLES.items():
        master = getattr(row, role)
        if master is not None:
            level, why = getattr(row, f"{short}_level"), getattr(row, f"{short}_reason")
            _add_master(graph, master, members=False)
            graph.edges.append(Edge(f"{short}-{master.pk}", name, short, why, level))
    results = PhotoPolResult.objects.filter(reducedfits=row).select_related("astrosource")
    ordered = list(results.order_by("astrosource__name", "reduction"))
    for result in ordered[:_MOST]:
        node = f"result-{result.pk}"
        kind = {"relphot": "photometry", "relpol": "polarimetry"}.get(result.reduction, "")
        note = result.error or f"{kind} {result.band}"
        graph.nodes[node] = Node(
            node, "result", result.pk, result.astrosource.name, 3, note, _state(result)
        )
        graph.edges.append(Edge(name, node, "result"))
    _put_more(graph, name, 3, len(ordered) - _MOST, "results")


def _add_master(graph: Graph, row: MasterBias | MasterDark | MasterFlat, *, members: bool) -> None:
    name = _put_master(graph, row)
    for role in ("masterbias", "masterdark"):
        used = getattr(row, role, None)
        if used is not None and Edge(_put_master(graph, used), name, _ROLES[role]) not in (
            graph.edges
        ):
            graph.edges.append(Edge(_put_master(graph, used), name, _ROLES[role]))
            _add_master(graph, used, members=False)
    if not members:
        return
    rejected = dict(row.rejected or [])
    raws = list(row.rawfits.select_related("epoch").order_by("filename"))
    for raw in raws[:_MOST]:
        why = f"rejected: {rejected[raw.filename]}" if raw.filename in rejected else ""
        graph.edges.append(Edge(_put_raw(graph, raw), name, "member", why))
    _put_more(graph, name, 0, len(raws) - _MOST, "raw frames", into=True)


def _add_users(graph: Graph, row: MasterBias | MasterDark | MasterFlat) -> None:
    """Add the reduced frames and the masters that a master went into."""
    name, role = _put_master(graph, row), f"master{row.KIND.lower()}"
    for model in (MasterDark, MasterFlat):
        if any(entry.name == role for entry in model._meta.get_fields()):
            for user in model._default_manager.filter(Q(**{role: row.pk})).select_related("epoch"):
                edge = Edge(name, _put_master(graph, user), _ROLES[role])
                if edge not in graph.edges:
                    graph.edges.append(edge)
    frames = ReducedFit.objects.filter(**{role: row.pk}).select_related("epoch")
    short = _ROLES[role]
    for frame in frames.order_by("-juliandate")[:_MOST]:
        target = _put_reduced(graph, frame)
        why, level = getattr(frame, f"{short}_reason"), getattr(frame, f"{short}_level")
        graph.edges.append(Edge(name, target, short, why, level))
    _put_more(graph, name, 2, frames.count() - _MOST, "reduced frames")


def _put_more(
    graph: Graph, name: str, column: int, count: int, what: str, *, into: bool = False
) -> None:
    if count <= 0:
        return
    node = f"more-{name}-{column}"
    graph.nodes[node] = Node(node, "more", 0, f"and {count} more", column, what)
    ends = (node, name) if into else (name, node)
    graph.edges.append(Edge(*ends, "more"))
