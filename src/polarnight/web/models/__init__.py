"""Tables of the site: jobs, tokens, saved views, and the log of what people did."""

from polarnight.web.models.actions import ActionLog
from polarnight.web.models.jobs import Job, JobState
from polarnight.web.models.tokens import ApiToken
from polarnight.web.models.views import SavedView

__all__ = ["ActionLog", "ApiToken", "Job", "JobState", "SavedView"]
