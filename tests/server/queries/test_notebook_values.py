"""What a notebook shows of values that Python's types lack, on real servers: never a failure of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from support.api import Api
from support.mariadb import MariaDB
from support.postgres import Cluster
from support.shell import Notebook, notebook_of_shell


@pytest.fixture(scope="module")
def connections(
    in_process_api: Api, postgres: Cluster, mariadb: MariaDB
) -> Iterator[dict[str, str]]:
    """The names of a connection of each kind."""
    names = {}
    made = []
    for kind, server in (("postgres", postgres), ("mysql", mariadb)):
        names[kind] = f"n_{uuid.uuid4().hex[:8]}"
        body = {"name": names[kind], "connector": kind, "config": server.config()}
        made.append(in_process_api.ok("POST", "/connections", body))
    yield names
    for each in made:
        in_process_api.ok("DELETE", f"/connections/{each['id']}")


@pytest.fixture
def notebook(
    in_process_api: Api, connections: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Notebook]:
    monkeypatch.setenv("WORKBENCH_URL", in_process_api.base)
    token = in_process_api.http.headers["Authorization"].removeprefix("token ")
    monkeypatch.setenv("WORKBENCH_TOKEN", token)
    with notebook_of_shell() as notebook:
        yield notebook


CASES = [
    ("postgres", "select date '12024-06-30' as due", "12024-06-30"),
    ("postgres", "select date '4713-01-01 BC' as due", "4713-01-01 BC"),
    ("postgres", "select timestamp '12024-06-30 10:00' as due", "12024-06-30 10:00:00"),
    ("postgres", "select array[date '12024-06-30', null] as due", "12024-06-30"),
    ("postgres", "select '{{x}}' as template", "{{x}}"),
    ("postgres", "select '{% if x %}' as t, $$ {{ y }} $$ as u -- {{ z }}", "{% if x %}"),
    ("postgres", "select interval '75 minutes' as took", "01:15:00"),
    ("postgres", "select interval '-1 day 30 seconds' as took", "-1 days 00:00:30"),
    ("postgres", "select array[interval '1 month'] as took", '["1 mon"]'),
    ("postgres", "select 1e-30::numeric as tiny, 'a'::text as t", "0.000000000000000000000000000001"),
    ("postgres", "select null as nothing, '' as empty", "NULL"),
    ("postgres", "select 'infinity'::date as due", "“due”"),
    ("mysql", "select timediff('00:00:00', '120:30:00') as took", "-120:30:00"),
    ("mysql", "select '{{x}}' as template", "{{x}}"),
    ("mysql", "select cast('0000-00-00' as date) as due, 1 as one", ""),
    ("local", "select date '12024-06-30' as due", "12024-06-30"),
    ("local", "select '{{x}}' as template", "{{x}}"),
    ("local", "select interval '75 minutes' as took", "01:15:00"),
    ("local", "select 170141183460469231731687303715884105727 as big", "“big”"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "sql", "shown"), CASES, ids=[each[1] for each in CASES])
def test_a_value_is_shown_or_its_column_named(
    notebook: Notebook, connections: dict[str, str], kind: str, sql: str, shown: str
) -> None:
    notebook.run(f"%sql {connections.get(kind, kind)}")
    for cell in (f"%sql {sql}", f"%%sql\n{sql}"):
        notebook.run(cell)
        assert shown in notebook.text + notebook.err
        assert "Traceback" not in notebook.out and len(notebook.err.strip().splitlines()) <= 1
    notebook.run(f"%%sql df <<\n{sql}")
    assert "Traceback" not in notebook.out and len(notebook.err.strip().splitlines()) <= 1
