"""A file that is dropped on a connection becomes a table, and is queried."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal

import pytest
from playwright.sync_api import Locator, expect
from support.lab import Lab
from support.odd_files import workbook
from support.postgres import Cluster

SALES = "Tag;Kunde;Betrag\n31.12.2025;Müller;1.234,50\n01.02.2026;Zoë;-7,05\n"


@pytest.fixture
def target(person: Lab, postgres: Cluster) -> Iterator[str]:
    """A connection of the person's, whose name is that of a schema of its own."""
    name = f"up_{uuid.uuid4().hex[:8]}"
    with postgres.connect() as connection:
        connection.execute(f"create schema {name}")
        yield name
        connection.execute(f"drop schema {name} cascade")


def drop(on: Locator, name: str, content: bytes) -> None:
    """Drops a file of the computer on a row."""
    data = on.page.evaluate_handle(
        """([name, bytes]) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], name));
            return data;
        }""",
        [name, list(content)],
    )
    for event in ("dragover", "drop"):
        on.dispatch_event(event, {"dataTransfer": data})


def shot(lab: Lab, name: str) -> None:
    """A picture of the page at two widths, if somebody wants to look at it."""
    folder = os.environ.get("WB_SHOTS")
    if folder:
        for width in (1440, 1100):
            lab.page.set_viewport_size({"width": width, "height": 900})
            lab.page.screenshot(path=f"{folder}/{name}-{width}.png")
        lab.page.set_viewport_size({"width": 1440, "height": 900})


def test_a_dropped_file_becomes_a_table(person: Lab, postgres: Cluster, target: str) -> None:
    page = person.page
    with closing(person.people.api(person.name)) as api:
        api.ok(
            "POST",
            "/connections",
            {"name": target, "connector": "postgres", "config": postgres.config()},
        )
    person.open_panel("Connections")
    tree = page.get_by_role("tree", name="Connections")
    row = tree.locator(f"[data-testid=wb-row-connection][data-name={target}]")
    sample = tree.locator("[data-name=sample]")
    drop(sample, "umsatz.csv", SALES.encode())
    expect(page.get_by_role("alert").filter(has_text="read-only")).to_be_visible()
    row.click()
    schema = tree.locator(f"[data-testid=wb-row-schema][data-name={target}]")
    drop(schema, "Umsätze 2026 der nordwestlichen Niederlassungen.csv", SALES.encode("cp1252"))
    dialog = page.get_by_role("dialog")
    # It can't be read as UTF-8, and one click says how else.
    expect(dialog.get_by_test_id("wb-load-problem")).to_contain_text("It is probably windows-1252")
    shot(person, "load-problem")
    dialog.get_by_role("button", name="Read it as windows-1252").click()
    expect(dialog.get_by_test_id("wb-load-type-2").locator("option:checked")).to_have_text("text")
    dialog.get_by_test_id("wb-load-options").locator("summary").click()
    dialog.get_by_test_id("wb-field-decimal").select_option(label=",")
    dialog.get_by_test_id("wb-field-date_format").fill("%d.%m.%Y")
    for place, kind in ((0, "date"), (2, "numeric(18,2)")):
        found = dialog.get_by_test_id(f"wb-load-type-{place}").locator("option:checked")
        expect(found).to_have_text(kind)
    shot(person, "load-options")
    expect(dialog.get_by_test_id("wb-load-schema")).to_have_value(target)
    expect(dialog.get_by_test_id("wb-load-name-1")).to_have_value("kunde")
    dialog.get_by_test_id("wb-load-name-1").fill("betrag")
    dialog.get_by_test_id("wb-load-table").fill("umsatz")
    dialog.get_by_role("button", name="Load", exact=True).click()
    expect(dialog.get_by_test_id("wb-error-column-1")).to_have_text("Two columns have this name.")
    dialog.get_by_test_id("wb-load-name-1").fill("name")
    shot(person, "load-ready")
    dialog.get_by_role("button", name="Load", exact=True).click()
    done = page.get_by_role("alert").filter(has_text=f"2 rows loaded into {target}.umsatz.")
    expect(done).to_be_visible()
    expect(dialog).to_have_count(0)
    shot(person, "loaded")
    done.get_by_role("button", name="Open").click()
    rows = page.get_by_test_id("wb-table-rows").locator("tbody")
    expect(rows).to_contain_text("2025-12-31Müller1234.50")
    shot(person, "opened")

    # By keyboard, from the menu of the table: what differs is shown, and replacing is confirmed.
    table = tree.locator("[data-testid=wb-row-table][data-name=umsatz]")
    if table.count() == 0:
        schema.click()
    table.click(button="right")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("menuitem", name="Load a File…").click()
    book = workbook(("Plan", [["x"], [1]]), ("Ist", [["Name", "Rest"], ["Anna", 5]]))
    chooser.value.set_files(
        {"name": "Umsatz.xlsx", "mimeType": "application/octet-stream", "buffer": book}
    )
    expect(dialog.get_by_test_id("wb-load-mode")).to_have_value("append")
    dialog.get_by_test_id("wb-load-sheet").select_option("Ist")
    differences = dialog.get_by_test_id("wb-load-differences")
    expect(differences).to_contain_text("Not loaded: Rest.")
    expect(differences).to_contain_text("Not in the file, so NULL or their default: tag, betrag.")
    shot(person, "append")
    dialog.get_by_test_id("wb-load-mode").select_option("replace")
    dialog.get_by_role("button", name="Load", exact=True).click()
    question = dialog.get_by_test_id("wb-load-replace")
    expect(question).to_contain_text("Replace the 2 rows of “umsatz”?")
    shot(person, "replace")
    question.get_by_role("button", name="Replace").click()
    expect(page.get_by_role("alert").filter(has_text="1 row loaded")).to_be_visible()

    # From Lab's own file browser.
    person.put_file("more.csv", "tag,name,betrag\n2026-03-01,Ben,1.50\n").click(button="right")
    page.get_by_role("menuitem", name="Load into a Table…").click()
    expect(dialog.get_by_test_id("wb-load-table")).to_have_value("more")
    dialog.get_by_test_id("wb-load-mode").select_option("append")
    dialog.get_by_test_id("wb-load-schema").select_option(target)
    dialog.get_by_test_id("wb-load-table").select_option("umsatz")
    expect(dialog.get_by_test_id("wb-load-differences")).to_contain_text("all columns")
    dialog.get_by_role("button", name="Load", exact=True).click()
    expect(dialog).to_have_count(0)
    with postgres.connect() as connection:
        found = connection.execute(f"select name, betrag from {target}.umsatz order by 1")
        assert found.fetchall() == [("Anna", None), ("Ben", Decimal("1.50"))]
