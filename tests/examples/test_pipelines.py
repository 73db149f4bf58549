"""The example pipelines run on the sample, and their figures are right.

DuckDB recomputes the figures independently, from the sample's files.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import nbformat
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.metadata import migrate_new
from support.postgres import Cluster
from support.wait import wait_for

from wb_server.composition import build
from wb_server.connections.models import ConnectionCreate
from wb_server.connections.service import ConnectionService
from wb_server.governance.secrets import vault
from wb_server.kit.actor import Actor
from wb_server.kit.blobs import Blobs
from wb_server.kit.endpoint import Services
from wb_server.pipelines.models import PipelineSave
from wb_server.pipelines.runs.models import ENDED, RunDetail, RunRequest, TaskRunView
from wb_server.pipelines.runs.service import RunService
from wb_server.pipelines.service import PipelineService
from wb_server.settings import Settings
from wb_server.user_server.folder import collect, content_of

PIPELINES = Path(__file__).resolve().parents[2] / "examples" / "pipelines"
ACTOR = Actor("local", frozenset({"admin"}), frozenset({"use"}), "local")


@dataclass
class Place:
    """A Workbench in local mode: its tasks run in this process, its notebooks on this machine."""

    services: Services

    def save(self, name: str, change: tuple[str, str] = ("", "")) -> None:
        """Saves an example as `wb pipeline save` does, with one text of the file replaced."""
        folder = PIPELINES / name
        text = (folder / f"{name}.pipeline.yaml").read_text("utf-8")
        assert change[0] in text
        text = text.replace(*change) if change[0] else text
        files = {
            path: base64.b64encode(content_of(file)).decode() for path, file in collect(folder)
        }
        self.services.get(PipelineService).create(ACTOR, PipelineSave(text=text, files=files))

    def run(self, name: str, **parameters: Any) -> RunDetail:
        """Runs a pipeline and waits for its end."""
        runs = self.services.get(RunService)
        pipeline = self.services.get(PipelineService).saved(ACTOR, name)
        run = runs.trigger(ACTOR, pipeline, RunRequest(parameters=parameters))
        wait_for(lambda: runs.get(ACTOR, run.id).state in ENDED, 90)
        return runs.get(ACTOR, run.id)

    def file(self, run: RunDetail, task: str, name: str) -> bytes:
        """An artifact of a run."""
        _, digest = self.services.get(RunService).artifact(ACTOR, run.id, task, name)
        with self.services.get(Blobs).open(digest) as file:
            return file.read()

    def table(self, run: RunDetail, task: str, name: str) -> pa.Table:
        """An artifact that is a Parquet file."""
        return pq.read_table(io.BytesIO(self.file(run, task, name)))

    def notebook(self, task: TaskRunView) -> Any:
        """A task's executed notebook."""
        content = self.services.get(RunService).notebook(ACTOR, task.attempts[-1].id)
        return nbformat.reads(content.decode(), as_version=4)


@contextmanager
def place_at(folder: Path, sample: Path) -> Iterator[Place]:
    settings = Settings.from_environment(
        {
            "WB_DATA_DIR": str(folder),
            "WB_MODE": "local",
            "WB_ALLOW_LOOPBACK": "1",
            "WB_FILE_ROOTS": str(sample.parent),
        }
    )
    vault.generate(settings.key_path)
    migrate_new(settings.database)
    workbench = build(settings)
    try:
        workbench.api.services.get(ConnectionService).create(
            ACTOR,
            ConnectionCreate(name="sample", connector="files", config={"folder": str(sample)}),
        )
        yield Place(workbench.api.services)
    finally:
        workbench.close()


@pytest.fixture
def place(tmp_path: Path, folder: Path) -> Iterator[Place]:
    """A Workbench with the connection ``sample``."""
    with place_at(tmp_path, folder) as it:
        yield it


def succeeded(run: RunDetail) -> dict[str, TaskRunView]:
    assert run.state == "succeeded", run.message
    return {task.task: task for task in run.tasks}


# --- the files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(PIPELINES.iterdir()), ids=lambda path: path.name)
def test_an_example_is_complete_and_clean(path: Path) -> None:
    names = {name for name, _ in collect(path)}
    assert {name.rpartition(".")[2] for name in names} == {"ipynb", "py"}
    assert (path / f"{path.name}.pipeline.yaml").is_file()
    for name in names:
        if name.endswith(".ipynb"):
            notebook = nbformat.read(path / name, as_version=nbformat.NO_CONVERT)
            nbformat.validate(notebook)
            assert notebook.metadata.kernelspec.name == "workbench-python"
            assert notebook.cells[0].source.startswith("# ")
            assert all(not cell.get("outputs") for cell in notebook.cells)


# --- monthly_sales ------------------------------------------------------------------------------

