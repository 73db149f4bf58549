"""Two users and a pipeline: it is shared, run by the non-owner, changed, approved and paused."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import expect
from support.lab import Lab
from support.wait import wait_for

# Milliseconds for an update without a reload, on a busy machine.
SOON = 5_000
FILE = """name: {name}
schedule: {{cron: "@daily"}}
tasks:
  extract:
    type: sql
    connection: sample
    statement: select customer_id, country from customers
    into: {{artifact: customers.parquet}}
"""


@pytest.mark.parametrize("second", ["engineer"], indirect=True)
def test_a_pipeline_is_shared_run_changed_and_approved(
    person: Lab, second: Lab, tmp_path: Path
) -> None:
    name = f"shared_{uuid.uuid4().hex[:6]}"
    api = person.people.api(person.name)
    api.ok("POST", "/pipelines", {"text": FILE.format(name=name), "files": {"notes.md": "eA=="}})
    rows = []
    for lab in (person, second):
        lab.open_panel("Pipelines")
        rows.append(lab.page.locator(f"[data-testid=wb-pipeline-row][data-name={name}]"))
    mine, theirs = rows
    expect(mine).to_be_visible()
    expect(theirs).to_have_count(0)

    # The owner lets the second user edit it.
    page = person.page
    mine.click(button="right")
    page.locator(".lm-Menu-item", has_text="Share Pipeline").click()
    sharing = page.get_by_role("dialog")
    sharing.get_by_test_id("wb-share-level").select_option("edit")
    sharing.get_by_test_id("wb-share-search").fill(second.name)
    sharing.locator(f"[data-testid=wb-share-search-option][data-name={second.name}]").click()
    expect(sharing.locator(f"[data-testid=wb-share-row][data-name={second.name}]")).to_be_visible()
    expect(theirs).to_be_visible(timeout=SOON)
    page.keyboard.press("Escape")
    expect(sharing).to_be_hidden()

    # They run it with the owner's rights, and download its artifact.
    other = second.page
    theirs.hover()
    theirs.get_by_test_id("wb-pipeline-run").click()
    other.get_by_role("dialog").get_by_role("button", name="Run", exact=True).click()
    run = other.get_by_test_id("wb-run")
    expect(run.get_by_test_id("wb-run-state")).to_have_text("Succeeded", timeout=60_000)
    expect(run).to_contain_text(re.compile(rf"Runs as\s*{person.name}"))
    with other.expect_download() as download:
        run.get_by_role("link", name="customers.parquet").click()
    download.value.save_as(tmp_path / "customers.parquet")
    assert pq.read_table(tmp_path / "customers.parquet").column_names == ["customer_id", "country"]
    expect(mine).to_have_attribute("data-state", "succeeded", timeout=SOON)

    # Their change waits until the owner has reviewed it.
    bar = second.add_to_pipeline(name, "description: Countries of customers")
    expect(bar.get_by_test_id("wb-file-status")).to_have_text("Version 2, awaiting approval")
    expect(mine.get_by_test_id("wb-pipeline-waits")).to_be_visible(timeout=SOON)
    mine.get_by_role("button", name="Review").click()
    versions = page.get_by_role("dialog", name="Versions of")
    expect(versions).to_contain_text("+description: Countries of customers")
    versions.get_by_test_id("wb-version-approve").click()
    expect(versions.get_by_test_id("wb-versions-waits")).to_have_count(0)
    versions.get_by_role("button", name="Done").click()
    expect(theirs.get_by_test_id("wb-pipeline-waits")).to_have_count(0, timeout=SOON)

    # The owner pauses its schedule; both see it.
    mine.click(button="right")
    page.locator(".lm-Menu-item", has_text="Pause Schedule").click()
    expect(mine).to_contain_text("schedule paused")
    expect(theirs).to_contain_text("schedule paused", timeout=SOON)

    # An administrator makes the second user its owner: others' version waits for their approval.
    admin = person.people.api("a-admin")
    path = f"/pipelines/{admin.ok('GET', f'/pipelines/{name}')['id']}"
    admin.ok("POST", f"{path}/owner", {"kind": "user", "name": second.name})
    expect(mine).to_have_count(0, timeout=SOON)
    admin.ok("POST", f"{path}/shares", {"kind": "user", "name": person.name, "level": "manage"})
    expect(mine.get_by_test_id("wb-pipeline-waits")).to_have_text(
        f"Awaiting approval by {second.name}", timeout=SOON
    )
    mine.get_by_role("button", name="Versions", exact=True).click()
    expect(versions.get_by_test_id("wb-versions-waits")).to_contain_text(
        f"It will run with the permissions of {second.name}, who can approve it."
    )
    expect(versions.get_by_test_id("wb-version-approve")).to_have_count(0)
    versions.get_by_role("button", name="Done").click()
    expect(theirs.get_by_test_id("wb-pipeline-waits")).to_have_text("Awaiting your approval")
    theirs.get_by_role("button", name="Review").click()
    own = other.get_by_role("dialog", name="Versions of")
    expect(own).to_contain_text(f"approved by {person.name}, for another owner")
    expect(own.get_by_test_id("wb-versions-waits")).to_contain_text("with your permissions")
    own.get_by_test_id("wb-version-folder").first.get_by_text("Files in its folder: 1").click()
    with other.expect_download() as download:
        own.get_by_role("link", name="notes.md").first.click()
    download.value.save_as(tmp_path / "notes.md")
    assert (tmp_path / "notes.md").read_bytes() == b"x"
    own.get_by_test_id("wb-version-approve").click()
    expect(own.get_by_test_id("wb-versions-waits")).to_have_count(0)
    own.get_by_role("button", name="Done").click()
    expect(mine.get_by_test_id("wb-pipeline-waits")).to_have_count(0, timeout=SOON)

    # Once the owner has no role, nothing runs with their rights, and the panel says why.
    person.people.demote(second.name, "engineer")
    started = admin.ok("POST", f"{path}/runs", {})
    wait_for(lambda: admin.ok("GET", f"/runs/{started['id']}")["state"] == "failed", 30)
    expect(mine.get_by_test_id("wb-pipeline-refused")).to_have_text(
        "Refused: its owner has no role", timeout=SOON
    )
    admin.close()
    api.close()
