"""Sessions: a workspace of a user, resumed when the user comes back."""

from __future__ import annotations

import re
import secrets
from typing import Any

from django.db import transaction
from django.utils import timezone

from polarnight.db.cubes.locking import locked
from polarnight.db.models import CubeFolder, CubeSession, CubeUser
from polarnight.errors import ConfigError

__all__ = ["Sessions"]

_LONGEST_USER = 150


class Sessions:
    """Opens, resumes and remembers sessions.

    Parameters
    ----------
    base : str
        Beginning of the names of sessions.
    """

    def __init__(self, base: str) -> None:
        self._base = base

    def open(self, user: str, code: str | None = None, *, new: bool = False) -> CubeSession:
        """Return a session of the user: the one of `code`, else the last one, else a new one.

        Parameters
        ----------
        user : str
        code : str, optional
            The long number of a session, or its whole name.
        new : bool
            Make a new one in any case.

        Raises
        ------
        ConfigError
            Where there is no session of that code, or it is another user's.
        """
        _check_user(user)
        if code and not new:
            return self._remember(user, self.get(code, user))
        with transaction.atomic():
            person = self.user(user, lock=True)
            session = None if new else person.session
            if session is None or not session.active or session.user != user:
                session = None if new else self._last(user)
            return self._remember(user, session or _create(user), person)

    def get(self, code: str, user: str | None = None) -> CubeSession:
        """Return the session of a code or name.

        Raises
        ------
        ConfigError
            Where there is none, or it is not the `user`'s.
        """
        number = self.code_of(code)
        session = CubeSession.objects.filter(code=number).first()
        if session is None or (user is not None and session.user != user):
            msg = f"there is no session {code!r}{f' of {user!r}' if user else ''}; open a new one"
            raise ConfigError(msg)
        return session

    @staticmethod
    def code_of(name: str) -> str:
        """Return the long number in the name of a session."""
        match = re.search(r"/sessions/([^/?#]+)", name)
        return match[1] if match else name.strip()

    def name_of(self, session: CubeSession) -> str:
        """Return the whole name, such as ``http://localhost/polarnight/sessions/123/experiment``.

        The names of its jobs begin with it.
        """
        return f"{self._base.rstrip('/')}/sessions/{session.code}/experiment"

    def of_user(self, user: str) -> list[CubeSession]:
        """Return the sessions of a user, the last used first."""
        return list(CubeSession.objects.filter(user=user).order_by("-used", "-id"))

    def update(
        self,
        session: CubeSession,
        *,
        cwd: str | None = None,
        last_cube: int | None = None,
        label: str | None = None,
        active: bool | None = None,
    ) -> CubeSession:
        """Remember where the user is in a session; what is not given stays."""
        given = {"cwd": cwd, "last_cube": last_cube, "label": label, "active": active}
        fields: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        fields["used"] = timezone.now()
        CubeSession.objects.filter(pk=session.pk).update(**fields)
        for name, value in fields.items():
            setattr(session, name, value)
        return session

    def remove(self, session: CubeSession) -> None:
        """Delete a session with all its folders, containers, cubes and jobs.

        What they were made of stays on record in the tasks of others.
        """
        from polarnight.db.cubes.intake import delete_numbers
        from polarnight.db.models import DataCube

        with transaction.atomic():
            numbers = DataCube.objects.filter(container__folder__session=session)
            delete_numbers(list(numbers.values_list("pk", flat=True)))
            CubeFolder.objects.filter(session=session, parent=None).delete()
            CubeSession.objects.filter(pk=session.pk).delete()

    def user(self, name: str, *, lock: bool = False) -> CubeUser:
        """Return what is remembered of a user; inside a transaction the row may be locked."""
        _check_user(name)
        person, _ = CubeUser.objects.get_or_create(name=name)
        return locked(CubeUser, person.pk) if lock else person

    def set_user(self, name: str, *, cdd: str | None = None, **preferences: Any) -> CubeUser:
        """Remember the data directory of a user, and preferences such as ``ncores=2``."""
        with transaction.atomic():
            person = self.user(name, lock=True)
            if cdd is not None:
                person.cdd = cdd
            person.preferences = {**person.preferences, **preferences}
            person.save()
        return person

    def _last(self, user: str) -> CubeSession | None:
        rows = CubeSession.objects.filter(user=user, active=True)
        return rows.order_by("-used", "-id").first()

    def _remember(
        self, user: str, session: CubeSession, person: CubeUser | None = None
    ) -> CubeSession:
        person = person or self.user(user)
        if person.session_id != session.pk:
            CubeUser.objects.filter(pk=person.pk).update(session=session)
        session.used = timezone.now()
        CubeSession.objects.filter(pk=session.pk).update(used=session.used)
        return session


def _check_user(user: str) -> None:
    if not user or len(user) > _LONGEST_USER or not user.isprintable():
        msg = f"{user[:40]!r} is no name of a user: 1 to {_LONGEST_USER} printable characters"
        raise ConfigError(msg)


def _create(user: str) -> CubeSession:
    # As long as Ophidia's; nobody guesses the workspace of another from it.
    code = f"{secrets.randbelow(9 * 10**37) + 10**37}"
    with transaction.atomic():
        session = CubeSession.objects.create(code=code, user=user)
        CubeFolder.objects.create(session=session)
    return session
