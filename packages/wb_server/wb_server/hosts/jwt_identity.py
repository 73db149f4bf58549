"""Authentication by JSON Web Tokens of a configured issuer (RFC 7519, RFC 8725).

The issuer only says who the user is. What they may do comes from their current groups at the Hub, where
they must exist. Nothing in a token is trusted before its signature is checked with one of the issuer's
keys; checks before that can only refuse it.

The only module that imports ``jwt``.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from datetime import datetime
from typing import Any

import jwt

from ..kit.actor import Actor
from ..kit.errors import NotSignedIn
from ..settings import Settings
from .hub_directory import HubDirectory
from .jwks import IssuerKeys, Jwk

# A change at the Hub takes effect for JWTs as fast as for the Hub's own tokens.
CACHE_SECONDS = 2.0
MAX_BYTES = 8192
_LEEWAY_SECONDS = 30
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
# The key type of each algorithm, and its curve if it has one (RFC 7518, RFC 8037).
_KEY_OF: dict[str, tuple[str, str | None]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), ("RSA", None)),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}
# A token that names its type must be one for an API (RFC 8725, section 3.11).
_TYPES = {"jwt", "at+jwt", "application/jwt", "application/at+jwt"}
_REQUIRED = ("iss", "aud", "exp", "iat")
_TIMES = ("exp", "iat", "nbf")
_TEXTS = ("iss", "sub", "jti")


def is_jwt(token: str) -> bool:
    """Whether a token looks like a JWT: parts separated by dots, the first one a JSON object.

    The Hub's own tokens are hexadecimal digits.
    """
    first, dot, _ = token[: MAX_BYTES * 2].partition(".")
    return bool(dot) and _json(first) is not None


class JwtIdentity:
    """Checks tokens of one issuer, and looks up their users at the Hub.

    Belongs to one event loop.
    """

    def __init__(self, settings: Settings, directory: HubDirectory) -> None:
        self._issuer = settings.jwt_issuer
        self._audience = settings.jwt_audience
        self._algorithms = settings.jwt_algorithm_names
        self._claim = settings.jwt_claim
        self._fold_case = settings.jwt_fold_case
        self._read_scope = settings.jwt_read_scope
        self._max_lifetime = settings.jwt_max_lifetime
        self._keys = IssuerKeys(settings.jwt_jwks_url, interval=settings.jwt_keys_interval)
        self._directory = directory

    async def actor(self, token: str) -> Actor:
        """The Hub's user whom the token names.

        Raises:
            NotSignedIn: the token isn't accepted; its code says why (``jwt_…``).
            Unavailable: the issuer's keys can't be read, or the Hub doesn't answer.
        """
        header, unverified = _decode(token)
        algorithm, kid = self._check_header(header)
        self._check_claims(unverified)
        claims = self._verified(token, algorithm, await self._keys.get(kid))
        name, scopes = self._name(claims), self._scopes(claims)
        # First, because it always asks the Hub: the groups are then of the same answer.
        created = await asyncio.to_thread(self._directory.created_at, name)
        groups = await asyncio.to_thread(self._directory.groups_of, name, CACHE_SECONDS)
        if groups is None:
            raise self._unknown(name)
        if (
            created
            and claims["iat"] + _LEEWAY_SECONDS < datetime.fromisoformat(created).timestamp()
        ):
            raise _refused(
                "jwt_before_user",
                f"The token was issued before the Hub's user “{name}” was created. Get a new one.",
            )
        return Actor(name, groups, scopes, via=f"jwt:{self._issuer}")

    async def close(self) -> None:
        """Closes the connections to the issuer."""
        await self._keys.close()

    def _check_header(self, header: dict[str, Any]) -> tuple[str, str]:
        """The algorithm and the key's id. Addresses and keys in a header are never looked at."""
        algorithm = header.get("alg")
        if algorithm is None:
            raise _refused("jwt_no_algorithm", "The token doesn't name an algorithm (alg).")
        if isinstance(algorithm, str) and algorithm.lower() == "none":
            raise _refused("jwt_unsigned", "The token isn't signed.")
        if algorithm not in self._algorithms:
            raise _refused(
                "jwt_algorithm",
                f"Tokens must be signed with {' or '.join(self._algorithms)}.",
                allowed=[*self._algorithms],
            )
        if "crit" in header or "b64" in header:
            raise _refused("jwt_critical", "The token requires an unknown extension (crit).")
        kind = header.get("typ", "JWT")
        if not isinstance(kind, str) or kind.lower() not in _TYPES:
            raise _refused(
                "jwt_type", "This isn't an access token (typ is neither JWT nor at+jwt)."
            )
        kid = header.get("kid")
        if not isinstance(kid, str) or not kid:
            raise _refused("jwt_no_key", "The token doesn't name the key that signed it (kid).")
        return str(algorithm), kid

    def _check_claims(self, unverified: dict[str, Any]) -> None:
        """Refuses tokens that are plainly not for this service, before asking the issuer for keys."""
        for claim in _REQUIRED:
            if unverified.get(claim) is None:
                raise _missing(claim)
        for claim in _TIMES:
            if claim in unverified and not _is_time(unverified[claim]):
                raise _invalid(claim, "must be a number of seconds since 1970")
        for claim in _TEXTS:
            if claim in unverified and not isinstance(unverified[claim], str):
                raise _invalid(claim, "must be a string")
        audience = unverified["aud"] if isinstance(unverified["aud"], list) else [unverified["aud"]]
        if not all(isinstance(each, str) for each in audience):
            raise _invalid("aud", "must be a string or a list of strings")
        if unverified["iss"] != self._issuer:
            raise self._foreign_issuer()

    def _verified(self, token: str, algorithm: str, keys: list[Jwk]) -> dict[str, Any]:
        """The claims, with signature, times, issuer and audience verified."""
        if not keys:
            raise _refused("jwt_unknown_key", "The issuer has no key with this token's id (kid).")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                _key(keys, algorithm),
                algorithms=[algorithm],
                audience=self._audience,
                issuer=self._issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": [*_REQUIRED], "enforce_minimum_key_length": True},
            )
        except jwt.PyJWTError as error:
            raise self._refusal(error) from None
        if claims["exp"] - claims["iat"] > self._max_lifetime:
            raise _refused(
                "jwt_lives_too_long",
                f"A token may be valid for at most {self._max_lifetime} seconds, from iat to exp.",
                limit=self._max_lifetime,
            )
        if "cnf" in claims:
            raise _refused("jwt_bound", "The token is bound to a key (cnf), which isn't supported.")
        return claims

    def _refusal(self, error: jwt.PyJWTError) -> NotSignedIn:
        match error:
            case jwt.ExpiredSignatureError():
                return _refused("jwt_expired", "The token has expired. Get a new one.")
            case jwt.ImmatureSignatureError():
                return _refused("jwt_not_yet_valid", "The token isn't valid yet (nbf or iat).")
            case jwt.InvalidAudienceError():
                return _refused(
                    "jwt_foreign_audience",
                    "The token isn't meant for the Workbench: aud must contain "
                    f"“{self._audience}”.",
                    expected=self._audience,
                )
            case jwt.InvalidIssuerError():
                return self._foreign_issuer()
            case jwt.MissingRequiredClaimError():
                return _missing(error.claim)
            case jwt.InvalidSignatureError():
                return _refused("jwt_bad_signature", "The token's signature is wrong.")
            case jwt.InvalidKeyError() | jwt.PyJWKError():
                return _wrong_key()
        return _refused("jwt_malformed", "The token is damaged.")

    def _foreign_issuer(self) -> NotSignedIn:
        return _refused(
            "jwt_foreign_issuer",
            f"Only tokens of the issuer “{self._issuer}” are accepted; iss must match exactly.",
            expected=self._issuer,
        )

    def _name(self, claims: dict[str, Any]) -> str:
        """The user's name at the Hub."""
        name = claims.get(self._claim)
        if name is None:
            raise _missing(self._claim)
        if not isinstance(name, str) or not 0 < len(name) <= 255:
            raise _invalid(self._claim, "must be a user name")
        # It becomes part of a URL at the Hub.
        if not name.isprintable() or "/" in name or name in (".", ".."):
            raise _invalid(self._claim, "must be a user name")
        return name.lower() if self._fold_case else name

    def _unknown(self, name: str) -> NotSignedIn:
        if name != name.lower():
            return _refused(
                "jwt_name_case",
                f"The Hub has no user “{name}”: its user names are lower-case.",
                name=name,
            )
        return _refused("jwt_unknown_user", f"The Hub has no user “{name}”.", name=name)

    def _scopes(self, claims: dict[str, Any]) -> frozenset[str]:
        """What the token is narrowed to; groups and roles in it are ignored."""
        granted: set[str] = set()
        for claim in ("scope", "scp"):
            value = claims.get(claim, [])
            names = value.split() if isinstance(value, str) else value
            if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
                raise _invalid(claim, "must be a string or a list of strings")
            granted.update(names)
        return frozenset({"read" if self._read_scope in granted else "use"})


