"""Sends requests to APIs, through connections."""

from __future__ import annotations

import time
import uuid
from functools import partial

from ..connections.configurations import Configurations
from ..connections.models import Connection
from ..gate.calls import CallRequest, CallResult
from ..gate.permits import CallPermit
from ..gate.service import Gate
from ..kit.actor import Actor
from ..kit.endpoint import HangUp, Origin
from ..kit.errors import WorkbenchError
from .limits.service import LimitService
from .opening import Asked, Granted, Opening
from .running import Running


class Calls:
    """Sends requests to APIs."""

    def __init__(
        self, opening: Opening, configurations: Configurations, gate: Gate, limits: LimitService
    ) -> None:
        self._opening = opening
        self._configurations = configurations
        self._gate = gate
        self._limits = limits

    def call(
        self, actor: Actor, origin: Origin, request: CallRequest, hang_up: HangUp, *, limit: int
    ) -> CallResult:
        """Sends one request and returns the answer, whatever its status.

        Args:
            hang_up: stops the request.
            limit: the maximum number of bytes of the answer's body.

        Raises:
            NotFound: no connection of this name that the actor may use.
            InvalidInput, Forbidden: the gate refuses the request.
            LimitReached: too many queries at once, and none ended in time.
            SourceFailed, SourceTimeout: the API can't be reached, or is too slow.
        """
        statement = f"{request.method} {request.path}"
        if request.query:
            statement += f" ({', '.join(request.query)})"
        asked = Asked(actor, origin, request.connection, statement, str(uuid.uuid4()))
        grant = partial(self._grant, asked, request)
        granted, running, finish = self._opening.begin(asked, grant, hang_up)
        connection = granted.connection
        try:
            target = self._configurations.target(connection, actor)
            session = granted.connector.open_call(granted.permit, target, limit)
            finish.session = session
            running.attach(session)
            result = session.call(timeout=granted.seconds)
        except BaseException as error:
            if isinstance(error, WorkbenchError):
                self._opening.note_failure(connection, error)
            finish.failed(error)
            raise
        finish("ok", None, 0, len(result.body))
        self._opening.note_success(connection)
        return result

    def _grant(
        self,
        asked: Asked,
        request: CallRequest,
        bound: Asked,
        connection: Connection,
        running: Running,
    ) -> Granted[CallPermit]:
        began = time.monotonic()
        connector = self._configurations.connector(connection.connector)
        permit = self._gate.call(
            asked.actor,
            connection,
            request,
            query_id=asked.query_id,
            supports_calls="call" in connector.capabilities(),
        )
        limits = self._limits.of_query(bound.actor, connection.id)
        seconds = min(limits.seconds, bound.seconds_left())
        left = max(0.1, seconds - (time.monotonic() - began))
        return Granted(connection, connector, permit, limits, seconds=left)
