"""Where a user was: taken up by a new client, kept after every command."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polarnight.db.cubes import CubeCatalogue
    from polarnight.db.models import CubeSession
    from polarnight.ophidia.operator import Answer
    from polarnight.ophidia.state import State

__all__ = ["last_cube", "remember", "resume"]


def resume(catalogue: CubeCatalogue, user: str, state: State, name: str = "") -> CubeSession:
    """Return the session of a state; a state without one takes up the user's last.

    Parameters
    ----------
    catalogue : CubeCatalogue
    user : str
    state : State
        Gets folders and last cube of a session that it was not in before.
    name : str
        Another session to go to, by its whole name.

    Raises
    ------
    ConfigError
        Where there is no such session, or it is another user's.
    """
    elsewhere = "/sessions/" in name and name != state.session
    wanted = name if elsewhere else state.session
    session = catalogue.sessions.open(user, wanted or None)
    state.session = catalogue.sessions.name_of(session)
    if elsewhere or not wanted:
        state.cwd = session.cwd or "/"
        state.cdd = catalogue.sessions.user(user).cdd or "/"
        state.cube = last_cube(catalogue, session)
    return session


def last_cube(catalogue: CubeCatalogue, session: CubeSession) -> str:
    """Return the PID of the last cube of a session, ``""`` where it is gone."""
    from polarnight.db.models import DataCube

    if session.last_cube is None:
        return ""
    row = DataCube.objects.filter(pk=session.last_cube).first()
    return "" if row is None else catalogue.pid(row)


def remember(
    catalogue: CubeCatalogue, user: str, answer: Answer, state: State, session: CubeSession
) -> None:
    """Put the client, and its user's next client, where an answer says."""
    if answer.session:
        state.session, state.cube, state.cwd = answer.session, "", "/"
    state.cube = "" if answer.forget_cube else (answer.cube or state.cube)
    if answer.cwd:
        state.cwd = answer.cwd
        catalogue.sessions.update(session, cwd=answer.cwd)
    if answer.cdd:
        state.cdd = answer.cdd
        catalogue.sessions.set_user(user, cdd=answer.cdd)