def _decode(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, unverified."""
    if len(token) > MAX_BYTES:
        raise _refused(
            "jwt_too_large", f"The token is over {MAX_BYTES // 1024} KiB.", limit=MAX_BYTES
        )
    parts = token.split(".")
    header = _json(parts[0])
    if header is None or len(parts) != 3:
        raise _refused("jwt_malformed", "A JWT has three parts separated by dots. Is it truncated?")
    if not parts[2]:
        raise _refused(
            "jwt_no_algorithm" if "alg" not in header else "jwt_unsigned", "The token isn't signed."
        )
    claims = _json(parts[1])
    if claims is None or not _BASE64URL.fullmatch(parts[2]):
        raise _refused("jwt_malformed", "The token is damaged.")
    return header, claims


def _json(part: str) -> dict[str, Any] | None:
    """A part's JSON object, or ``None`` if it isn't one."""
    if not _BASE64URL.fullmatch(part):
        return None
    try:
        value = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _key(keys: list[Jwk], algorithm: str) -> jwt.PyJWK:
    """The key for the algorithm, among those that share its id."""
    kind, curve = _KEY_OF[algorithm]
    for jwk in keys:
        if (
            jwk.get("kty") == kind
            and (curve is None or jwk.get("crv") == curve)
            and jwk.get("alg", algorithm) == algorithm
        ):
            try:
                return jwt.PyJWK(jwk, algorithm)
            except (jwt.PyJWTError, AttributeError, LookupError, TypeError, ValueError):
                break  # the issuer's entry isn't a valid key
    raise _wrong_key()


def _is_time(value: object) -> bool:
    """Whether it is a time in seconds, small enough to calculate with."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 2**53


def _refused(code: str, message: str, **details: Any) -> NotSignedIn:
    return NotSignedIn(message, code=code, **details)


def _missing(claim: str) -> NotSignedIn:
    return _refused("jwt_claim_missing", f"The token has no claim “{claim}”.", claim=claim)


def _invalid(claim: str, reason: str) -> NotSignedIn:
    return _refused("jwt_claim_invalid", f"The token's claim “{claim}” {reason}.", claim=claim)


def _wrong_key() -> NotSignedIn:
    return _refused("jwt_wrong_key", "The issuer's key doesn't match the token's algorithm.")
