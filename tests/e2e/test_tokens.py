"""The Hub's page of tokens: a user makes a read-only token, uses it, and revokes it."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from running_hub import Running
from support.api import Api
from support.lab import Lab
from support.people import People
from support.wait import wait_for

ACCESS = "access:services!service=workbench"
USE = "custom:workbench:use"
READ = "custom:workbench:read"


def open_tokens(page: Page, hub: Running, name: str) -> None:
    """Signs in and opens the page of tokens."""
    page.goto(f"{hub.url}/hub/login?next=%2Fhub%2Ftoken")
    page.get_by_label("Username").fill(name)
    page.locator("input[name=password]").fill(Lab.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/hub/token")
    page.wait_for_function("window._jupyterhub_page_loaded === true")


@pytest.fixture
def newcomer(hub: Running, people: People, page: Page, request: pytest.FixtureRequest) -> str:
    """A new viewer on the page of tokens."""
    name = f"tok-{abs(hash(request.node.name)) % 10**8}"
    Lab(page, hub, people).make_person(name, "viewer")
    open_tokens(page, hub, name)
    return name


def run(command: list[str], source: str, folder: Path) -> str:
    """What a pasted example prints, in a process without a Hub's environment."""
    done = subprocess.run(
        command,
        input=source,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_viewer_makes_a_token_that_reads_and_revokes_it(
    hub: Running, page: Page, context: BrowserContext, newcomer: str, tmp_path: Path
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    expect(page.get_by_text("You have no tokens.")).to_be_visible()
    page.get_by_label("What is it for?").fill("nightly <b>report</b>")
    expect(page.get_by_label("Read only")).to_be_checked()
    page.get_by_label("Until when?").select_option(label="7 days")
    page.get_by_role("button", name="Create token").click()

    # Shown once, with examples that work unchanged.
    area = page.get_by_role("region", name="Your new token")
    expect(area).to_be_focused()
    token = area.get_by_label("The token").input_value()
    area.get_by_role("button", name="Copy", exact=True).click()
    expect(area.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == token
    for name, command in (
        ("Copy the shell example", ["sh"]),
        ("Copy the Python example", [sys.executable, "-I", "-"]),
    ):
        area.get_by_role("button", name=name).click()
        wait_for(lambda: page.evaluate("navigator.clipboard.readText()") != token)
        example = page.evaluate("navigator.clipboard.readText()")
        assert token in example
        assert "sample" in run(command, example, tmp_path)

    # It reads and does nothing else.
    api = Api(f"{hub.url}/services/workbench", token)
    assert api.ok("GET", "/me")["name"] == newcomer
    assert api.query("sample", "select 1 as one from customers limit 1")[0].num_rows == 1
    assert api.refused(403, "POST", "/connections", {})["code"] == "token_narrowed"

    # After a reload the token is gone from the page; its row describes it.
    row = page.get_by_role("row", name="nightly")
    expect(row).to_contain_text("Read only")
    page.reload()
    expect(area).to_be_hidden()
    assert token not in page.content()
    expect(row.get_by_role("cell").first).to_have_text("nightly <b>report</b>")
    expect(row).to_contain_text("Read only")
    end = dt.datetime.now(dt.UTC) + dt.timedelta(days=7)
    expect(row.get_by_role("cell").nth(4)).to_contain_text(f"{end:%Y-%m-}")
    expect(row.get_by_role("cell").nth(4)).to_contain_text("in 7 days")
    expect(row.get_by_role("cell").nth(2)).not_to_have_text("Never")

    # Revoked only after a confirmation.
    row.get_by_role("button", name="Revoke").click()
    dialog = page.get_by_role("dialog", name="Revoke this token?")
    expect(dialog).to_contain_text("nightly <b>report</b>")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    api.ok("GET", "/me")
    row.get_by_role("button", name="Revoke").click()
    dialog.get_by_role("button", name="Revoke").click()
    expect(row).to_have_count(0)
    expect(page.get_by_text("You have no tokens.")).to_be_visible()
    wait_for(lambda: api.call("GET", "/me").status_code == 401, 3)
    api.close()


def test_the_page_says_why_a_token_can_not_be_made(
    hub: Running, page: Page, context: BrowserContext, newcomer: str
) -> None:
    made = page.get_by_role("region", name="Your new token")
    make = page.get_by_role("button", name="Create token")
    alert = page.locator("#token-error")
    # The browser requires a note, and the page a note that isn't blank.
    make.click()
    expect(page.get_by_label("What is it for?")).to_be_focused()
    page.get_by_label("What is it for?").fill("   ")
    make.click()
    expect(alert).to_contain_text("Say what it is for")

    page.get_by_label("What is it for?").fill("odd jobs")
    page.get_by_label("Advanced").check()
    make.click()
    expect(alert).to_contain_text("Choose at least one")

    # Any day up to the last; later or past days are refused.
    page.get_by_label("Read only").check()
    page.get_by_label("Until when?").select_option(label="Until a date …")
    day = page.get_by_label("Last day")
    today = dt.date.fromisoformat(page.evaluate("new Date().toLocaleDateString('sv')"))
    day.fill(f"{today + dt.timedelta(days=91)}")
    make.click()
    expect(made).to_be_hidden()
    assert day.evaluate("element => element.validity.rangeOverflow")
    day.fill(f"{today - dt.timedelta(days=1)}")
    make.click()
    expect(made).to_be_hidden()
    day.fill(f"{today + dt.timedelta(days=90)}")
    make.click()
    expect(made).to_be_visible()
    expect(page.get_by_role("row", name="odd jobs")).to_contain_text("in 3 months")

    # The user has signed out in another tab.
    other = context.new_page()
    other.goto(f"{hub.url}/hub/logout")
    other.close()
    page.get_by_label("What is it for?").fill("too late")
    make.click()
    expect(alert).to_contain_text("No token was created")
    expect(make).to_be_enabled()


def test_advanced_offers_the_hubs_own_permissions(
    hub: Running, people: People, page: Page, newcomer: str
) -> None:
    page.get_by_label("What is it for?").fill("who am I")
    page.get_by_label("Advanced").check()
    box = page.get_by_label(f"read:users:name!user={newcomer}", exact=True)
    box.check()
    page.get_by_role("button", name="Create token").click()
    area = page.get_by_role("region", name="Your new token")
    token = area.get_by_label("The token").input_value()
    # No example for the Workbench, where the token may do nothing.
    expect(page.locator("#token-examples")).to_be_hidden()
    api = Api(f"{hub.url}/services/workbench", token)
    assert api.refused(403, "GET", "/me")["code"] == "no_access"
    api.close()
    expect(page.get_by_role("row", name="who am I")).to_contain_text("1 Hub permission")

    # All permissions at once.
    page.get_by_label("What is it for?").fill("everything")
    page.get_by_label("Everything I may do, at the Hub too").check()
    expect(box).to_be_disabled()
    page.get_by_role("button", name="Create token").click()
    row = page.get_by_role("row", name="everything")
    expect(row).to_contain_text("Everything I may do, at the Hub too")
    page.reload()
    expect(row).to_contain_text("Everything I may do, at the Hub too")
    expect(page.get_by_role("row", name="who am I")).to_contain_text("1 Hub permission")


def test_the_list_describes_what_tokens_may_do(
    hub: Running, people: People, page: Page, newcomer: str
) -> None:
    for note, scopes in {
        "reads": [ACCESS, READ],
        "works": [ACCESS, USE],
        "stands outside": [READ],
        "knocks": [ACCESS],
        "mixed": [ACCESS, READ, f"read:servers!user={newcomer}"],
    }.items():
        people.hub("POST", f"/users/{newcomer}/tokens", json={"note": note, "scopes": scopes})
    page.reload()
    for note, words in {
        "reads": "Read only",
        "works": "Everything I may do in the Workbench",
        "stands outside": "Nothing in the Workbench",
        "knocks": "Nothing in the Workbench",
        "mixed": "3 Hub permissions",
    }.items():
        expect(page.get_by_role("row", name=note).get_by_role("cell").nth(1)).to_contain_text(words)
    page.get_by_role("row", name="mixed").get_by_text("Which").click()
    expect(page.get_by_role("row", name="mixed")).to_contain_text("read:servers")


def test_lab_links_to_the_page_which_tells_servers_from_scripts(person: Lab) -> None:
    page = person.page
    page.keyboard.press("Control+Shift+C")
    page.locator(".lm-CommandPalette-input").fill("Tokens…")
    expect(page.locator(".lm-CommandPalette-item", has_text="Tokens…").first).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("menuitem", name="File").click()
    with page.context.expect_page() as opened:
        page.get_by_role("menuitem", name="Tokens…").click()
    tokens = opened.value
    expect(tokens).to_have_title("Tokens")
    expect(tokens.get_by_text("You have no tokens.")).to_be_visible()
    expect(tokens.get_by_role("heading", name="Tokens of my servers")).to_be_visible()
    # JupyterLab itself, in this browser.
    expect(tokens.get_by_role("heading", name="Signed in with my account")).to_be_visible()
    out = tokens.locator("#oauth-tokens-table .token-row").first
    out.get_by_role("button", name="Sign out").click()
    dialog = tokens.get_by_role("dialog", name="Sign out of this application?")
    dialog.get_by_role("button", name="Sign out").click()
    expect(out).to_have_count(0)
