"""oph_manage_session: the sessions of a user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polarnight.ophidia.answers.response import Grid, Text
from polarnight.ophidia.context import Context
from polarnight.ophidia.errors import BadValue, OperatorFailed
from polarnight.ophidia.language.arguments import Argument
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

if TYPE_CHECKING:
    from polarnight.db.models import CubeSession

__all__ = ["ManageSession"]

_TIME = "%Y-%m-%d %H:%M:%S"
_ACTIONS = (
    *("disable", "enable", "env", "grant", "list", "listusers", "new", "remove", "revoke"),
    "setenv",
)


@operator
class ManageSession(Operator):
    """The sessions of a user."""

    name = "oph_manage_session"
    reading = {"action": ("list", "env", "listusers")}
    title = "List, make, label and remove sessions."
    text = (
        "A session is a workspace of its own: folders, containers, cubes, history. new makes one "
        "and enters it. remove deletes one with all its cubes; not the one that is in use. A "
        "session belongs to one user: grant and revoke have nothing to do."
    )
    arguments = (
        Argument("action", "enum", "list", choices=_ACTIONS, help="What to do."),
        Argument("session", default="this", help="Name or number of the session."),
        Argument("key", "enum", "user", choices=("active", "autoremove", "label", "user"),
                 help="What setenv sets."),
        Argument("value", default="null", help="What it is set to."),
    )  # fmt: skip
    objects = ("manage_session_list", "manage_session_summary")
    kind = "U"
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        """Do what `action` says."""
        action = given["action"]
        if action == "list":
            return self._list(context)
        if action == "new":
            made = context.catalogue.sessions.open(context.user, new=True)
            name = context.catalogue.sessions.name_of(made)
            return Answer([_summary("New session", name)], session=name)
        if action in {"grant", "revoke"}:
            msg = f"{self.name}: sessions are not shared"
            raise OperatorFailed(msg, "the nights under /archive are in every session")
        chosen = self._chosen(given["session"], context)
        if action == "listusers":
            rows = [(chosen.user, "owner")]
            return Answer([Grid("manage_session_list", "Users", ("USER", "ROLE"), list(rows))])
        if action == "env":
            return self._environment(chosen, context)
        if action == "setenv":
            return self._set(chosen, given, context)
        if action == "remove":
            return self._remove(chosen, context)
        context.catalogue.sessions.update(chosen, active=action == "enable")
        return Answer([_summary("Session", f"{action}d {chosen.code}")])

    def _chosen(self, name: str, context: Context) -> CubeSession:
        if name in {"this", ""}:
            return context.session
        return context.catalogue.sessions.get(name, context.user)

    def _list(self, context: Context) -> Answer:
        sessions = context.catalogue.sessions
        rows = [
            (
                sessions.name_of(one),
                one.label,
                f"{one.created:{_TIME}}",
                f"{one.used:{_TIME}}",
                "yes" if one.active else "no",
                "*" if one.pk == context.session.pk else "",
            )
            for one in sessions.of_user(context.user)
        ]
        columns = ("SESSION ID", "LABEL", "CREATION DATE", "LAST ACCESS", "ACTIVE", "CURRENT")
        return Answer([Grid("manage_session_list", "Session List", columns, list(rows))])

    def _environment(self, chosen: CubeSession, context: Context) -> Answer:
        from polarnight.ophidia.memory import last_cube

        last = last_cube(context.catalogue, chosen)
        values = {
            "session_code": chosen.code,
            "owner": chosen.user,
            "active": "yes" if chosen.active else "no",
            "autoremove": "no",
            "label": chosen.label,
            "creation_date": f"{chosen.created:{_TIME}}",
            "cwd": chosen.cwd,
            "last_cube": last,
            "last_workflow": chosen.last_workflow,
        }
        grid = Grid("manage_session_list", "Session Environment", ("KEY", "VALUE"))
        grid.rows = list(values.items())
        return Answer([grid])

    def _set(self, chosen: CubeSession, given: Given, context: Context) -> Answer:
        key, value = given["key"], given["value"]
        sessions = context.catalogue.sessions
        if key == "label":
            if len(value) > 200 or not value.isprintable():
                msg = f"{self.name}: a label has at most 200 printable characters"
                raise BadValue(msg, "for example value=galaxies")
            sessions.update(chosen, label="" if value == "null" else value)
        elif key == "active" and value in {"yes", "no"}:
            sessions.update(chosen, active=value == "yes")
        else:
            msg = f"{self.name}: key={key};value={value[:40]} cannot be set"
            raise BadValue(msg, "use key=label;value=<text> or key=active;value=yes")
        return Answer([_summary("Session", f"{key} of {chosen.code} is {value}")])

    def _remove(self, chosen: CubeSession, context: Context) -> Answer:
        from polarnight.db.models import DataCube
        from polarnight.ophidia.engine.deleting import delete_cubes

        if chosen.pk == context.session.pk:
            msg = f"{self.name}: the session in use is not removed"
            raise BadValue(msg, "make another one first: action=new")
        rows = list(DataCube.objects.filter(container__folder__session=chosen))
        delete_cubes(rows, {}, context)
        context.catalogue.sessions.remove(chosen)
        return Answer([_summary("Session", f"removed {chosen.code} with {len(rows)} cubes")])


def _summary(title: str, text: str) -> Text:
    return Text("manage_session_summary", title, text)
