"""The service's settings for JWTs: which belong together, and which values are never accepted."""

from __future__ import annotations

import pytest
from traitlets import TraitError

from wb_server.settings import Settings

COMPLETE = {
    "WB_JWT_ISSUER": "https://id.example.org/realms/staff",
    "WB_JWT_AUDIENCE": "workbench-api",
    "WB_JWT_JWKS_URL": "https://id.example.org/realms/staff/certs",
}


def test_without_settings_no_jwt_is_accepted() -> None:
    assert Settings.from_environment({}).jwt_issuer == ""


def test_a_complete_configuration_is_accepted() -> None:
    settings = Settings.from_environment({**COMPLETE, "WB_JWT_ALGORITHMS": " ES256, EdDSA "})
    assert settings.jwt_algorithm_names == ("ES256", "EdDSA")
    assert Settings.from_environment(COMPLETE).jwt_algorithm_names == ("RS256", "ES256")
    assert settings.jwt_claim == "preferred_username"
    assert settings.jwt_fold_case is False


@pytest.mark.parametrize("left_out", COMPLETE)
def test_an_incomplete_configuration_is_refused(left_out: str) -> None:
    part = {name: value for name, value in COMPLETE.items() if name != left_out}
    with pytest.raises(TraitError, match=f"so .*{left_out}.* must be set too"):
        Settings.from_environment(part)


@pytest.mark.parametrize(
    "algorithms", ["none", "HS256", "RS256,HS512", "RS256,none", "rs256", ",", "ES256K", "RSA1_5"]
)
def test_unsupported_algorithms_are_refused(algorithms: str) -> None:
    with pytest.raises(TraitError, match="WB_JWT_ALGORITHMS"):
        Settings.from_environment({**COMPLETE, "WB_JWT_ALGORITHMS": algorithms})


@pytest.mark.parametrize(
    "url",
    [
        "http://id.example.org/certs",
        "http://127.0.0.1.example.org/certs",
        "http://localhost.example.org/certs",
        "http://10.0.0.1/certs",
        "https://",
        "https:///certs",
        "https://id.example.org:port/certs",
        "file:///etc/passwd",
        "ftp://id.example.org/certs",
        "//id.example.org/certs",
        "id.example.org/certs",
        "data:application/json,{}",
    ],
)
def test_keys_are_fetched_only_over_https(url: str) -> None:
    for loopback in ("0", "1"):
        with pytest.raises(TraitError, match="WB_JWT_JWKS_URL"):
            Settings.from_environment(
                {**COMPLETE, "WB_JWT_JWKS_URL": url, "WB_ALLOW_LOOPBACK": loopback}
            )


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/certs", "http://[::1]:1/certs"])
def test_keys_are_fetched_from_loopback_only_if_allowed(url: str) -> None:
    given = {**COMPLETE, "WB_JWT_JWKS_URL": url}
    with pytest.raises(TraitError):
        Settings.from_environment(given)
    assert Settings.from_environment({**given, "WB_ALLOW_LOOPBACK": "1"}).jwt_jwks_url == url


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WB_JWT_MAX_LIFETIME", "0"),
        ("WB_JWT_MAX_LIFETIME", "a day"),
        ("WB_JWT_KEYS_INTERVAL", "0"),
        ("WB_JWT_KEYS_INTERVAL", "-1"),
        ("WB_JWT_FOLD_CASE", "perhaps"),
        ("WB_JWT_ISSUER", "https://" + "x" * 200),
    ],
)
def test_invalid_values_are_refused(name: str, value: str) -> None:
    with pytest.raises(TraitError, match=name):
        Settings.from_environment({**COMPLETE, name: value})
