"""Every action that is written into the audit log has words, for My Activity."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import wb_server
from wb_server.governance.audit.actions import AuditActions
from wb_server.kit.room import Room
from wb_server.rooms import LEVELS, ROOMS
from wb_server.routes import ROUTES

PACKAGE = Path(wb_server.__file__).parent


def written() -> Iterator[tuple[str, ast.expr, str]]:
    """The third argument of each call of ``started`` and ``refused``, with its module."""
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if ".started(" not in text and ".refused(" not in text:
            continue
        module = ".".join(["wb_server", *path.relative_to(PACKAGE).with_suffix("").parts])
        for node in ast.walk(ast.parse(text)):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("started", "refused")
                and len(node.args) >= 3
            ):
                yield module, node.args[2], ast.unparse(node.args[2])


def test_every_action_that_code_writes_has_words() -> None:
    known = {action.name for action in AuditActions(ROOMS).list() if action.recorded}
    found = set()
    for module, node, text in written():
        match node:
            case ast.Constant(str(name)):
                found.add(name)
            case ast.Name(name) if name.isupper():
                found.add(getattr(importlib.import_module(module), name))
            case ast.JoinedStr() if of_things := re.fullmatch(r"f'\{[\w.]*thing\}\.(\w+)'", text):
                found |= {f"{thing}.{of_things[1]}" for thing in LEVELS}
            case ast.JoinedStr():
                # f"query.{granted.permit.kind}"
                assert text.startswith("f'query.{"), f"{module}: {text}"
                found |= {"query.read", "query.write"}
            case _:
                # What an endpoint records.
                assert text in ("endpoint.audit", "action"), f"{module}: {text}"
    assert {"key.rotate", "credential.rotate", "audit.prune", "query.run"} <= found
    assert found <= known, f"name these in a room's `audited`: {found - known}"


def test_every_action_of_an_endpoint_has_words_of_its_own() -> None:
    actions = {action.name: action for action in AuditActions(ROOMS).list()}
    for route in ROUTES:
        assert route.audit is None or actions[route.audit].recorded
        assert route.action is None or actions[route.action].title
    titles = [action.title for action in actions.values() if action.recorded]
    assert len(titles) == len(set(titles))
    assert actions["connection.create"].title == "Add a connection"


def test_an_action_of_several_endpoints_must_be_named() -> None:
    assert not AuditActions(ROOMS).unclear
    route = next(route for route in ROUTES if route.audit == "connection.create")
    twice = Room("twice", routes=lambda: [route, replace(route, summary="Something else")])
    assert AuditActions([twice]).unclear == ["connection.create"]
    assert not AuditActions([replace(twice, audited={"connection.create": "Both"})]).unclear
