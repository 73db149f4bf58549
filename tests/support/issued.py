"""Keys of an issuer of JWTs, and tokens signed with them, valid and invalid."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE = "workbench-api"


class Signer:
    """A private key with an id.

    Args:
        kind: the key's algorithm: RS256, ES256, ES384 or EdDSA.
        bits: the length of an RSA key.
    """

    def __init__(self, kid: str, kind: str = "RS256", bits: int = 2048) -> None:
        self.kid = kid
        self.kind = kind
        self.key: Any
        if kind == "RS256":
            self.key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
            to_jwk: Callable[..., Any] = RSAAlgorithm.to_jwk
        elif kind == "EdDSA":
            self.key = ed25519.Ed25519PrivateKey.generate()
            to_jwk = OKPAlgorithm.to_jwk
        else:
            curve = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1()}[kind]
            self.key = ec.generate_private_key(curve)
            to_jwk = ECAlgorithm.to_jwk
        self.jwk = {**to_jwk(self.key.public_key(), as_dict=True), "kid": kid, "use": "sig"}
        self.jwk.pop("key_ops", None)
        self.private_jwk = {**to_jwk(self.key, as_dict=True), "kid": kid}

    def sign(self, claims: dict[str, Any], algorithm: str | None = None, **headers: Any) -> str:
        """A token with these claims; a header that is ``None`` is left out."""
        head = {"typ": "JWT", "alg": algorithm or self.kind, "kid": self.kid, **headers}
        name = algorithm or self.kind
        it = jwt.get_algorithm_by_name(name)
        return assemble(head, claims, lambda text: it.sign(text, self.key))

    def sign_with_public_key(self, claims: dict[str, Any]) -> str:
        """A token with the public key as its HMAC secret: verifiers that take any algorithm accept it."""
        secret = self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return assemble(
            {"typ": "JWT", "alg": "HS256", "kid": self.kid},
            claims,
            lambda text: hmac.digest(secret, text, hashlib.sha256),
        )


def assemble(
    header: dict[str, Any], claims: object, sign: Callable[[bytes], bytes] = lambda text: b""
) -> str:
    """A token with any header and claims, even those that a library refuses to encode."""
    head = {name: value for name, value in header.items() if value is not None}
    text = b".".join(part(json.dumps(each).encode()) for each in (head, claims))
    return b".".join((text, part(sign(text)))).decode()


def part(content: bytes) -> bytes:
    """A part of a token: base64url without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def claims_of(issuer: str, name: str = "a-analyst", **more: Any) -> dict[str, Any]:
    """A user's claims, valid now; a claim that is ``None`` is left out."""
    now = int(time.time())
    claims = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": "f81d4fae",
        "preferred_username": name,
        "iat": now,
        "exp": now + 300,
        **more,
    }
    return {claim: value for claim, value in claims.items() if value is not None}
