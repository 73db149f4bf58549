"""UAT-001 and UAT-002: sign in, add a connection in the form, query it in a notebook."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from running_hub import Running
from support.lab import Lab
from support.people import People
from support.postgres import Cluster


@pytest.fixture(scope="module")
def shop(postgres: Cluster) -> Cluster:
    """A database with a table of invoices, and a login with a password."""
    with postgres.connect() as connection:
        connection.execute("drop table if exists invoices")
        connection.execute(
            "create table invoices (id int primary key, customer text, amount numeric(12,2), "
            "due date)"
        )
        connection.execute(
            "insert into invoices values (1, 'Harbour Tools', 1234.50, '2026-01-15'), "
            "(2, 'Mill & Sons', 99.99, '2026-02-01'), (3, 'Harbour Tools', 0.01, null)"
        )
    return postgres


def test_uat_001_a_user_signs_in_and_reaches_lab(person: Lab) -> None:
    page = person.page
    expect(page.locator(".jp-LauncherCard", has_text="Workbench Python")).to_have_count(2)
    # A new notebook's kernel has %sql.
    person.choose("File", "New", "Notebook")
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("option:checked")).to_have_text("Workbench Python")
    dialog.get_by_role("button", name="No Kernel").click()

    # The documentation is there without the network.
    person.choose("Help", "Workbench Documentation")
    help_ = page.get_by_test_id("wb-help")
    help_.get_by_role("link", name="Connections", exact=True).click()
    help_.get_by_role("link", name="Add a connection").click()
    expect(help_.get_by_role("heading", name="Add a connection")).to_be_in_viewport()
    page.locator(".lm-TabBar-tab", has_text="Untitled").click()

    # A query never goes where it can't run.
    person.open_panel("Connections")
    sample = page.get_by_role("tree", name="Connections").locator("[data-name=sample]")
    sample.hover()
    sample.get_by_test_id("wb-query").click()
    expect(page.get_by_role("alert").filter(has_text="has no kernel")).to_be_visible()
    person.wait_for_kernel()
    cell = page.locator(".jp-Notebook:visible .jp-Cell .cm-content")
    expect(cell).to_contain_text("%%sql sample")


def test_a_wrong_password_is_refused_with_a_message(
    page: Page, hub: Running, people: People
) -> None:
    page.goto(hub.url)
    page.get_by_label("Username").fill("admin")
    page.locator("input[name=password]").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Invalid username or password")).to_be_visible()


def test_uat_002_a_connection_added_in_the_form_serves_a_sql_cell(
    person: Lab, shop: Cluster
) -> None:
    page = person.page
    person.open_panel("Connections")
    page.get_by_test_id("wb-connections-add").click()
    dialog = page.get_by_role("dialog")

    def fill(field: str, value: str) -> None:
        dialog.get_by_test_id(f"wb-field-{field}").fill(value)

    fill("name", "shop")
    fill("config.host", "127.0.0.1")
    fill("config.port", str(shop.port))
    fill("config.database", shop.database)
    fill("config.user", shop.user)
    fill("config.password", "a wrong one")
    dialog.get_by_role("button", name="Test").click()
    result = dialog.get_by_test_id("wb-test-result")
    expect(result).to_contain_text("refused the user name or the password")
    fill("config.password", shop.password)
    dialog.get_by_role("button", name="Test").click()
    expect(result).to_contain_text("PostgreSQL 15")
    dialog.get_by_role("button", name="Add").click()
    expect(dialog).to_be_hidden()

    # The search finds a column that was never opened; the table's menu shows what is in it.
    search = page.get_by_test_id("wb-connections-search")
    search.fill("custom")
    tree = page.get_by_role("tree", name="Connections")
    expect(tree.locator("[data-name=customer]").first).to_be_visible()
    # The sample has a table of this name too, above.
    tree.locator("[data-name=shop] ~ [data-name=invoices]").click(button="right")
    page.locator(".lm-Menu-item", has_text="Preview Table").click()
    expect(page.get_by_test_id("wb-table-rows")).to_contain_text("1234.50")
    page.get_by_test_id("wb-table-tab-definition").click()
    expect(page.get_by_test_id("wb-table-keys")).to_contain_text("PRIMARY KEY (id)")
    search.fill("")

    # Browse to the table and query it from there. A new connection opens by itself.
    expect(tree.locator("[data-name=shop]")).to_have_attribute("aria-expanded", "true")
    schema = tree.get_by_test_id("wb-row-schema").filter(has_text="public")
    table = tree.locator("[data-name=invoices]")
    expect(schema.or_(table).first).to_be_visible()
    if schema.count():
        schema.click()
    table.hover()
    table.get_by_test_id("wb-query").click()
    cell = page.locator(".jp-Notebook .jp-Cell .cm-content").first
    expect(cell).to_contain_text("%%sql shop")
    person.wait_for_kernel()
    cell.click()
    person.run_cell()
    output = page.locator(".jp-Notebook .jp-OutputArea-output").last
    expect(output).to_contain_text("1234.50")
    expect(output).to_contain_text("Mill & Sons")
    expect(output).to_contain_text("2026-01-15")

    # A data frame, with exact money.
    person.run_cell("%sql df << select amount from invoices")
    person.run_cell("print('the sum is', df['amount'].sum())")
    expect(page.locator(".jp-Notebook")).to_contain_text("the sum is 1334.50")

    # A mistake is one readable line.
    person.run_cell("%sql select * from invoces")
    expect(page.locator(".jp-Notebook")).to_contain_text("Did you mean “invoices”")
    expect(page.locator(".jp-Notebook")).not_to_contain_text("Traceback")

    # A name of the tree is dragged into a cell.
    last = page.locator(".jp-Notebook .jp-Cell .cm-content").last
    expect(last).to_have_text("")
    table.drag_to(last)
    expect(last).to_contain_text("invoices")


def test_a_deleted_connection_is_restored(person: Lab, shop: Cluster) -> None:
    page = person.page
    name = "to_undo"
    api = person.people.api(_name(page))
    api.ok("POST", "/connections", {"name": name, "connector": "postgres", "config": shop.config()})
    person.open_panel("Connections")
    tree = page.get_by_role("tree", name="Connections")
    # The event stream makes it appear without a reload.
    row = tree.locator(f"[data-name={name}]")
    row.hover()
    row.get_by_test_id("wb-delete").click()
    expect(row).to_be_hidden()
    page.get_by_role("button", name="Undo").click()
    expect(row).to_be_visible()
    api.close()


def test_a_user_without_a_role_sees_why_and_gets_a_role_without_a_reload(
    page: Page, hub: Running, people: People
) -> None:
    lab = Lab(page, hub, people)
    lab.make_person("e-newcomer")
    lab.sign_in("e-newcomer")
    lab.open_panel("Connections")
    expect(page.get_by_text("You have no role yet")).to_be_visible()
    people.promote("e-newcomer", "viewer")
    expect(page.get_by_test_id("wb-connections-tree").locator("[data-name=sample]")).to_be_visible()
    people.hub("DELETE", "/users/e-newcomer/server")


def _name(page: Page) -> str:
    return page.url.split("/user/")[1].split("/")[0]
