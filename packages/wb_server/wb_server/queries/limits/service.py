"""The rules of limits: which apply to whom, and changes to them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from ...connections.service import ConnectionService
from ...governance.people.service import PeopleService
from ...governance.rights import ROLES, roles_of
from ...kit import clock
from ...kit.actor import Actor
from ...kit.errors import InvalidInput, NotFound, Unprocessable
from ...kit.events import Bus
from .models import (
    FIELDS,
    SHARED,
    ConnectionLimits,
    LimitField,
    LimitList,
    LimitRequest,
    LimitRow,
    LimitsInForce,
    LimitSource,
    LimitValue,
    LimitView,
    OwnLimits,
    QueryLimits,
    StartLimits,
    SubjectKind,
    Work,
)
from .queue import Capacity, Slots
from .store import LimitStore

log = logging.getLogger(__name__)

# How long rows are cached: another process may change them.
_CACHE_SECONDS = 2.0

_Source = Literal["user", "group", "everyone", "settings", "connection"]
_SourcedLimit = tuple[int | float, _Source, str]


# The settings with the limits where no row sets one.
_SETTINGS: Mapping[Work, Mapping[LimitField, str]] = {
    "interactive": {
        "concurrent": "WB_MAX_QUERIES_PER_USER",
        "rows": "WB_MAX_ROWS",
        "bytes": "WB_MAX_BYTES",
        "seconds": "WB_QUERY_TIMEOUT",
        "temp_bytes": "WB_MAX_TEMP_BYTES",
    },
    "runs": {
        "concurrent": "WB_MAX_QUERIES_PER_USER",
        "rows": "WB_RUN_MAX_ROWS",
        "bytes": "WB_RUN_MAX_BYTES",
        "seconds": "WB_RUN_QUERY_TIMEOUT",
        "temp_bytes": "WB_MAX_TEMP_BYTES",
    },
}


@dataclass(frozen=True)
class _LimitRows:
    """The rows as read at one time, and the limits computed from them."""

    rows: dict[tuple[Work, SubjectKind, str], LimitRow] = field(default_factory=dict)
    computed: dict[tuple[Work, str, frozenset[str], str], QueryLimits] = field(default_factory=dict)


class LimitService:
    """The limits of users and connections, from a cache that is at most two seconds old.

    Attributes:
        slots: the slots of running and waiting queries.

    Args:
        start: the limits where no row sets one, of interactive queries and of runs.
    """

    def __init__(
        self,
        store: LimitStore,
        connections: ConnectionService,
        people: PeopleService,
        bus: Bus,
        start: Mapping[Work, StartLimits],
        capacity: Capacity,
    ) -> None:
        self._store = store
        self._connections = connections
        self._people = people
        self._bus = bus
        self._start = start
        self._cached = _LimitRows()
        self._read_at = float("-inf")
        self._reading = threading.Lock()
        self.slots = Slots(capacity, refresh=self._refresh)

    # --- limits in force -------------------------------------------------------------------

    def of_query(self, actor: Actor, connection_id: str) -> QueryLimits:
        """The limits that apply now to a query of the actor on a connection.

        A user's own row comes first; what it leaves unset comes from the most generous of their groups'
        rows, then from everyone's row, then from the settings. The connection's row caps the result.
        A query of a run has the rows for runs; ``SHARED`` says when the interactive ones hold too.
        """
        return self._of_query(self._current(), actor, connection_id)

    def of_waiting(self, actor: Actor, connection_id: str) -> QueryLimits:
        """The same from the cached rows: for the queue, which must not wait for the database."""
        return self._of_query(self._cached, actor, connection_id)

    def mine(self, actor: Actor) -> OwnLimits:
        """The actor's limits, their sources, and current use."""
        current = self._current()
        capped = [row for row in current.rows.values() if row.kind == "connection"]
        visible = self._connections.list(actor) if capped else []
        names = {view.id: view.name for view in visible}
        own = partial(self._own, current, actor)
        return OwnLimits(
            **{name: _value(own("interactive", name)) for name in FIELDS},
            runs=LimitsInForce(**{name: _value(own("runs", name)) for name in FIELDS}),
            running=self.slots.running(actor.name),
            waiting=self.slots.waiting(actor.name),
            queue_wait=self.slots.capacity.wait,
            connections=[
                ConnectionLimits(
                    work=row.work,
                    connection_id=row.subject,
                    connection=names[row.subject],
                    running=self.slots.running_on(row.subject),
                    **{name: getattr(row, name) for name in FIELDS},
                )
                for row in sorted(capped, key=lambda row: (names.get(row.subject, ""), row.work))
                if row.subject in names
            ],
        )

    # --- for administrators ----------------------------------------------------------------

    def list(self, actor: Actor) -> LimitList:
        """All rows, and the limits of the whole Workbench."""
        names = {view.id: view.name for view in self._connections.list(actor)}
        return LimitList(
            items=[
                LimitView(
                    **row.model_dump(),
                    name=names.get(row.subject) if row.kind == "connection" else row.subject,
                )
                for row in self._read().rows.values()
            ],
            settings=self._start["interactive"],
            run_settings=self._start["runs"],
            total=self.slots.capacity.total,
            running=self.slots.running(),
            waiting=self.slots.waiting(),
        )

    def put(self, actor: Actor, request: LimitRequest) -> LimitList:
        """Replaces the limits of a subject, effective at once.

        Raises:
            InvalidInput: no value is given (``no_limit``), or the subject doesn't fit its kind.
            Unprocessable: there is no such user, group or connection (``unknown_subject``).
        """
        subject = self._subject(actor, request.kind, request.subject)
        if all(getattr(request, name) is None for name in FIELDS):
            raise InvalidInput(
                f"Give at least one of {', '.join(FIELDS)}; to remove limits, delete them.",
                code="no_limit",
                field=FIELDS[0],
            )
        self._store.put(
            request.kind, subject, request.values(), actor.name, clock.now(), request.work
        )
        return self._changed(actor)

    def remove(
        self, actor: Actor, kind: SubjectKind, subject: str, work: Work = "interactive"
    ) -> LimitList:
        """Removes a subject's limits for one kind of work, effective at once.

        Raises:
            NotFound: it has none (``unknown_limit``).
        """
        if not self._store.remove(kind, subject, work):
            who = "everyone" if kind == "everyone" else f"the {kind} “{subject[:100]}”"
            raise NotFound(f"There are no limits for {who}.", code="unknown_limit")
        return self._changed(actor)

    # --- inside ----------------------------------------------------------------------------

    def _of_query(self, current: _LimitRows, actor: Actor, connection_id: str) -> QueryLimits:
        work: Work = "interactive" if actor.run_id is None else "runs"
        key = (work, actor.name, actor.groups, connection_id)
        limits = current.computed.get(key)
        if limits is None:
            limits = current.computed[key] = self._compute(current, actor, connection_id, work)
        return limits

    def _compute(
        self, current: _LimitRows, actor: Actor, connection_id: str, work: Work
    ) -> QueryLimits:
        found = {name: self._own(current, actor, work, name) for name in FIELDS}
        for name in FIELDS:
            cap = _cap(current, connection_id, work, name)
            # All users' queries on the connection are counted apart, below.
            if name != "concurrent" and cap is not None and cap < found[name][0]:
                found[name] = cap, "connection", ""
        on_connection = _cap(current, connection_id, work, "concurrent")
        return QueryLimits(
            concurrent=int(found["concurrent"][0]),
            on_connection=None if on_connection is None else int(on_connection),
            rows=int(found["rows"][0]),
            bytes=int(found["bytes"][0]),
            seconds=found["seconds"][0],
            temp_bytes=int(found["temp_bytes"][0]),
            work=work,
            origins={name: _origin(work, name, *found[name][1:]) for name in FIELDS},
        )

    def _own(
        self, current: _LimitRows, actor: Actor, work: Work, name: LimitField
    ) -> _SourcedLimit:
        """A user's limit, and where it comes from."""
        found = self._set(current, actor, work, name)
        if found is None and name in SHARED:
            found = self._set(current, actor, "interactive", name)
        return found or (getattr(self._start[work], name), "settings", "")

    def _set(
        self, current: _LimitRows, actor: Actor, work: Work, name: LimitField
    ) -> _SourcedLimit | None:
        """The limit that a row sets for a user, and which row it is."""

        def limit_of(kind: SubjectKind, subject: str) -> int | float | None:
            row = current.rows.get((work, kind, subject))
            value: int | float | None = getattr(row, name) if row is not None else None
            return value

        value = limit_of("user", actor.name)
        if value is not None:
            return value, "user", actor.name
        groups = actor.groups.union(roles_of(actor))
        generous = [
            (value, group) for group in groups if (value := limit_of("group", group)) is not None
        ]
        if generous:
            value, group = max(generous)
            return value, "group", group
        value = limit_of("everyone", "")
        return None if value is None else (value, "everyone", "")

    def _refresh(self) -> None:
        """Refreshes the cached rows. A failing database must not end a query's wait."""
        try:
            self._current()
        except Exception:
            log.warning("the limits could not be read; the last ones stay in force", exc_info=True)

    def _current(self) -> _LimitRows:
        """The cached rows, read again once they may be out of date."""
        if time.monotonic() - self._read_at > _CACHE_SECONDS:
            self._read(unless_within=_CACHE_SECONDS)
        return self._cached

    def _read(self, unless_within: float = 0.0) -> _LimitRows:
        """Reads the rows; one thread at a time, so that older rows never replace newer ones."""
        with self._reading:
            moment = time.monotonic()
            if moment - self._read_at >= unless_within:
                self._cached = _LimitRows(
                    {(row.work, row.kind, row.subject): row for row in self._store.all()}
                )
                self._read_at = moment
            return self._cached

    def _changed(self, actor: Actor) -> LimitList:
        self._read()
        self.slots.reconsider()
        self._bus.publish("queries")
        return self.list(actor)

    def _subject(self, actor: Actor, kind: SubjectKind, subject: str) -> str:
        """The subject in the form in which it is stored."""
        if kind == "everyone":
            if subject:
                raise InvalidInput(
                    "Limits for everyone have no subject. Omit it.",
                    code="invalid_field",
                    field="subject",
                )
            return ""
        if not subject:
            raise InvalidInput(
                f"Say which {kind} the limits are for.", code="invalid_field", field="subject"
            )
        if kind == "connection":
            return self._connection(actor, subject)
        if not (kind == "group" and subject in ROLES) and not self._people.exists(kind, subject):
            raise Unprocessable(
                f"There is no {kind} “{subject[:100]}” in the Hub.",
                code="unknown_subject",
                field="subject",
            )
        return subject

    def _connection(self, actor: Actor, name_or_id: str) -> str:
        try:
            return self._connections.find(actor, name_or_id).id
        except NotFound as error:
            raise Unprocessable(
                error.message, code="unknown_subject", field="subject", **error.details
            ) from None


def _cap(
    current: _LimitRows, connection_id: str, work: Work, name: LimitField
) -> int | float | None:
    """The limit that a connection sets for all its users."""
    for each in (work, "interactive") if name in SHARED else (work,):
        row = current.rows.get((each, "connection", connection_id))
        value: int | float | None = getattr(row, name) if row is not None else None
        if value is not None:
            return value
    return None


def _value(limit: _SourcedLimit) -> LimitValue:
    value, kind, name = limit
    assert kind != "connection"
    return LimitValue(value=value, source=LimitSource(kind=kind, name=name))


def _origin(work: Work, field: LimitField, kind: _Source, name: str) -> str:
    """Where a limit comes from and who can change it, as the end of a sentence."""
    what = "queries of pipeline runs" if work == "runs" else "queries"
    source = {
        "user": f"set for {name}",
        "group": f"set for the group “{name}”",
        "everyone": "set for everyone",
        "connection": "set for this connection",
        "settings": f"by the setting {_SETTINGS[work][field]}",
    }[kind]
    return f"the limit for {what} {source}; an administrator can change it under Running Queries"
