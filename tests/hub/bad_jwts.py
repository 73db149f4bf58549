"""Invalid JWTs: every way in which a token can be wrong, and the code of its refusal.

Each entry builds its token with ``claims``, a function that returns the claims of a valid token with
some of them changed.
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
ELSEWHERE = Signer("main")  # another issuer's key, under the same id
WEAK = Signer("weak", bits=1024)
NEXT = Signer("next")

Make = Callable[[Callable[..., dict[str, Any]]], str]


def _unsigned(claims: dict[str, Any], **header: Any) -> str:
    return assemble({"typ": "JWT", "kid": "main", **header}, claims)


def _cut(token: str, parts: int) -> str:
    return ".".join(token.split(".")[:parts])


def _swapped(token: str, **claims: Any) -> str:
    """The token with other claims under its old signature."""
    head, _, signature = token.split(".")
    changed = jwt.decode(token, options={"verify_signature": False}) | claims
    return ".".join((head, part(json.dumps(changed).encode()).decode(), signature))


NOW = time.time

BAD: dict[str, tuple[str, Make]] = {
    # The algorithm.
    "no algorithm": ("jwt_no_algorithm", lambda claims: _unsigned(claims())),
    "no algorithm, signed": ("jwt_no_algorithm", lambda claims: MAIN.sign(claims(), alg=None)),
    "none": ("jwt_unsigned", lambda claims: _unsigned(claims(), alg="none")),
    "None": ("jwt_unsigned", lambda claims: _unsigned(claims(), alg="nOnE")),
    "none, with a signature": ("jwt_unsigned", lambda claims: MAIN.sign(claims(), alg="none")),
    "RS256, no signature": ("jwt_unsigned", lambda claims: _unsigned(claims(), alg="RS256")),
    "HS256 with the public key": (
        "jwt_algorithm", lambda claims: MAIN.sign_with_public_key(claims())),
    "not on the list": ("jwt_algorithm", lambda claims: MAIN.sign(claims(), "PS256")),
    "made up": ("jwt_algorithm", lambda claims: MAIN.sign(claims(), alg="RS257")),
    "a list": ("jwt_algorithm", lambda claims: MAIN.sign(claims(), alg=["RS256"])),
    "small letters": ("jwt_algorithm", lambda claims: MAIN.sign(claims(), alg="rs256")),
    # The key.
    "RSA's name, a curve's key": ("jwt_wrong_key", lambda claims: CURVE.sign(claims(), alg="RS256")),
    "a curve's name, RSA's key": ("jwt_wrong_key", lambda claims: MAIN.sign(claims(), alg="ES256")),
    "another curve": ("jwt_wrong_key", lambda claims: OTHER_CURVE.sign(claims(), alg="ES256")),
    "a weak key": ("jwt_wrong_key", lambda claims: WEAK.sign(claims())),
    "a key that is none": ("jwt_wrong_key", lambda claims: MAIN.sign(claims(), kid="odd")),
    "no key's id": ("jwt_no_key", lambda claims: MAIN.sign(claims(), kid=None)),
    "a key's id that is a number": ("jwt_no_key", lambda claims: MAIN.sign(claims(), kid=1)),
    "an unknown key": ("jwt_unknown_key", lambda claims: NEXT.sign(claims())),
    "a path": ("jwt_unknown_key", lambda claims: MAIN.sign(claims(), kid="../../../../dev/null")),
    "an address": ("jwt_unknown_key", lambda claims: MAIN.sign(claims(), kid="http://127.0.0.1:9/k")),
    "SQL": ("jwt_unknown_key", lambda claims: MAIN.sign(claims(), kid="x' union select 'k' --")),
    "a line feed": ("jwt_unknown_key", lambda claims: MAIN.sign(claims(), kid="main\nmain")),
    "somebody else's key in the header": (
        "jwt_bad_signature", lambda claims: ELSEWHERE.sign(claims(), jwk=ELSEWHERE.jwk)),
    # The signature.
    "somebody else's key": ("jwt_bad_signature", lambda claims: ELSEWHERE.sign(claims())),
    "other claims": (
        "jwt_bad_signature",
        lambda claims: _swapped(MAIN.sign(claims()), preferred_username="a-admin")),
    "a curve's signature, short": (
        "jwt_bad_signature", lambda claims: CURVE.sign(claims())[:-2]),
    # The form.
    "two parts": ("jwt_malformed", lambda claims: _cut(MAIN.sign(claims()), 2)),
    "four parts": ("jwt_malformed", lambda claims: MAIN.sign(claims()) + ".x"),
    "five parts": ("jwt_malformed", lambda claims: MAIN.sign(claims(), enc="A256GCM") + ".x.y"),
    "claims that are a list": (
        "jwt_malformed", lambda claims: assemble({"alg": "RS256"}, [1], lambda text: b"x")),
    "claims that are no JSON": (
        "jwt_malformed", lambda claims: _unsigned(claims(), alg="RS256").split(".")[0] + ".eA.eA"),
    "padded": ("jwt_malformed", lambda claims: MAIN.sign(claims()) + "=="),
    "odd letters": ("jwt_malformed", lambda claims: MAIN.sign(claims())[:-2] + "+/"),
    "too large": ("jwt_too_large", lambda claims: MAIN.sign(claims(groups=["x" * 20] * 400))),
    "critical": ("jwt_critical", lambda claims: MAIN.sign(claims(), crit=["exp"])),
    "critical, not a list": ("jwt_critical", lambda claims: MAIN.sign(claims(), crit=True)),
    "detached": ("jwt_critical", lambda claims: MAIN.sign(claims(), b64=False, crit=["b64"])),
    "a logout token": ("jwt_type", lambda claims: MAIN.sign(claims(), typ="logout+jwt")),
    "a type that is a number": ("jwt_type", lambda claims: MAIN.sign(claims(), typ=1)),
    # For whom, from whom.
    "foreign audience": ("jwt_foreign_audience", lambda claims: MAIN.sign(claims(aud="elsewhere"))),
    "foreign audiences": ("jwt_foreign_audience", lambda claims: MAIN.sign(claims(aud=["a", "b"]))),
    "a longer audience": (
        "jwt_foreign_audience", lambda claims: MAIN.sign(claims(aud=AUDIENCE + "-2"))),
    "no audience in the list": ("jwt_claim_missing", lambda claims: MAIN.sign(claims(aud=[]))),
    "foreign issuer": (
        "jwt_foreign_issuer", lambda claims: MAIN.sign(claims(iss="https://id.example.org"))),
    "an issuer with a slash": (
        "jwt_foreign_issuer", lambda claims: MAIN.sign(claims(iss=claims()["iss"] + "/"))),
    # When.
    "expired": ("jwt_expired", lambda claims: MAIN.sign(claims(exp=int(NOW()) - 60))),
    "expired long ago": ("jwt_expired", lambda claims: MAIN.sign(claims(iat=0, exp=1))),
    "not yet valid": ("jwt_not_yet_valid", lambda claims: MAIN.sign(claims(nbf=int(NOW()) + 200))),
    "issued in the future": ("jwt_not_yet_valid", lambda claims: MAIN.sign(claims(iat=NOW() + 200))),
    "lives too long": (
        "jwt_lives_too_long", lambda claims: MAIN.sign(claims(exp=int(NOW()) + 25 * 3600))),
    "lives too long since ever": ("jwt_lives_too_long", lambda claims: MAIN.sign(claims(iat=0))),
    # Claims.
    **{f"no {claim}": (
        "jwt_claim_missing", lambda claims, claim=claim: MAIN.sign(claims(**{claim: None})))
       for claim in ("exp", "iat", "iss", "aud", "preferred_username")},
    "a time as text": ("jwt_claim_invalid", lambda claims: MAIN.sign(claims(exp="9999999999"))),
    "a time as truth": ("jwt_claim_invalid", lambda claims: MAIN.sign(claims(iat=True))),
    "an endless time": ("jwt_claim_invalid", lambda claims: MAIN.sign(claims(exp=float("inf")))),
    "no number": ("jwt_claim_invalid", lambda claims: MAIN.sign(claims(nbf=float("nan")))),
    "a huge time": ("jwt_claim_invalid", lambda claims: MAIN.sign(claims(exp=10**400))),
    "a time before time": ("jwt_claim_invalid", lambda claims: MAIN.sign(claims(iat=-1))),
    "an issuer in a list": ("jwt_claim_invalid", lambda claims: MAIN.sign(claims(iss=[claims()["iss"]]))),
    "an audience that is a number": ("jwt_claim_invalid", lambda claims: MAIN.sign(claims(aud=7))),
    "an audience with a number": (
        "jwt_claim_invalid", lambda claims: MAIN.sign(claims(aud=[AUDIENCE, 7]))),
    "a subject that is a number": ("jwt_claim_invalid", lambda claims: MAIN.sign(claims(sub=7))),
    "a scope that is a number": ("jwt_claim_invalid", lambda claims: MAIN.sign(claims(scope=7))),
    "scopes that are numbers": ("jwt_claim_invalid", lambda claims: MAIN.sign(claims(scp=[7]))),
    "a name that is a number": (
        "jwt_claim_invalid", lambda claims: MAIN.sign(claims(preferred_username=7))),
    "a name that is a list": (
        "jwt_claim_invalid", lambda claims: MAIN.sign(claims(preferred_username=["a-admin"]))),
    "no name": ("jwt_claim_invalid", lambda claims: MAIN.sign(claims(""))),
    "a name that is a path": ("jwt_claim_invalid", lambda claims: MAIN.sign(claims("../admin"))),
    "a name of dots": ("jwt_claim_invalid", lambda claims: MAIN.sign(claims(".."))),
    "a name with a line feed": ("jwt_claim_invalid", lambda claims: MAIN.sign(claims("a-admin\n"))),
    "a name that is half a letter": ("jwt_claim_invalid", lambda claims: MAIN.sign(claims("\ud800"))),
    "a long name": ("jwt_claim_invalid", lambda claims: MAIN.sign(claims("a" * 256))),
    "bound to a key": ("jwt_bound", lambda claims: MAIN.sign(claims(cnf={"jkt": "x"}))),
    # Who.
    "an unknown user": ("jwt_unknown_user", lambda claims: MAIN.sign(claims("mallory"))),
    "a name with a space": ("jwt_unknown_user", lambda claims: MAIN.sign(claims("a-analyst "))),
    "a name with a query": ("jwt_unknown_user", lambda claims: MAIN.sign(claims("a-analyst?x=1"))),
    "a quoted name": ("jwt_unknown_user", lambda claims: MAIN.sign(claims("%61-analyst"))),
    "capitals": ("jwt_name_case", lambda claims: MAIN.sign(claims("A-Analyst"))),
}  # fmt: skip
