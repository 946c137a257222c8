"""Workflows through the client."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from polarnight.errors import PolarnightError
from PyOphidia.kept import WithState

if TYPE_CHECKING:
    from polarnight.ophidia import Response, Server

__all__ = ["Workflows"]


class Workflows(WithState):
    """What a client does with workflows."""

    last_request: str
    last_jobid: str
    _server: Server

    def submit(self, query: str, display: bool = False) -> Self | None:
        """Carry out a command."""
        raise NotImplementedError

    def deserialize_response(self) -> dict[str, Any]:
        """Return the last response as a dict."""
        raise NotImplementedError

    def _take(self, response: Response) -> None:
        raise NotImplementedError

    def wsubmit(self, workflow: str | Mapping[str, Any], *params: Any) -> Self | None:
        """Carry out a workflow.

        Parameters
        ----------
        workflow : str or mapping
            The JSON, or a path of it.
        *params
            For ``$1``, ``$2``...

        Returns
        -------
        Client or None
            None where it failed; what went wrong is printed, and kept in `last_error`.
        """
        try:
            text = _workflow_text(workflow)
            self.last_request = text
            texts = [str(value) for value in params]
            self._take(self._server.submit_workflow(text, texts, self.state))
        except RuntimeError as error:
            print(f"Something went wrong in submitting the workflow: {error}")
            return None
        return self

    def wisvalid(self, workflow: str | Mapping[str, Any]) -> tuple[bool, str]:
        """Tell whether a workflow can run, and if not, why."""
        from polarnight.errors import PolarnightError
        from polarnight.ophidia.workflow import parse_workflow
        from polarnight.ophidia.workflow.serving import arguments_of

        try:
            parse_workflow(_workflow_text(workflow), arguments_of=arguments_of)
        except (PolarnightError, RuntimeError) as error:
            return False, str(error)
        return True, "Workflow is valid"

    def get_progress(self, id: str | int | None = None) -> dict[str, Any] | None:
        """Return when a workflow was submitted and how much of it is done.

        Parameters
        ----------
        id : int, optional
            Its number; the last one unless given.
        """
        number = str(id) if id else self.last_workflowid()
        if not number:
            msg = "no workflow was submitted yet; give its id"
            raise RuntimeError(msg)
        if self.submit(f"oph_resume level=0;id={number};") is None:
            return None
        for item in self.deserialize_response()["response"]:
            content = item["objcontent"][0]
            if item["objclass"] == "grid" and content["title"] == "Workflow Progress Ratio":
                date, rate = content["rowvalues"][0][:2]
                return {"submission date": date, "progress rate": float(rate)}
        return None

    def last_workflowid(self) -> str:
        """Return the number of the last workflow, ``""`` where there is none."""
        return self.last_jobid.partition("?")[2].partition("#")[0]

    def last_markerid(self) -> str:
        """Return the number of the last task, ``""`` where there is none."""
        return self.last_jobid.partition("#")[2]


def _workflow_text(workflow: str | Mapping[str, Any]) -> str:
    """Return the JSON of a workflow.

    Raises
    ------
    RuntimeError
        Where the file cannot be read.
    """
    if not isinstance(workflow, str):
        return json.dumps(workflow)
    if workflow.lstrip().startswith(("{", "/*", "//")):
        return workflow
    from polarnight.ophidia.workflow import read_text

    try:
        return read_text(workflow)
    except PolarnightError as error:
        raise RuntimeError(str(error)) from error
