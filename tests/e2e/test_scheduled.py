"""A schedule fires while its owner is signed out, and the run shows afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect
from running_hub import Running
from support.api import Api
from support.lab import Lab
from support.wait import wait_for

from wb_server.composition import Workbench, build
from wb_server.pipelines.schedules import service as schedules
from wb_server.pipelines.schedules.service import ScheduleService
from wb_server.settings import Settings

# The owner types it into the file that was made from a notebook.
SCHEDULE = 'schedule: {cron: "30 3 * * *", timezone: Europe/Vienna}'


@contextmanager
def beside(hub: Running) -> Iterator[Workbench]:
    """The Hub's installation in this process as well, beside its scheduler."""
    folder = hub.data_dir
    workbench = build(
        Settings.from_environment(
            {
                "WB_DATA_DIR": str(folder),
                "WB_DATABASE_URL": f"sqlite:///{folder / 'workbench.db'}",
                "WB_KEY_FILE": str(folder / "master.key"),
            }
        ),
        role="command",
    )
    try:
        yield workbench
    finally:
        workbench.close()


def test_a_schedule_fires_while_its_owner_is_signed_out(
    person: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, people = person.page, person.people
    name = person.name
    pipeline = f"nightly_{name.replace('-', '_')}"
    api: Api = people.api(name)

    # A notebook becomes a pipeline and runs once by hand.
    notebook = person.put_notebook(
        f"{pipeline}.ipynb",
        "count = %sql sample select count(customer_id) as n from customers",
        "print('the report of', month)",
        parameters="month = 'may'",
    )
    dialog = person.run_as_pipeline(notebook)
    dialog.get_by_role("button", name="Save and run").click()
    detail = page.get_by_test_id("wb-run")
    expect(detail.get_by_test_id("wb-run-state")).to_have_text("Succeeded", timeout=90_000)

    # The owner adds a schedule to the file.
    person.open_panel("Pipelines")
    bar = person.add_to_pipeline(pipeline, SCHEDULE)
    expect(bar).to_have_attribute("data-state", "saved")
    (made,) = api.ok("GET", "/pipelines", search=pipeline)["items"]

    # The owner signs out and their server stops: nothing of theirs is running.
    page.goto(f"{person.hub.url}/hub/logout")
    people.hub("DELETE", f"/users/{name}/server")
    wait_for(lambda: not people.hub("GET", f"/users/{name}")["server"], 30)

    # The scheduler's clock moves to the next night; a second tick fires nothing more.
    fires = datetime.fromisoformat(made["next_fire_at"])
    clock = SimpleNamespace(now=lambda: fires + timedelta(seconds=1))
    monkeypatch.setattr(schedules, "clock", clock)
    with beside(person.hub) as workbench:
        assert workbench.services.get(ScheduleService).tick() >= 1
        assert workbench.services.get(ScheduleService).tick() == 0
    monkeypatch.undo()
    assert fires > datetime.now(UTC)

    def done() -> bool:
        items = api.ok("GET", "/runs", pipeline=pipeline)["items"]
        assert len(items) == 2
        return str(items[0]["state"]) == "succeeded"

    wait_for(done, 90)
    assert not people.hub("GET", f"/users/{name}")["server"]  # it ran in the `pipelines` server

    # The owner signs in again and sees its history.
    person.sign_in(name)
    person.open_panel("Pipelines")
    row = page.locator(f"[data-testid=wb-pipeline-row][data-name={pipeline}]")
    expect(row).to_have_attribute("data-state", "succeeded")
    row.hover()
    row.get_by_test_id("wb-pipeline-runs").click()
    run = page.get_by_test_id("wb-runs-row")
    expect(run).to_have_count(2)
    run.first.dblclick()
    detail = page.locator("[data-testid=wb-run]:visible")
    expect(detail.get_by_test_id("wb-run-state")).to_have_text("Succeeded")
    # The run records which columns its query read.
    expect(detail.get_by_test_id("wb-task-table")).to_have_text("customers in sample: customer_id")
    detail.get_by_test_id("wb-task-notebook").click()
    expect(page.get_by_test_id("wb-executed")).to_contain_text("the report of")
    api.close()
