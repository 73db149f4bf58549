"""Values in addresses and bodies: each stays a value, whatever is in it."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from wb_server.kit.errors import Unprocessable
from wb_server.pipelines.definition import placing

SCOPE: dict[str, Any] = {
    "params": {
        "up": "../users/1",
        "id": 7,
        "day": date(2026, 3, 31),
        "words": "a b&c=d#e?f/g",
        "accent": "é%41",
        "dots": "..",
        "dot": ".",
        "empty": "",
        "nothing": None,
        "host": "hooks.example.org",
        "tenant": "münchen",
        "evil": "evil.example/x?",
        "at": "u:p@evil.example",
        "wide": "evil.example／x",
        "base": "https://api.example.org/v2",
        "scheme": "https",
        "quote": 'a", "admin": true, "b": "\\\n',
        "list": [1, "two"],
        "surrogate": "\ud800",
    }
}


def at(text: str) -> str:
    return text.replace("<", "{{ params.").replace(">", " }}")


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("https://h.example/users/<up>", "https://h.example/users/..%2Fusers%2F1"),
        ("https://h.example/users/<words>/x", "https://h.example/users/a%20b%26c%3Dd%23e%3Ff%2Fg/x"),
        ("https://h.example/<id>/<day>", "https://h.example/7/2026-03-31"),
        ("https://h.example/a-<dots>-b", "https://h.example/a-..-b"),
        ("https://h.example/?q=<words>&r=<accent>",
         "https://h.example/?q=a%20b%26c%3Dd%23e%3Ff%2Fg&r=%C3%A9%2541"),
        ("https://h.example?q=<up>", "https://h.example?q=..%2Fusers%2F1"),
        ("https://h.example/?q=<empty>&r=<nothing>", "https://h.example/?q=&r="),
        ("https://h.example/#<words>", "https://h.example/#a%20b%26c%3Dd%23e%3Ff%2Fg"),
        ("https://<host>/x", "https://hooks.example.org/x"),
        ("https://<tenant>.example.org:8443/x", "https://münchen.example.org:8443/x"),
        ("<scheme>://h.example/<up>", "https://h.example/..%2Fusers%2F1"),
        ("<base>", "https://api.example.org/v2"),
        ("<base>/users/<up>?a=<words>",
         "https://api.example.org/v2/users/..%2Fusers%2F1?a=a%20b%26c%3Dd%23e%3Ff%2Fg"),
    ],
)  # fmt: skip
def test_a_value_is_encoded_for_its_place_in_an_address(text: str, sent: str) -> None:
    assert placing.url(at(text), SCOPE) == sent


@pytest.mark.parametrize(
    "text",
    ["https://h.example/users/<dots>", "https://h.example/<dot>/x", "https://h.example/<dot><dot>/x",
     "https://h.example/.<dot>", "https://h.example/%2e<dot>/x", "https://h.example/users/<empty>",
     "https://h.example/users/<nothing>/delete", "https://<evil>", "https://<evil>/x",
     "https://a.<evil>/x", "https://<at>/x", "https://a@<at>/x", "https://<wide>.example.org/",
     "https://<empty>/x", "<base>://x/", "h<base>://x/",
     "https://h.example/<surrogate>", "https://h.example/?a=<surrogate>"],
)  # fmt: skip
def test_a_value_that_would_change_an_address_is_refused(text: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        placing.url(at(text), SCOPE)
    assert refused.value.code == "expression_failed"


def test_a_path_is_encoded_from_its_first_character() -> None:
    assert placing.path(at("/users/<up>"), SCOPE) == "/users/..%2Fusers%2F1"
    assert placing.path(at("/find?q=<words>"), SCOPE) == "/find?q=a%20b%26c%3Dd%23e%3Ff%2Fg"
    with pytest.raises(Unprocessable):
        placing.path(at("/users/<dots>/x"), SCOPE)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"name": "<quote>"}', {"name": SCOPE["params"]["quote"]}),
        ('{"name": <quote>, "n": <id>}', {"name": SCOPE["params"]["quote"], "n": 7}),
        ('{"a": "x <quote> y", "l": <list>, "d": <day>, "z": <nothing>}',
         {"a": f"x {SCOPE['params']['quote']} y", "l": [1, "two"], "d": "2026-03-31", "z": None}),
        ('["\\"<quote>"]', ['"' + SCOPE["params"]["quote"]]),
        ('{"<quote>": 1}', {SCOPE["params"]["quote"]: 1}),
    ],
)  # fmt: skip
def test_values_in_json_text_keep_its_structure(text: str, value: Any) -> None:
    assert json.loads(placing.body(at(text), SCOPE)) == value


def test_other_text_is_sent_as_it_is_and_a_single_expression_keeps_its_type() -> None:
    assert placing.body(at("<id> rows: <words>"), SCOPE) == "7 rows: a b&c=d#e?f/g"
    assert placing.body(at("[<words>] loaded"), SCOPE) == "[a b&c=d#e?f/g] loaded"
    assert placing.body(at("<list>"), SCOPE) == [1, "two"]
