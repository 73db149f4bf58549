"""Endpoints of a user's own credentials for a connection."""

from __future__ import annotations

from ...kit.endpoint import Call, Endpoint
from ..models import ConnectionView
from .models import CredentialPut
from .service import PersonalCredentials


def put_credential(call: Call) -> ConnectionView:
    """Stores your own credentials."""
    return call.service(PersonalCredentials).put(
        call.actor, call.path["id"], call.body(CredentialPut)
    )


def remove_credential(call: Call) -> ConnectionView:
    """Removes your own credentials."""
    return call.service(PersonalCredentials).remove(call.actor, call.path["id"])


ROUTES = [
    Endpoint(
        "POST",
        "/connections/{id}/credential",
        "credential.own",
        put_credential,
        "Enter your own credentials",
        ConnectionView,
        body=CredentialPut,
        audit="credential.put",
        errors=(404, 422),
    ),
    Endpoint(
        "DELETE",
        "/connections/{id}/credential",
        "credential.own",
        remove_credential,
        "Remove your own credentials",
        ConnectionView,
        audit="credential.remove",
        errors=(404,),
    ),
]
