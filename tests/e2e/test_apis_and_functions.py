"""The owner allows functions of a database, and adds an HTTP API, in Lab."""

from __future__ import annotations

import os
import uuid

from playwright.sync_api import expect
from support.lab import Lab
from support.postgres import Cluster


def shot(lab: Lab, name: str) -> None:
    folder = os.environ.get("WB_SHOTS")
    if folder:
        lab.page.screenshot(path=f"{folder}/{name}.png")


def test_the_owner_allows_functions(person: Lab, postgres: Cluster) -> None:
    page, name = person.page, f"etl_{uuid.uuid4().hex[:6]}"
    person.open_panel("Connections")
    page.get_by_test_id("wb-connections-add").click()
    dialog = page.get_by_role("dialog")
    config = postgres.config()
    dialog.get_by_test_id("wb-field-name").fill(name)
    for field in ("host", "port", "database", "user", "password"):
        dialog.get_by_test_id(f"wb-field-config.{field}").fill(str(config[field]))
    dialog.get_by_role("button", name="Add").click()
    row = page.get_by_role("tree", name="Connections").locator(f"[data-name={name}]")
    expect(row).to_be_visible()

    row.click(button="right")
    shot(person, "menu")
    page.get_by_role("menuitem", name="Allowed Functions…").click()
    dialog = page.get_by_role("dialog", name=f"Allowed functions of “{name}”")
    names = dialog.get_by_test_id("wb-routines")
    expect(names).to_be_focused()
    names.fill("load_sales")
    shot(person, "functions")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_test_id("wb-routines-error")).to_contain_text("write schema.name")
    names.fill("pg_catalog.pg_read_file")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_test_id("wb-routines-error")).to_contain_text("belongs to the database")
    shot(person, "functions-refused")
    names.fill("etl.load_sales")
    names.press("Enter")
    names.press_sequentially("etl.fx_rate")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)

    row.click(button="right")
    page.get_by_role("menuitem", name="Allowed Functions…").click()
    expect(page.get_by_test_id("wb-routines")).to_have_value("etl.fx_rate\netl.load_sales")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_an_http_api_is_added_and_offers_no_sql(person: Lab) -> None:
    page, name = person.page, f"crm_{uuid.uuid4().hex[:6]}"
    person.open_panel("Connections")
    page.get_by_test_id("wb-connections-add").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_test_id("wb-connector-http").check()
    dialog.get_by_test_id("wb-field-name").fill(name)
    # Only the fields of the chosen sign-in are shown.
    sign_in = dialog.get_by_test_id("wb-field-config.auth")
    for label, shown in (("User and password", ("user", "secret")), ("None", ())):
        sign_in.select_option(label=label)
        for field in ("header", "user", "secret"):
            count = int(field in shown)
            expect(dialog.get_by_test_id(f"wb-field-config.{field}")).to_have_count(count)
    # The Hub itself answers below its own address.
    dialog.get_by_test_id("wb-field-config.base_url").fill(f"{person.hub.url}/hub")
    dialog.get_by_test_id("wb-field-config.test_path").fill("/health")
    shot(person, "http-form")
    dialog.get_by_role("button", name="Test").click()
    expect(dialog.get_by_text("Connected:")).to_be_visible()
    dialog.get_by_role("button", name="Add").click()
    row = page.get_by_role("tree", name="Connections").locator(f"[data-name={name}]")
    expect(row).to_be_visible()
    expect(row).not_to_have_attribute("aria-expanded", "true")
    row.hover()
    expect(row.get_by_test_id("wb-test")).to_be_visible()
    expect(row.get_by_test_id("wb-query")).to_have_count(0)
    row.click(button="right")
    expect(page.get_by_role("menuitem", name="Test Connection")).to_be_visible()
    expect(page.get_by_role("menuitem", name="Query in Notebook")).to_have_count(0)
    expect(page.get_by_role("menuitem", name="Allowed Functions…")).to_have_count(0)
    shot(person, "http-menu")
    page.keyboard.press("Escape")
