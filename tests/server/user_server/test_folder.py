"""The user server's endpoint that gives Lab a pipeline's folder."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.api import Api
from support.jupyter import embedded

from wb_server.kit.errors import TooLarge
from wb_server.user_server import folder_handlers as folder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    it = tmp_path_factory.mktemp("home")
    sales = it / "work" / "sales"
    (sales / "helpers").mkdir(parents=True)
    (sales / "old").mkdir()
    (sales / "sales.ipynb").write_text("{}")
    (sales / "helpers" / "books.py").write_text("x = 1\n")
    (sales / "sales.pipeline.yaml").write_text("name: sales\n")
    (sales / "picture.png").write_bytes(b"png")
    (sales / ".secret.py").write_text("y = 2\n")
    (sales / "old" / "before.py").write_text("z = 3\n")
    (sales / ".workbenchignore").write_text("old/\n")
    (it / "outside.py").write_text("not for anybody\n")
    return it


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Api]:
    """A user's Jupyter server on that folder."""
    with embedded(home) as api:
        yield api


def _ask(server: Api, query: str) -> httpx.Response:
    return server.http.get(f"{server.base}/folder{query}")


def test_the_response_holds_the_pipelines_files(server: Api) -> None:
    answer = _ask(server, "?path=work/sales").json()
    assert sorted(answer["names"]) == [".packages.txt", "helpers/books.py", "sales.ipynb"]
    assert base64.b64decode(answer["files"]["helpers/books.py"]) == b"x = 1\n"
    assert b"\nwb-server==" in base64.b64decode(answer["files"][".packages.txt"])
    names = _ask(server, "?path=work/sales&names=1").json()
    assert names == {"names": ["helpers/books.py", "sales.ipynb"]}


@pytest.mark.parametrize(
    ("query", "status"),
    [("?path=work/none", 404), ("?path=work/sales/sales.ipynb", 404), ("?path=../../etc", 404)],
)
def test_a_path_that_is_no_folder_of_the_server_is_refused(
    server: Api, query: str, status: int
) -> None:
    answer = _ask(server, query)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_unauthenticated_requests_are_refused(server: Api) -> None:
    stranger = Api(server.base, None)
    assert _ask(stranger, "?path=work").status_code in (401, 403)
    stranger.close()


def test_a_folder_that_is_too_large_is_refused(tmp_path: Path) -> None:
    for number in range(folder.MAX_FILES + 1):
        (tmp_path / f"m{number}.py").touch()
    with pytest.raises(TooLarge, match=r"\.workbenchignore"):
        folder.snapshot(tmp_path)
    assert len(folder.names(tmp_path)["names"]) == folder.MAX_FILES
