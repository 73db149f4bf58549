"""Answers the questions of a pipeline file's check from the other rooms."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ..connections.service import ConnectionService
from ..gate.dialects.tables import PARAMETER_AS_NAME
from ..governance.owned.models import Owner
from ..governance.rights import Rights
from ..kit.actor import Actor
from ..kit.errors import NotFound, WorkbenchError
from ..queries.broker import Broker
from ..queries.limits.service import LimitService
from .accounts import Accounts
from .definition.uses import SqlUse, StatementRefusal

_NOT_A_NAME = (
    "In SQL an expression is a value, not a name: it can't choose a table or a column, or sort by one. "
    "Write the name, or one task for each."
)


@dataclass(frozen=True)
class Surroundings:
    """A :class:`~.definition.models.CheckContext`.

    Attributes:
        files: the paths in the pipeline's folder, perhaps with their content.
        actor: who requests the check.
        owner: the owner of the pipeline.
        owns: whether the actor owns the pipeline, directly or through a team.
        known: the connections that saved versions name; everyone who sees the pipeline can read them.
    """

    files: Collection[str]
    actor: Actor
    owner: Owner
    owns: bool
    known: frozenset[str]
    connections: ConnectionService
    broker: Broker
    limits: LimitService
    accounts: Accounts
    rights: Rights

    def content(self, name: str) -> bytes | None:
        """The content of a file, if more than its name is known."""
        return self.files.get(name) if isinstance(self.files, Mapping) else None

    def connection(self, name: str, write: bool, team: str | None) -> str | None:
        """Why a run may not read (or write) a connection: the message of the first problem found.

        An actor who asks about someone else's rights gets answers only about names that they know.
        Every other name is treated as nonexistent; otherwise names could be guessed, or read off the
        suggestions.
        """
        own = self._own(team)
        try:
            if not own and name not in self.known:
                self.connections.find(self.actor, name)
            runner = self.accounts.actor(self._runs_as(team))
        except WorkbenchError as error:
            return error.message
        try:
            connection = self.connections.find(runner, name)
        except NotFound as error:
            # The message suggests similar names, so only those who may see the connections get it.
            return error.message if own else f"{runner.name} has no connection “{name}”."
        action = "connection.write" if write else "connection.read"
        if not self.rights.may(runner, action, connection):
            verb = "write to" if write else "read"
            return f"{runner.name} may not {verb} the connection “{name}”."
        return None

    def statement(
        self, use: SqlUse, sql: str, parameters: Collection[str], team: str | None
    ) -> StatementRefusal | None:
        """Why a run may not run a statement, in the gate's words."""
        try:
            runner = self.accounts.actor(self._runs_as(team))
            self.broker.statements.check(runner, use.connection, sql, parameters, reads=use.reads)
        except WorkbenchError as error:
            details = error.details
            if error.code == PARAMETER_AS_NAME:
                return StatementRefusal(_NOT_A_NAME, parameter=details["parameter"])
            line, column = details.get("line") or 0, details.get("column") or 0
            if number := details.get("statement"):
                # The column is that of the statement, which need not begin a line.
                return StatementRefusal(error.message, line, 1, statement=number)
            # The problem has its own place in the file.
            message = error.message.replace(f" at line {line}, column {column}", "")
            return StatementRefusal(message, line, column)
        return None

    def timeout(self, connection: str, seconds: float, team: str | None) -> str | None:
        """Why a statement of a run may not take that long, in the words of the limit."""
        try:
            runner = self.accounts.actor(self._runs_as(team), "run:")
            limits = self.limits.of_query(runner, self.connections.find(runner, connection).id)
        except WorkbenchError:
            return None  # ``connection`` says why
        if seconds <= limits.seconds:
            return None
        return f"A statement may take at most {limits.seconds:,.0f} s: {limits.origins['seconds']}."

    def run_as(self, team: str) -> str | None:
        """Why the actor may not let a pipeline run as a team."""
        if team not in self.actor.groups and "admin" not in self.actor.groups:
            return f"You are not in the group “{team}”."
        return None

    def server(self, team: str | None) -> str | None:
        """Why no server can run the notebooks."""
        runner = self._runs_as(team)
        if not runner.startswith("team:"):
            return None
        return (
            f"A notebook runs in a user's server, and {runner} has none. Move it to a pipeline "
            "that runs as its owner."
        )

    def _own(self, team: str | None) -> bool:
        """Whether the runs use the actor's own rights, or their team's: then nothing is hidden."""
        if not team or (self.owner.kind == "team" and self.owner.name == team):
            return self.owns
        return self.run_as(team) is None

    def _runs_as(self, team: str | None) -> str:
        return f"team:{team}" if team else f"{self.owner.kind}:{self.owner.name}"
