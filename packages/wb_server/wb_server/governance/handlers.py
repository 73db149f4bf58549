"""Endpoints about the actor."""

from __future__ import annotations

from ..kit.endpoint import Call, Endpoint, EventStream
from ..kit.errors import InvalidInput
from ..kit.events import Bus
from .models import EventsQuery, Me
from .service import IdentityService


def me(call: Call) -> Me:
    """Your own name, roles and rights."""
    return call.service(IdentityService).me(call.actor)


def events(call: Call) -> EventStream:
    """Live updates as server-sent events: one stream per browser tab."""
    topics = frozenset(call.query(EventsQuery).topics.split(","))
    known = call.service(Bus).topics
    if unknown := sorted(topics - known):
        raise InvalidInput(
            f"There is no topic “{unknown[0][:50]}”. There are: {', '.join(sorted(known))}.",
            code="unknown_topic",
            known=sorted(known),
        )
    return EventStream(topics)


ROUTES = [
    Endpoint("GET", "/me", "me.see", me, "Get your own name and rights", Me),
    Endpoint(
        "GET",
        "/events",
        "events.follow",
        events,
        "Live updates",
        "text/event-stream",
        query=EventsQuery,
    ),
]
