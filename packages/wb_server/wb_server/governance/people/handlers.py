"""Endpoints about users and groups."""

from __future__ import annotations

from ...kit.endpoint import Call, Endpoint
from .models import PeopleList, PeopleQuery
from .service import PeopleService


def search(call: Call) -> PeopleList:
    """Users and groups by name."""
    query = call.query(PeopleQuery)
    return call.service(PeopleService).search(query.search, query.limit)


ROUTES = [
    Endpoint(
        "GET",
        "/people",
        "people.search",
        search,
        "Look up users and groups",
        PeopleList,
        query=PeopleQuery,
        errors=(503,),
    ),
]
