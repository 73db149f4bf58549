"""Bad JWTs: every mistake that a token can have, and the code of its refusal.

Each entry makes its token from ``said``, a function that gives the claims of a good one with some
changed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import jwt
from support.issued import AUDIENCE, Signer, assemble, part

MAIN = Signer("main")
CURVE = Signer("curve", "ES256")
OTHER_CURVE = Signer("other-curve", "ES384")
ELSEWHERE = Signer("main")  # a key of somebody else's, under the same id
WEAK = Signer("weak", bits=1024)
NEXT = Signer("next")

Make = Callable[[Callable[..., dict[str, Any]]], str]


def _unsigned(said: dict[str, Any], **header: Any) -> str:
    return assemble({"typ": "JWT", "kid": "main", **header}, said)


def _cut(token: str, parts: int) -> str:
    return ".".join(token.split(".")[:parts])


def _swapped(token: str, **claims: Any) -> str:
    """The token with other claims under its old signature."""
    head, _, signature = token.split(".")
    said = jwt.decode(token, options={"verify_signature": False}) | claims
    return ".".join((head, part(json.dumps(said).encode()).decode(), signature))


NOW = time.time

BAD: dict[str, tuple[str, Make]] = {
    # The algorithm.
    "no algorithm": ("jwt_no_algorithm", lambda said: _unsigned(said())),
    "no algorithm, signed": ("jwt_no_algorithm", lambda said: MAIN.sign(said(), alg=None)),
    "none": ("jwt_unsigned", lambda said: _unsigned(said(), alg="none")),
    "None": ("jwt_unsigned", lambda said: _unsigned(said(), alg="nOnE")),
    "none, with a signature": ("jwt_unsigned", lambda said: MAIN.sign(said(), alg="none")),
    "RS256, no signature": ("jwt_unsigned", lambda said: _unsigned(said(), alg="RS256")),
    "HS256 with the public key": (
        "jwt_algorithm", lambda said: MAIN.sign_with_public_key(said())),
    "not on the list": ("jwt_algorithm", lambda said: MAIN.sign(said(), "PS256")),
    "made up": ("jwt_algorithm", lambda said: MAIN.sign(said(), alg="RS257")),
    "a list": ("jwt_algorithm", lambda said: MAIN.sign(said(), alg=["RS256"])),
    "small letters": ("jwt_algorithm", lambda said: MAIN.sign(said(), alg="rs256")),
    # The key.
    "RSA's name, a curve's key": ("jwt_wrong_key", lambda said: CURVE.sign(said(), alg="RS256")),
    "a curve's name, RSA's key": ("jwt_wrong_key", lambda said: MAIN.sign(said(), alg="ES256")),
    "another curve": ("jwt_wrong_key", lambda said: OTHER_CURVE.sign(said(), alg="ES256")),
    "a weak key": ("jwt_wrong_key", lambda said: WEAK.sign(said())),
    "a key that is none": ("jwt_wrong_key", lambda said: MAIN.sign(said(), kid="odd")),
    "no key's id": ("jwt_no_key", lambda said: MAIN.sign(said(), kid=None)),
    "a key's id that is a number": ("jwt_no_key", lambda said: MAIN.sign(said(), kid=1)),
    "an unknown key": ("jwt_unknown_key", lambda said: NEXT.sign(said())),
    "a path": ("jwt_unknown_key", lambda said: MAIN.sign(said(), kid="../../../../dev/null")),
    "an address": ("jwt_unknown_key", lambda said: MAIN.sign(said(), kid="http://127.0.0.1:9/k")),
    "SQL": ("jwt_unknown_key", lambda said: MAIN.sign(said(), kid="x' union select 'k' --")),
    "a line feed": ("jwt_unknown_key", lambda said: MAIN.sign(said(), kid="main\nmain")),
    "somebody else's key in the header": (
        "jwt_bad_signature", lambda said: ELSEWHERE.sign(said(), jwk=ELSEWHERE.jwk)),
    # The signature.
    "somebody else's key": ("jwt_bad_signature", lambda said: ELSEWHERE.sign(said())),
    "other claims": (
        "jwt_bad_signature",
        lambda said: _swapped(MAIN.sign(said()), preferred_username="a-admin")),
    "a curve's signature, short": (
        "jwt_bad_signature", lambda said: CURVE.sign(said())[:-2]),
    # The form.
    "two parts": ("jwt_malformed", lambda said: _cut(MAIN.sign(said()), 2)),
    "four parts": ("jwt_malformed", lambda said: MAIN.sign(said()) + ".x"),
    "five parts": ("jwt_malformed", lambda said: MAIN.sign(said(), enc="A256GCM") + ".x.y"),
    "claims that are a list": (
        "jwt_malformed", lambda said: assemble({"alg": "RS256"}, [1], lambda text: b"x")),
    "claims that are no JSON": (
        "jwt_malformed", lambda said: _unsigned(said(), alg="RS256").split(".")[0] + ".eA.eA"),
    "padded": ("jwt_malformed", lambda said: MAIN.sign(said()) + "=="),
    "odd letters": ("jwt_malformed", lambda said: MAIN.sign(said())[:-2] + "+/"),
    "too large": ("jwt_too_large", lambda said: MAIN.sign(said(groups=["x" * 20] * 400))),
    "critical": ("jwt_critical", lambda said: MAIN.sign(said(), crit=["exp"])),
    "critical, not a list": ("jwt_critical", lambda said: MAIN.sign(said(), crit=True)),
    "detached": ("jwt_critical", lambda said: MAIN.sign(said(), b64=False, crit=["b64"])),
    "a logout token": ("jwt_type", lambda said: MAIN.sign(said(), typ="logout+jwt")),
    "a type that is a number": ("jwt_type", lambda said: MAIN.sign(said(), typ=1)),
    # For whom, from whom.
    "foreign audience": ("jwt_foreign_audience", lambda said: MAIN.sign(said(aud="elsewhere"))),
    "foreign audiences": ("jwt_foreign_audience", lambda said: MAIN.sign(said(aud=["a", "b"]))),
    "a longer audience": (
        "jwt_foreign_audience", lambda said: MAIN.sign(said(aud=AUDIENCE + "-2"))),
    "no audience in the list": ("jwt_claim_missing", lambda said: MAIN.sign(said(aud=[]))),
    "foreign issuer": (
        "jwt_foreign_issuer", lambda said: MAIN.sign(said(iss="https://id.example.org"))),
    "an issuer with a slash": (
        "jwt_foreign_issuer", lambda said: MAIN.sign(said(iss=said()["iss"] + "/"))),
    # When.
    "expired": ("jwt_expired", lambda said: MAIN.sign(said(exp=int(NOW()) - 60))),
    "expired long ago": ("jwt_expired", lambda said: MAIN.sign(said(iat=0, exp=1))),
    "not yet valid": ("jwt_not_yet_valid", lambda said: MAIN.sign(said(nbf=int(NOW()) + 200))),
    "issued in the future": ("jwt_not_yet_valid", lambda said: MAIN.sign(said(iat=NOW() + 200))),
    "lives too long": (
        "jwt_lives_too_long", lambda said: MAIN.sign(said(exp=int(NOW()) + 25 * 3600))),
    "lives too long since ever": ("jwt_lives_too_long", lambda said: MAIN.sign(said(iat=0))),
    # Claims.
    **{f"no {claim}": (
        "jwt_claim_missing", lambda said, claim=claim: MAIN.sign(said(**{claim: None})))
       for claim in ("exp", "iat", "iss", "aud", "preferred_username")},
    "a time as text": ("jwt_claim_invalid", lambda said: MAIN.sign(said(exp="9999999999"))),
    "a time as truth": ("jwt_claim_invalid", lambda said: MAIN.sign(said(iat=True))),
    "an endless time": ("jwt_claim_invalid", lambda said: MAIN.sign(said(exp=float("inf")))),
    "no number": ("jwt_claim_invalid", lambda said: MAIN.sign(said(nbf=float("nan")))),
    "a huge time": ("jwt_claim_invalid", lambda said: MAIN.sign(said(exp=10**400))),
    "a time before time": ("jwt_claim_invalid", lambda said: MAIN.sign(said(iat=-1))),
    "an issuer in a list": ("jwt_claim_invalid", lambda said: MAIN.sign(said(iss=[said()["iss"]]))),
    "an audience that is a number": ("jwt_claim_invalid", lambda said: MAIN.sign(said(aud=7))),
    "an audience with a number": (
        "jwt_claim_invalid", lambda said: MAIN.sign(said(aud=[AUDIENCE, 7]))),
    "a subject that is a number": ("jwt_claim_invalid", lambda said: MAIN.sign(said(sub=7))),
    "a scope that is a number": ("jwt_claim_invalid", lambda said: MAIN.sign(said(scope=7))),
    "scopes that are numbers": ("jwt_claim_invalid", lambda said: MAIN.sign(said(scp=[7]))),
    "a name that is a number": (
        "jwt_claim_invalid", lambda said: MAIN.sign(said(preferred_username=7))),
    "a name that is a list": (
        "jwt_claim_invalid", lambda said: MAIN.sign(said(preferred_username=["a-admin"]))),
    "no name": ("jwt_claim_invalid", lambda said: MAIN.sign(said(""))),
    "a name that is a path": ("jwt_claim_invalid", lambda said: MAIN.sign(said("../admin"))),
    "a name of dots": ("jwt_claim_invalid", lambda said: MAIN.sign(said(".."))),
    "a name with a line feed": ("jwt_claim_invalid", lambda said: MAIN.sign(said("a-admin\n"))),
    "a name that is half a letter": ("jwt_claim_invalid", lambda said: MAIN.sign(said("\ud800"))),
    "a long name": ("jwt_claim_invalid", lambda said: MAIN.sign(said("a" * 256))),
    "bound to a key": ("jwt_bound", lambda said: MAIN.sign(said(cnf={"jkt": "x"}))),
    # Who.
    "an unknown user": ("jwt_unknown_user", lambda said: MAIN.sign(said("mallory"))),
    "a name with a space": ("jwt_unknown_user", lambda said: MAIN.sign(said("a-analyst "))),
    "a name with a query": ("jwt_unknown_user", lambda said: MAIN.sign(said("a-analyst?x=1"))),
    "a quoted name": ("jwt_unknown_user", lambda said: MAIN.sign(said("%61-analyst"))),
    "capitals": ("jwt_name_case", lambda said: MAIN.sign(said("A-Analyst"))),
}  # fmt: skip
