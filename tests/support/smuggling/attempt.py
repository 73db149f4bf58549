"""An attempt of the corpus, and its observed effects."""

from __future__ import annotations

import tomllib
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from ..wait import wait_for

Harm = Literal["state", "leak", "session", "error", "time"]
CORPUS = Path(__file__).parents[2] / "security" / "smuggling"
# A statement that takes this long counts as keeping a session busy.
LONG_SECONDS = 1.0


@dataclass(frozen=True)
class Attempt:
    """One attempt; ``security/smuggling/postgres.toml`` explains the fields."""

    technique: str
    sql: str
    expect: str
    harm: Harm
    level: Literal["use", "write"] = "use"
    params: dict[str, Any] = field(default_factory=dict)
    on: tuple[str, ...] = ()
    before: str = ""
    routines: tuple[str, ...] = ()

    def with_words(self, words: dict[str, str]) -> Attempt:
        """The attempt with a place's words filled in."""

        def put_in(value: Any) -> Any:
            if isinstance(value, str):
                for name, word in words.items():
                    value = value.replace(f"{{{name}}}", word)
            elif isinstance(value, list):
                value = [put_in(item) for item in value]
            elif isinstance(value, dict):
                value = {key: put_in(item) for key, item in value.items()}
            return value

        return replace(
            self,
            sql=put_in(self.sql),
            params=put_in(self.params),
            before=put_in(self.before),
            routines=tuple(put_in(list(self.routines))),
        )


def attempts(dialect: str) -> list[Attempt]:
    """The corpus of a dialect."""
    content = tomllib.loads((CORPUS / f"{dialect}.toml").read_text(encoding="utf-8"))
    return [Attempt(**each) for each in content["attempt"]]


def interpolated(sql: str, params: dict[str, Any]) -> str:
    """The statement with its parameters pasted into the text, as careless programs do."""
    for name, value in params.items():
        while isinstance(value, list):
            value = f"({value[0]})"
        if isinstance(value, dict):
            text = str(value["value"])
        elif isinstance(value, str) and f"':{name}'" not in sql and not value.startswith("("):
            text = value if name == "table" else f"'{value}'"
        else:
            text = str(value)
        sql = sql.replace(f":{name}", text)
    return sql


@dataclass
class Seen:
    """What a statement did when sent directly to the database."""

    output: str = ""
    failed: bool = False
    seconds: float = 0.0
    session_changed: bool = False


class Place(Protocol):
    """The data of one attempt: canary rows, secrets, and a login that may do everything.

    Attributes:
        words: filled into the attempt's statement.
        secrets: what must never appear in an answer.
        connector: the kind of connection.
        config: the connection's configuration, with the login.
    """

    words: dict[str, str]
    secrets: list[str]
    connector: str
    config: dict[str, Any]

    def prepare(self, sql: str) -> None:
        """Runs what a user with sufficient rights has done beforehand."""

    def state(self) -> str:
        """All stored state that an attempt could change, as text to compare."""

    def run_directly(self, sql: str) -> Seen:
        """Runs a statement without the gate, with the same login."""


def harmed(attempt: Attempt, place: Place, before: str, seen: Seen) -> bool:
    """True if the attempt did its stated harm without the gate."""
    if attempt.harm == "state":
        # Terminating another session takes effect a moment later.
        with suppress(TimeoutError):
            return wait_for(lambda: place.state() != before, 5)
        return False
    if attempt.harm == "leak":
        return any(secret in seen.output for secret in place.secrets)
    if attempt.harm == "session":
        return seen.session_changed
    if attempt.harm == "error":
        return seen.failed
    return seen.seconds > LONG_SECONDS
