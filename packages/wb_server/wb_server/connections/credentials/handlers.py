"""Endpoints of one's own sign-in for a connection."""

from __future__ import annotations

from ...kit.endpoint import Call, Endpoint
from ..broker import Broker
from ..models import ConnectionView, TestResult
from .models import CredentialPut, CredentialTest
from .service import PersonalCredentials


def put_credential(call: Call) -> ConnectionView:
    """Stores one's own sign-in."""
    return call.service(PersonalCredentials).put(
        call.actor, call.path["id"], call.body(CredentialPut)
    )


def remove_credential(call: Call) -> ConnectionView:
    """Removes one's own sign-in."""
    return call.service(PersonalCredentials).remove(call.actor, call.path["id"])


def test_credential(call: Call) -> TestResult:
    """Tries a sign-in of one's own before it is stored."""
    return call.service(Broker).test_login(
        call.actor, call.origin, call.path["id"], call.body(CredentialTest).login
    )


ROUTES = [
    Endpoint(
        "POST",
        "/connections/{id}/credential",
        "credential.own",
        put_credential,
        "Enter one's own sign-in",
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
        "Remove one's own sign-in",
        ConnectionView,
        audit="credential.remove",
        errors=(404,),
    ),
    Endpoint(
        "POST",
        "/connections/{id}/credential/test",
        "credential.own",
        test_credential,
        "Test one's own sign-in before it is stored",
        TestResult,
        body=CredentialTest,
        audit="credential.test",
        errors=(404, 422),
    ),
]
