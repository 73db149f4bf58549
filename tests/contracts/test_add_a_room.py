"""The guide to adding a room, followed to the letter in a copy of the code."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
CODE = ROOT / "packages/wb_server/wb_server"
GUIDE = ROOT / "docs/developers/add-a-room.md"
BLOCK = re.compile(
    r"^`([\w/.]+\.py)`(, [^\n]*)?\n\n```(?:python|text)\n(.*?)^```", re.MULTILINE | re.DOTALL
)

USE = """
import json
import sys

from wb_server import rooms
from wb_server.composition import build
from wb_server.governance.secrets import vault
from wb_server.kit.actor import Actor
from wb_server.kit.db import migrate
from wb_server.kit.endpoint import Call, Origin, parse_body
from wb_server.kit.openapi import document
from wb_server.routes import ROUTES
from wb_server.settings import Settings

settings = Settings(data_dir=sys.argv[1])
vault.generate(settings.key_path)
migrate(settings.database)
workbench = build(settings)
find, add = (route for route in workbench.api.endpoints if route.room == "bookmarks")


def call(route, name, body=None):
    actor = Actor(name, frozenset({"viewer"}), frozenset({"use"}))
    workbench.api.authorise(actor, route.action)
    parsed = parse_body(route.body, body) if body else None
    asked = Call(actor, Origin("", "1"), workbench.services, _body=parsed)
    return route.handle(asked).model_dump()


call(add, "ana", b'{"name": "months", "statement": "select 1"}')
call(add, "ana", b'{"name": "months", "statement": "select 2"}')
print(json.dumps({
    "ana": call(find, "ana"),
    "ben": call(find, "ben"),
    "right": rooms.ACTIONS["bookmark.own"].title,
    "topic": "bookmarks" in workbench.bus.topics,
    "documented": "/bookmarks" in str(sorted(document(ROUTES)["paths"])),
}))
workbench.close()
"""


def test_the_guide_builds_a_working_room(tmp_path: Path) -> None:
    code = tmp_path / "code/wb_server"
    shutil.copytree(CODE, code, ignore=shutil.ignore_patterns("__pycache__"))
    versions = code / "migrations/versions"
    newest = max(path.stem for path in versions.glob("0*.py"))
    for path, where, text in BLOCK.findall(GUIDE.read_text("utf-8")):
        target = code / path
        if where:
            # The guide adds two lines: an import, and the last entry of the list.
            mark = "\nif TYPE_CHECKING" if "import" in text else ")\n\nACTIONS"
            head, tail = target.read_text("utf-8").split(mark, 1)
            target.write_text(f"{head}{text}{mark}{tail}", "utf-8")
        else:
            target.parent.mkdir(exist_ok=True)
            target.write_text(text.replace("{newest}", newest), "utf-8")
    (code / "bookmarks/__init__.py").touch()
    (tmp_path / "data").mkdir()

    done = subprocess.run(
        [sys.executable, "-c", USE, str(tmp_path / "data")],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "code")},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "ana": {"items": [{"name": "months", "statement": "select 2"}]},
        "ben": {"items": []},
        "right": "keep one's own bookmarks",
        "topic": True,
        "documented": True,
    }
