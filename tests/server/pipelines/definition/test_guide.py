"""What the guide says about pipeline files is true."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from wb_server.pipelines.definition.check import check
from wb_server.pipelines.definition.expressions import parse
from wb_server.pipelines.definition.filters import as_text
from wb_server.pipelines.definition.models import Registry, Schedule
from wb_server.pipelines.definition.times import next_fire
from wb_server.pipelines.tasks.copy import CopySpec
from wb_server.pipelines.tasks.http import HttpSpec
from wb_server.pipelines.tasks.notebook import NotebookSpec
from wb_server.pipelines.tasks.sql import SqlSpec

GUIDE = (Path(__file__).resolve().parents[4] / "docs" / "pipelines.md").read_text("utf-8")
REGISTRY: Registry = {
    "sql": SqlSpec,
    "copy": CopySpec,
    "http": HttpSpec,
    "notebook": NotebookSpec,
}
FILES = [block for block in re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL) if "tasks:" in block]
VALUES = re.findall(r"^\| `(\{\{.*?\}\})` \| `([^`]*)` \|$", GUIDE, re.MULTILINE)
SQL = re.findall(
    r"^\| `([^`]*\{\{[^`]*)` \| (.*) \|$", GUIDE.split("## Expressions in SQL")[1], re.MULTILINE
)
CRONS = re.findall(r"^\| `([^`]+)` \| at ", GUIDE, re.MULTILINE)
CODES = set(
    re.findall(
        r"`([a-z]+(?:_[a-z]+)*)`",
        "".join(
            line.split("|")[1]
            for line in GUIDE.split("## Mistakes")[1].splitlines()
            if line.startswith("|")
        ),
    )
)


@pytest.mark.parametrize("text", FILES, ids=lambda text: text.split("\n")[0])
def test_the_guides_files_have_no_problems(text: str) -> None:
    assert check(text, REGISTRY).problems == []


@pytest.mark.parametrize(("expression", "value"), VALUES)
def test_the_guides_expressions_have_the_stated_values(expression: str, value: str) -> None:
    scope = {
        "run": {"date": date(2026, 1, 15)},
        "params": {"region": "eu", "regions": ["eu", "us"]},
        "tasks": {"extract": {"outputs": {"rows": 120}}},
    }
    assert as_text(parse(expression.replace("\\|", "|")).evaluate(scope)) == value


def test_the_guides_sql_is_refused_or_accepted_as_stated() -> None:
    def codes(where: str) -> list[str]:
        parameters = "{region: {type: text, default: x}, part: {type: text, default: x}}"
        statement = "select * " + where.replace("\\|", "|")
        return [
            problem.code
            for problem in check(
                f"name: p\nparameters: {parameters}\ntasks:\n  a:\n    type: sql\n"
                f"    connection: c\n    statement: |-\n      {statement}\n",
                REGISTRY,
            ).problems
        ]

    assert len(SQL) == 3
    for wrong, right in SQL:
        assert codes(wrong)[0] in ("expression_in_quotes", "expression_in_name")
        if right.startswith("`"):
            assert codes(right.strip("`")) == []


def test_the_guides_schedules_fire() -> None:
    assert len(CRONS) >= 10
    for cron in CRONS:
        assert next_fire(Schedule(cron=cron), datetime(2026, 1, 1, tzinfo=UTC)) is not None


def test_the_guides_codes_exist() -> None:
    room = Path(check.__code__.co_filename).parent
    source = "".join(path.read_text("utf-8") for path in room.glob("*.py"))
    assert len(CODES) >= 20
    for code in CODES:
        assert f'"{code}"' in source
