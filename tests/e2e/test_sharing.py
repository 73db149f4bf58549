"""Two users: one shares a connection, the other sees it, uses it with their own credentials, and loses it."""

from __future__ import annotations

import uuid

import pytest
from playwright.sync_api import expect
from support.lab import Lab
from support.postgres import Cluster

# "Within 3 s without a reload", and some time for a browser on a busy machine to draw it.
AT_ONCE = 3_000
DRAWING = 2_000


@pytest.fixture(scope="module")
def shop(postgres: Cluster) -> Cluster:
    """A database that shows who signed in, and a login for the second user."""
    with postgres.connect() as connection:
        connection.execute(
            "do $$ begin create role second_person login password 'their own password'; "
            "exception when duplicate_object then null; end $$"
        )
        connection.execute("create or replace view public.me as select session_user::text as who")
        connection.execute("grant select on public.me to public")
    return postgres


def test_a_connection_is_shared_used_with_a_personal_sign_in_and_unshared(
    person: Lab, second: Lab, shop: Cluster
) -> None:
    name = f"shared_{uuid.uuid4().hex[:6]}"
    theirs = second.name

    # The owner adds a connection for which each user enters their own credentials.
    page = person.page
    person.open_panel("Connections")
    page.get_by_test_id("wb-connections-add").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_test_id("wb-field-name").fill(name)
    dialog.get_by_test_id("wb-field-config.host").fill("127.0.0.1")
    dialog.get_by_test_id("wb-field-config.port").fill(str(shop.port))
    dialog.get_by_test_id("wb-field-config.database").fill(shop.database)
    dialog.get_by_test_id("wb-credentials-personal").check()
    expect(dialog.get_by_test_id("wb-field-config.password")).to_be_hidden()
    dialog.get_by_role("button", name="Add").click()
    # The owner is asked for their own credentials too, and skips them for now.
    own = page.get_by_role("dialog", name="My credentials")
    own.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    row = page.get_by_role("tree", name="Connections").locator(f"[data-name={name}]")
    expect(row).to_be_visible()

    # The second user doesn't see it.
    second.open_panel("Connections")
    tree = second.page.get_by_role("tree", name="Connections")
    expect(tree.locator("[data-name=sample]")).to_be_visible()
    their_row = tree.locator(f"[data-name={name}]")
    expect(their_row).to_have_count(0)

    # Until the owner shares it in the dialog.
    row.hover()
    row.get_by_test_id("wb-share").click()
    sharing = page.get_by_role("dialog")
    sharing.get_by_test_id("wb-share-search").fill(theirs)
    sharing.locator(f"[data-testid=wb-share-search-option][data-name={theirs}]").click()
    expect(sharing.locator(f"[data-testid=wb-share-row][data-name={theirs}]")).to_be_visible()
    expect(their_row).to_be_visible(timeout=AT_ONCE + DRAWING)
    expect(their_row.get_by_test_id("wb-row-credential")).to_have_attribute(
        "data-status", "missing"
    )

    # They enter their own credentials: a wrong password first.
    their_row.get_by_test_id("wb-enter-credentials").click()
    own = second.page.get_by_role("dialog")
    own.get_by_test_id("wb-field-user").fill("second_person")
    own.get_by_test_id("wb-field-password").fill("a wrong one")
    own.get_by_role("button", name="Test").click()
    expect(own.get_by_test_id("wb-test-result")).to_have_attribute("data-ok", "false")
    own.get_by_test_id("wb-field-password").fill("their own password")
    own.get_by_role("button", name="Test").click()
    expect(own.get_by_test_id("wb-test-result")).to_contain_text("PostgreSQL 15")
    own.get_by_role("button", name="Save").click()
    expect(own).to_be_hidden()
    expect(their_row.get_by_test_id("wb-row-credential")).to_have_count(0)

    # And they query with them.
    second.new_notebook()
    notebook = second.page.locator(".jp-Notebook")
    second.run_cell(f"%sql {name} select who from public.me")
    expect(notebook).to_contain_text("second_person")

    # The owner ends the share, and with it the use.
    sharing.locator(f"[data-testid=wb-share-row][data-name={theirs}]").get_by_test_id(
        "wb-unshare"
    ).click()
    expect(sharing.get_by_test_id("wb-shares-none")).to_be_visible()
    expect(their_row).to_have_count(0, timeout=AT_ONCE + DRAWING)
    second.run_cell(f"%sql {name} select who as again from public.me")
    expect(notebook.locator(".jp-OutputArea-output").last).to_contain_text(
        f"There is no connection named “{name}”"
    )


def test_a_running_query_is_seen_and_stopped(person: Lab, shop: Cluster) -> None:
    page = person.page
    api = person.people.api(person.name)
    name = f"long_{uuid.uuid4().hex[:6]}"
    api.ok("POST", "/connections", {"name": name, "connector": "postgres", "config": shop.config()})
    person.new_notebook()
    person.run_cell(
        f"%sql {name} select count(*) as {name} from generate_series(1, 1000000) a, "
        "generate_series(1, 1000000) b"
    )
    # The status bar says that something runs, and leads to the view.
    page.get_by_test_id("wb-queries-status").click()
    running = page.get_by_test_id("wb-queries-row")
    expect(running).to_contain_text(name)
    expect(page.get_by_test_id("wb-queries-count")).to_contain_text("1 of 8 running")
    expect(page.get_by_test_id("wb-queries-own")).to_contain_text("Concurrent queries")
    running.get_by_test_id("wb-queries-stop").click()
    expect(page.get_by_test_id("wb-queries-none")).to_be_visible()
    assert shop.active(name) == 0

    # The query is in the user's activity.
    page.keyboard.press("ControlOrMeta+Shift+C")
    page.locator(".lm-CommandPalette-input").fill("My Activity")
    page.keyboard.press("Enter")
    row = page.get_by_test_id("wb-activity-row").filter(has_text=name).first
    expect(row).to_contain_text("select count(*)")
    expect(row).to_have_attribute("data-outcome", "cancelled")
    api.close()