REVENUE = """
    select strftime(i.issued_on, '%Y-%m') as month, p.category, sum(l.quantity) as pieces,
           sum(l.net_amount) as revenue
    from invoice_lines l, invoices i, products p, customers c
    where l.invoice_id = i.invoice_id and l.product_id = p.product_id
      and i.customer_id = c.customer_id
      and strftime(i.issued_on, '%Y-%m') between $first and $last
      and c.country in (select unnest($countries))
    group by all order by all
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parameters", "first", "last", "countries"),
    [
        ({}, "2025-01", "2025-12", ["DE", "AT", "FR", "NL", "IT", "BE", "PL", "CH", "ES", "GB"]),
        ({"month": "2024-06-15", "country": "AT"}, "2023-07", "2024-06", ["AT"]),
    ],
    ids=["default", "given"],
)
def test_monthly_sales(
    place: Place,
    warehouse: duckdb.DuckDBPyConnection,
    parameters: dict[str, str],
    first: str,
    last: str,
    countries: list[str],
) -> None:
    place.save("monthly_sales")
    run = place.run("monthly_sales", **parameters)
    tasks = succeeded(run)
    expected = warehouse.execute(
        REVENUE, {"first": first, "last": last, "countries": countries}
    ).fetchall()
    total = sum(row[3] for row in expected)
    made = place.table(run, "transform", "sales.parquet")
    found = [tuple(row.values()) for row in made.to_pylist()]
    assert found == expected
    assert pa.types.is_decimal(made.schema.field("revenue").type)
    outputs = tasks["transform"].outputs
    assert Decimal(outputs["revenue"]) == total
    by_category: dict[str, Decimal] = {}
    by_month: dict[str, Decimal] = {}
    for month, category, _, revenue in expected:
        by_category[category] = by_category.get(category, Decimal(0)) + revenue
        by_month[month] = by_month.get(month, Decimal(0)) + revenue
    assert outputs["best"] == max(by_category, key=lambda name: by_category[name])
    assert len(by_month) == 12
    assert tasks["report"].outputs["best_month"] == max(by_month, key=lambda name: by_month[name])
    assert place.file(run, "report", "sales.png").startswith(b"\x89PNG")
    csv = place.file(run, "transform", "sales.csv").decode().splitlines()
    assert (csv[0], len(csv)) == ("month,category,pieces,revenue", len(expected) + 1)
    # The executed notebook shows the chart too, with the figure in its title as a parameter.
    notebook = place.notebook(tasks["report"])
    assert any(
        "image/png" in out.get("data", {})
        for cell in notebook.cells
        for out in cell.get("outputs", [])
    )
    (injected,) = [c for c in notebook.cells if "injected-parameters" in c.metadata.get("tags", [])]
    assert outputs["revenue"] in injected.source
    # A finished notebook's progress counts all of its cells.
    assert tasks["report"].attempts[-1].progress == {"done": 5, "total": 5, "text": "5 cells"}


# --- customer_balances --------------------------------------------------------------------------

BALANCES = """
    with owed as (
        select i.invoice_id, i.customer_id, date_diff('day', i.due_on, $as_of) as late,
               i.total_amount
               + coalesce((select sum(total_amount) from invoices n
                           where n.credited_invoice_id = i.invoice_id and n.issued_on <= $as_of), 0)
               - coalesce((select sum(amount) from payments p
                           where p.invoice_id = i.invoice_id and p.paid_on <= $as_of), 0) as amount
        from invoices i where i.kind = 'invoice' and i.issued_on <= $as_of
    )
    select customer_id, name, country, sum(amount),
           coalesce(sum(amount) filter (late <= 0), 0),
           coalesce(sum(amount) filter (late between 1 and 30), 0),
           coalesce(sum(amount) filter (late between 31 and 90), 0),
           coalesce(sum(amount) filter (late > 90), 0), $as_of::date
    from owed join customers using (customer_id) group by all order by customer_id
"""


@pytest.fixture
def reporting(place: Place, postgres: Cluster, tmp_path: Path) -> Cluster:
    """An empty PostgreSQL database behind the connection ``reporting``."""
    name = f"reporting_{abs(hash(tmp_path)):x}"
    with postgres.connect() as connection:
        connection.execute(f"create database {name}")
    it = Cluster(postgres.port, postgres.password, postgres.user, name)
    place.services.get(ConnectionService).create(
        ACTOR, ConnectionCreate(name="reporting", connector="postgres", config=it.config())
    )
    return it


# A trigger that takes a cent from one row on its way into the table.
THIEF = """
    create table customer_balances (customer_id bigint primary key, name text, country text,
        open_amount numeric, not_due numeric, days_1_30 numeric, days_31_90 numeric,
        over_90_days numeric, as_of date);
    create function thief() returns trigger language plpgsql as $$ begin
        if new.customer_id = 1 then new.open_amount := new.open_amount - 0.01; end if;
        return new; end $$;
    create trigger thief before insert on customer_balances for each row execute function thief();
"""


def test_customer_balances(
    place: Place, reporting: Cluster, warehouse: duckdb.DuckDBPyConnection
) -> None:
    """A missing cent in the table fails the run; a run for another day corrects the rows."""
    place.save("customer_balances", ("retries: {count: 2,", "retries: {count: 0,"))
    with reporting.connect() as connection:
        connection.execute(THIEF)
    run = place.run("customer_balances", as_of="2025-06-30")
    assert (run.state, run.code, run.message.split(":")[0]) == ("failed", "cell_failed", "report")
    with reporting.connect() as connection:
        connection.execute("drop trigger thief on customer_balances")

    day = date(2025, 12, 31)
    tasks = succeeded(run := place.run("customer_balances"))
    expected = warehouse.execute(BALANCES, {"as_of": day}).fetchall()
    with reporting.connect() as connection:
        rows = connection.execute(
            "select customer_id, name, country, open_amount, not_due, days_1_30, days_31_90, "
            "over_90_days, as_of from customer_balances order by customer_id"
        ).fetchall()
    assert len(rows) > 1_000
    assert rows == expected
    total = sum(row[3] for row in expected)
    assert total > 100_000
    assert tasks["load"].outputs == {"rows": len(rows)}
    assert tasks["check"].outputs["open_amount"] == str(total)
    assert tasks["transform"].outputs == {"open_amount": str(total), "customers": len(rows)}
    late = [row for row in expected if row[7] > 0]
    assert tasks["report"].outputs == {"late": len(late)}
    assert len(place.file(run, "report", "late.csv").splitlines()) == len(late) + 1
    assert place.file(run, "report", "balances.png").startswith(b"\x89PNG")
    written = {(use.direction, use.table) for use in tasks["load"].tables}
    assert written == {("written", "customer_balances")}
