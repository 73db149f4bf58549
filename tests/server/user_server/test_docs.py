"""The documentation that a user's server serves to Lab."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder
from support.api import Api

from wb_server.user_server.docs_handlers import folder

REPO = Path(__file__).parents[3]


def test_every_page_and_picture_is_served(embedded_api: Api) -> None:
    http, base = embedded_api.http, f"{embedded_api.base}/docs"
    index = http.get(f"{base}/README.md")
    assert index.status_code == 200 and index.text.startswith("# Documentation")
    linked = re.findall(r"\]\((?!\.\.|https?:)([^)#]+)", index.text)
    assert "connections.md" in linked
    for path in {*linked, "images/workbench.png"}:
        answer = http.get(f"{base}/{path}")
        assert (answer.status_code, answer.content) == (200, (folder() / path).read_bytes())


@pytest.mark.parametrize("path", ["../README.md", "..%2fREADME.md", "nothing.md", "/etc/passwd"])
def test_nothing_else_is(embedded_api: Api, path: str) -> None:
    answer = embedded_api.http.get(f"{embedded_api.base}/docs/{path}")
    assert answer.status_code in (403, 404)


def test_a_stranger_gets_nothing(embedded_api: Api) -> None:
    stranger = Api(embedded_api.base, None)
    answer = stranger.http.get(f"{stranger.base}/docs/README.md")
    stranger.close()
    assert answer.status_code in (302, 403)
    assert "# Documentation" not in answer.text


def test_a_wheel_has_the_pages(tmp_path: Path) -> None:
    builder = WheelBuilder(str(REPO / "packages" / "wb_server"))
    (path,) = builder.build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(path) as wheel:
        names = set(wheel.namelist())
    pages = {page.relative_to(REPO / "docs").as_posix() for page in (REPO / "docs").rglob("*.md")}
    assert {f"wb_server/documentation/{page}" for page in pages} <= names
    assert "wb_server/documentation/images/workbench.png" in names
