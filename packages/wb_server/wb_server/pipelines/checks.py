"""Checks whether a pipeline file may be saved, run or restored, for the right owner."""

from __future__ import annotations

from collections.abc import Collection

from ..connections.service import ConnectionService
from ..governance.owned.models import Owner
from ..governance.rights import Rights
from ..kit.actor import Actor
from ..queries.broker import Broker
from ..queries.limits.service import LimitService
from .accounts import Accounts
from .check_context import Surroundings
from .definition.check import Checked, check, refusal
from .definition.models import PipelineFile
from .definition.problems import Problem
from .definitions import Definitions
from .models import Pipeline


class Checks:
    """Checks files on behalf of their owner: the saved pipeline's, or else the actor."""

    def __init__(
        self,
        definitions: Definitions,
        connections: ConnectionService,
        broker: Broker,
        limits: LimitService,
        accounts: Accounts,
        rights: Rights,
    ) -> None:
        self._definitions = definitions
        self._connections = connections
        self._broker = broker
        self._limits = limits
        self._accounts = accounts
        self._rights = rights

    def checked(
        self,
        actor: Actor,
        pipeline: Pipeline | None,
        text: str,
        files: Collection[str],
        source: int | None = None,
    ) -> Checked:
        """All problems of a file.

        Args:
            pipeline: the saved pipeline that the file belongs to.
            files: the paths in its folder, perhaps with their content.
            source: the version that the file was taken from.
        """
        owner, known = Owner(kind="user", name=actor.name), frozenset[str]()
        owns = True
        if pipeline is not None:
            owner, owns = pipeline.owner, self._rights.owns(actor, pipeline)
            numbers = {pipeline.head, pipeline.approved, source} - {None}
            known = frozenset[str]().union(
                *(
                    self._definitions.connections(pipeline.id, number)
                    for number in numbers
                    if number
                )
            )
        context = Surroundings(
            files, actor, owner, owns, known,
            self._connections, self._broker, self._limits, self._accounts, self._rights,
        )  # fmt: skip
        return check(text, self._definitions.registry, context)

    def validated(
        self,
        actor: Actor,
        pipeline: Pipeline | None,
        text: str,
        files: Collection[str],
        source: int | None = None,
    ) -> tuple[PipelineFile, list[Problem]]:
        """The definition of a file without problems, and its warnings.

        Raises:
            InvalidInput: it has mistakes (``bad_pipeline``, with all of them).
        """
        checked = self.checked(actor, pipeline, text, files, source)
        if checked.problems or checked.definition is None:
            raise refusal(checked.problems)
        return checked.definition, checked.warnings
