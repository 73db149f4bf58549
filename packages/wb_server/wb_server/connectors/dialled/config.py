"""What the configurations of databases share: the address, the login, and TLS."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, SecretStr, StringConstraints
from pydantic import field_validator as validates

from ..target import ConnectorConfig


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("may not contain a NUL character")
    return text


TextWithoutNul = Annotated[str, AfterValidator(_no_nul)]
Text = Annotated[TextWithoutNul, StringConstraints(min_length=1, max_length=500)]
Port = Annotated[int, Field(title="Port", ge=1, le=65535)]
ConnectTimeout = Annotated[
    int,
    Field(title="Connect timeout", description="Seconds until dialling gives up.", ge=2, le=60),
]


class DialledConfig(ConnectorConfig):
    """A database that is reached by host and port, and a login.

    Subclasses set the default of ``port``, and describe ``database``.
    """

    model_config = ConfigDict(extra="forbid")

    host: Text = Field(
        title="Host",
        description="The database server's name or address.",
        json_schema_extra={"examples": ["db.example.org"]},
    )
    port: Port
    database: Text = Field(title="Database")
    user: Text = Field(
        title="User",
        description="A login that may only do what the users of this connection may do.",
        json_schema_extra={"examples": ["workbench_reader"], "login": True},
    )
    password: SecretStr | None = Field(None, title="Password")
    sslmode: Literal["disable", "prefer", "require", "verify-full"] = Field(
        "prefer",
        title="TLS",
        description="verify-full checks the server's certificate and name: choose it where the "
        "network isn't trusted. prefer encrypts if the server can; disable never does.",
    )
    sslrootcert: TextWithoutNul | None = Field(
        None,
        title="Root certificate",
        description="PEM text of the authority that signed the server's certificate, for "
        "verify-full. Left empty, the system's list of authorities is used.",
        max_length=100_000,
        json_schema_extra={"shown_for": {"sslmode": ["verify-full"]}},
    )

    @validates("password")
    @classmethod
    def _password(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None:
            _no_nul(secret.get_secret_value())
        return secret
