"""What people say about a frame or a result: flags with reasons, a comment, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polarnight.db.audit import comment_of, decide, history, write_comment
from polarnight.errors import ConfigError
from polarnight.web.viewer.comments import LONGEST, render_comment
from polarnight.web.viewer.problems import BadRequest

if TYPE_CHECKING:
    from polarnight.db.models.audit import FlagChange
    from polarnight.db.models.base import AuditedModel

__all__ = ["comment", "judge", "judgement", "no_controls", "undo"]


def judgement(row: AuditedModel) -> dict[str, Any]:
    """Return the flags in force with who set them, the comment, and the history."""
    text = comment_of(row)
    changes = history(row)
    return {
        "flags": [_flag(row, flag) for flag in row.FLAGS],
        "comment": text,
        "comment_html": str(render_comment(text)) if text else "",
        "history": [_told(change) for change in reversed(changes)],
        "can_undo": any(_changed_bits(change) for change in changes[-1:]),
    }


def judge(row: AuditedModel, flag: str, value: bool | None, why: str, who: str) -> None:
    """Set, clear or leave to machines a flag of a row.

    Raises
    ------
    BadRequest
        Where there is no such flag, or no reason is given for a decision.
    """
    if value is not None and not why.strip():
        msg = "a flag is set or cleared with a reason: fill in 'why'"
        raise BadRequest(msg)
    try:
        decide([row], flag, value, why=why.strip(), who=who)
    except ConfigError as error:
        raise BadRequest(str(error)) from error


def undo(row: AuditedModel, who: str) -> None:
    """Bring the decision back that was in force before the last change, as a new change.

    Raises
    ------
    BadRequest
        Where the last change was no decision about flags.
    """
    last = next(reversed(history(row)), None)
    bits = 0 if last is None else _changed_bits(last)
    if last is None or not bits:
        msg = "there is no change of flags to undo"
        raise BadRequest(msg)
    for flag in row.FLAGS:
        if bits & flag:
            before = True if last.set_before & flag else False if last.clear_before & flag else None
            decide([row], flag, before, why=f"undone: {last.what}", who=who)


def comment(row: AuditedModel, text: str, who: str) -> None:
    """Replace the comment of a row.

    Raises
    ------
    BadRequest
        Where it is too long.
    """
    if len(text) > LONGEST:
        msg = f"a comment has {LONGEST} characters at most"
        raise BadRequest(msg)
    write_comment(row, text.strip(), who=who)


def _flag(row: AuditedModel, flag: Any) -> dict[str, Any]:
    human = True if row.human_set & flag else False if row.human_clear & flag else None
    return {
        "name": flag.name,
        "on": row.has_flag(flag),
        "machine": bool(row.machine_flags & flag),
        "human": human,
    }


def _told(change: FlagChange) -> dict[str, Any]:
    when = change.when.strftime("%Y-%m-%d %H:%M:%S")
    return {"when": when, "who": change.who, "what": change.what, "why": change.why}


def _changed_bits(change: FlagChange) -> int:
    return int((change.set_before ^ change.set_after) | (change.clear_before ^ change.clear_after))


def no_controls(text: str) -> None:
    """Refuse letters that a database cannot keep.

    Raises
    ------
    BadRequest
    """
    # PostgreSQL takes no NUL, and no database a lone surrogate.
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        msg = "the text holds characters that are no text"
        raise BadRequest(msg)
