"""What an operator works with: where the client is, the database, the engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from polarnight.errors import Cancelled, ConfigError
from polarnight.ophidia.answers.response import Text
from polarnight.ophidia.engine.placing import place_for, too_many_cores
from polarnight.ophidia.engine.workbench import Axes, describe
from polarnight.ophidia.errors import BadValue
from polarnight.ophidia.files.paths import Repository, normal_path
from polarnight.ophidia.language.grammar import split_list

if TYPE_CHECKING:
    from polarnight.config import Settings
    from polarnight.cubes.cube import Cube
    from polarnight.cubes.running.runner import Runner
    from polarnight.db.cubes import CubeCatalogue
    from polarnight.db.models import CubeContainer, CubeJob, CubeSession, DataCube
    from polarnight.ophidia.operator import Answer, Given
    from polarnight.ophidia.server import Server
    from polarnight.ophidia.state import State

__all__ = ["Context", "Progress", "nothing"]

Progress = Callable[[str, float], None]
"""Called with what is being done and the fraction that is done, 0 to 1."""


def nothing(_text: str, _fraction: float) -> None:
    """Show no progress."""


@dataclass
class Context:
    """Everything around one run of one operator.

    Attributes
    ----------
    server : Server
        Other commands are submitted through it.
    state : State
        Where the client is; operators do not change it, they answer.
    user : str
    operator, query : str
        Name and full text of the command, for the provenance of what it makes.
    workflow, marker : int
        Numbers of the job inside its session.
    progress : callable
    cancelled : threading.Event
        Set where somebody stops the job; `check` raises then.
    """

    server: Server
    state: State
    user: str
    operator: str = ""
    query: str = ""
    workflow: int = 0
    marker: int = 0
    strict: bool = False
    progress: Progress = nothing
    cancelled: threading.Event = field(default_factory=threading.Event)
    session: CubeSession = None  # type: ignore[assignment]
    job: CubeJob = None  # type: ignore[assignment]
    started: float = field(default_factory=time.perf_counter)

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.server.settings

    @property
    def catalogue(self) -> CubeCatalogue:
        """The database of cubes."""
        return self.server.catalogue

    @property
    def files(self) -> Repository:
        """The files that may be touched."""
        return Repository(self.settings, self.user, at_site=self.server.at_site)

    @property
    def cwd(self) -> str:
        """The current folder."""
        return normal_path(self.state.cwd)

    @property
    def cdd(self) -> str:
        """The current data directory."""
        return normal_path(self.state.cdd)

    def check(self) -> None:
        """Stop here where the job was cancelled.

        Raises
        ------
        Cancelled
        """
        if self.cancelled.is_set():
            msg = f"{self.operator}: stopped"
            raise Cancelled(msg)

    # -- cubes -------------------------------------------------------------------------

    def row(self, pid: str) -> DataCube:
        """Return a cube of the session or of the archive.

        Raises
        ------
        BadValue
            Where the PID is none, or still has the stars of a manual.
        """
        return self._rows([pid])[0]

    def rows(self, pids: str) -> list[DataCube]:
        """Return the cubes of a list joined by ``|``, each once per mention.

        Raises
        ------
        BadValue
            Naming the first that is not there.
        """
        return self._rows([pid for pid in split_list(pids) if pid])

    def _rows(self, pids: list[str]) -> list[DataCube]:
        for pid in pids:
            if "*" in pid:
                msg = f"{self.operator}: cube={pid[:80]} is no PID yet"
                last = f", such as {self.state.cube}" if self.state.cube else ""
                raise BadValue(msg, f"put the numbers of a cube in place of the stars{last}")
        try:
            return self.catalogue.cubes.get_many(pids, self.session)
        except ConfigError as error:
            msg = f"{self.operator}: {error}"
            raise BadValue(msg) from error

    def cube(self, row: DataCube, *, with_cards: bool = False) -> Cube:
        """Return the lazy cube of a row; `with_cards`, with its header as the catalogue has it."""
        return self.server.workbench.cube(row, with_cards=with_cards)

    def runner(self, given: Given) -> AbstractContextManager[Runner]:
        """Return where to compute, bounded by the ``ncores`` and ``nthreads`` that were given."""
        return self.server.runner(
            int(given.get("ncores") or 1),
            int(given.get("nthreads") or 1),
            lambda done, total: self.progress(self.operator, done / max(total, 1)),
            self.cancelled,
        )

    def compute(self, arrays: Sequence[Any], given: Given) -> list[Any]:
        """Compute lazy arrays together."""
        with self.runner(given) as runner:
            return list(runner.arrays(arrays))

    def make(
        self,
        cube: Cube,
        axes: Axes,
        given: Given,
        inputs: Sequence[DataCube] = (),
        *,
        persist: bool = False,
        container: CubeContainer | None = None,
        **more: Any,
    ) -> Answer:
        """Take a cube into the catalogue and answer with its PID.

        Parameters
        ----------
        cube : Cube
        axes : Axes
            The dimensions of the cube in Ophidia's order.
        given : dict
            ``container`` and ``description`` are taken from it, and how to compute.
        inputs : sequence of DataCube
            What it was made of; the first gives container and fragments.
        persist : bool
            Compute it now. Otherwise that waits until it is looked at or exported.
        container : CubeContainer, optional
            Where it goes, where that is known.
        **more
            Further fields of `CubeDescription`.

        Returns
        -------
        Answer
            With the text "Output Cube".
        """
        from polarnight.db.cubes.cubes import Origin
        from polarnight.ophidia.operator import Answer

        self.check()
        warnings: list[str] = []
        if container is None:
            container, warnings = place_for(self, str(given["container"]), cube, axes, inputs)
        if persist:
            warnings += too_many_cores(cube, given, self.settings.cubes.scheduler)
            with self.runner(given) as runner:
                self.server.store.write(cube, runner)
        self.check()
        description = given.get("description", "-")
        fields: dict[str, Any] = {"description": "" if description == "-" else description}
        if inputs:
            level = max(row.level for row in inputs) + 1
            fields |= {"nfrag": inputs[0].nfrag, "source": inputs[0].source, "level": level}
        row = self.server.workbench.add(
            container,
            describe(cube, axes, **{**fields, **more}),
            cube,
            Origin(self.operator, self.query, inputs, self.session, self.job),
        )
        pid = self.catalogue.pid(row)
        key = self.operator.removeprefix("oph_")
        return Answer([Text(key, "Output Cube", pid)], cube=pid, cubes=[pid], warnings=warnings)
