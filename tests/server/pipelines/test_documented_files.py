"""Every pipeline file in the docs is accepted by the Workbench, with connections of the names it uses."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.house import House, house_at
from support.postgres import Cluster

from wb_server.connections.models import ConnectionCreate
from wb_server.connections.service import ConnectionService
from wb_server.pipelines.models import PipelineCheck

DOCS = Path(__file__).resolve().parents[3] / "docs"
_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)
# The guide's first file has a mistake that its reader finds.
_MISTAKE = "params.mont }}"


def documented() -> Iterator[tuple[str, str]]:
    """The files in the docs by place. A task alone gets a file around it, or follows the file before."""
    for page in sorted(DOCS.rglob("*.md")):
        text, whole = page.read_text("utf-8"), ""
        for match in _BLOCK.finditer(text):
            block = match[1]
            place = f"{page.relative_to(DOCS)}:{text.count(chr(10), 0, match.start()) + 1}"
            if re.search(r"^tasks:", block, re.MULTILINE):
                whole = block
            elif re.match(r"schedule:", block):
                whole += block
            elif re.match(r" *\w+:\n +type: \w+\n", block):
                task = textwrap.indent(textwrap.dedent(block), "  ")
                if "needs:" in block:
                    whole += task
                else:
                    names = sorted(set(re.findall(r"params\.(\w+)", block)))
                    given = ", ".join(f"{name}: {{type: date}}" for name in names)
                    yield place, f"name: one\nparameters: {{{given}}}\ntasks:\n{task}"
                    continue
            else:
                continue
            yield place, whole.replace(_MISTAKE, "params.month }}")


FILES = dict(documented())


@pytest.fixture(scope="module")
def connected(tmp_path_factory: pytest.TempPathFactory, postgres: Cluster) -> Iterator[House]:
    """A Workbench that has every connection that the docs name."""
    with house_at(tmp_path_factory.mktemp("docs"), postgres) as it:
        for name in {
            name for text in FILES.values() for name in re.findall(r"\bconnection: (\w+)", text)
        } - {"warehouse"}:
            made = (
                {
                    "connector": "http",
                    "config": {"base_url": "https://127.0.0.1", "auth": "none"},
                }
                if name == "crm"
                else {"connector": "postgres", "config": postgres.config()}
            )
            request = ConnectionCreate.model_validate({"name": name, **made})
            it.get(ConnectionService).create(it["ana"], request)
        service = it.get(ConnectionService)
        called = {
            name for text in FILES.values() for name in re.findall(r"\bcall (\w+\.\w+)", text)
        }
        service.set_routines(it["ana"], service.find(it["ana"], "warehouse").id, sorted(called))
        yield it


@pytest.mark.parametrize("place", FILES)
def test_a_documented_file_is_accepted(connected: House, place: str) -> None:
    text = FILES[place]
    text = re.sub(r"run_as: team:\w+", "run_as: owner", text)
    files = re.findall(r"notebook: (\S+\.ipynb)|file: ([\w/.]+\.sql)", text)
    request = PipelineCheck(text=text, files=sorted({one or other for one, other in files}))
    assert connected.pipelines.check(connected["ana"], request).problems == []


def test_the_files_are_found_and_the_mistake_is_one() -> None:
    pages = {place.partition(":")[0] for place in FILES}
    assert {"first-pipeline.md", "pipelines.md", "pipeline-reference.md"} <= pages
    assert _MISTAKE in (DOCS / "first-pipeline.md").read_text("utf-8")
