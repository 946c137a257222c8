"""Who may do what: decided in one place, `polarnight.web.access.roles`."""

from polarnight.web.access.needs import api_access, needs
from polarnight.web.access.roles import Action, Role, allowed, role_of

__all__ = ["Action", "Role", "allowed", "api_access", "needs", "role_of"]
