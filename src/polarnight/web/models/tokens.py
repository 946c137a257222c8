"""Tokens for programs that speak for a user."""
# ruff: noqa: D106  (Meta is Django's)

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from polarnight.web.access.roles import GROUPS, Role

__all__ = ["ApiToken"]

_PREFIX = "pnt_"
_BYTES = 32  # 256 random bits: guessing is hopeless, so a plain hash keeps them well
_SHOWN = 10


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


class ApiToken(models.Model):
    """A token; the secret itself is shown once and not kept."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="polarnight_tokens"
    )
    name = models.CharField(max_length=80, help_text="what it is for")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    shown = models.CharField(max_length=16, editable=False, help_text="beginning of the secret")
    scope = models.CharField(
        max_length=10,
        choices=[(label, label) for label in GROUPS],
        default=Role.VIEWER.label,
        help_text="what it may do at most; never more than its user",
    )
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField()
    last_used = models.DateTimeField(null=True, blank=True)
    revoked = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.shown}…)"

    @classmethod
    def issue(cls, user: Any, name: str, scope: Role, days: int) -> tuple[ApiToken, str]:
        """Make a token for a user.

        Parameters
        ----------
        user : User
        name : str
            What it is for.
        scope : Role
            What it may do at most.
        days : int
            How long it is valid.

        Returns
        -------
        token : ApiToken
        secret : str
            To be shown now; it cannot be found again.
        """
        secret = _PREFIX + secrets.token_urlsafe(_BYTES)
        token = cls.objects.create(
            user=user,
            name=name,
            digest=_digest(secret),
            shown=secret[:_SHOWN],
            scope=scope.label,
            expires=timezone.now() + timedelta(days=days),
        )
        return token, secret

    @classmethod
    def find(cls, secret: str) -> ApiToken | None:
        """Return the token of a secret that is valid now, None where there is none."""
        # Looked up by the hash: how long that takes tells nothing of the secret.
        found = cls.objects.select_related("user").filter(digest=_digest(secret)).first()
        return found if found is not None and found.valid else None

    @property
    def valid(self) -> bool:
        """Whether it is neither expired nor revoked."""
        return self.revoked is None and self.expires > timezone.now()

    def revoke(self) -> None:
        """Make it invalid for ever; saved."""
        if self.revoked is None:
            self.revoked = timezone.now()
            self.save(update_fields=["revoked"])
