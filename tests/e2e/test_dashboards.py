"""Dashboards with Voila: in Lab and alone, without a request to anyone but this server."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from playwright.sync_api import FrameLocator, Page, expect
from support.lab import Lab

EXAMPLE = "examples/02-sales-dashboard.ipynb"


class Watch:
    """What a page asks for and complains about."""

    def __init__(self, page: Page) -> None:
        self.asked: set[str] = set()
        self.complaints: list[str] = []
        page.on("request", lambda request: self.asked.add(urlsplit(request.url).netloc))
        page.on("websocket", lambda socket: self.asked.add(urlsplit(socket.url).netloc))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._said)
        page.on("response", self._answered)

    def _said(self, message) -> None:  # type: ignore[no-untyped-def]
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _answered(self, response) -> None:  # type: ignore[no-untyped-def]
        if response.status >= 400:
            self.complaints.append(f"{response.status} {response.url}")


def _choose_country(dashboard: Page | FrameLocator) -> None:
    """Waits for the dashboard and chooses a country: the kernel answers with other numbers."""
    total = dashboard.locator("b", has_text="€")
    expect(total).to_be_visible(timeout=180_000)
    before = total.inner_text()
    expect(dashboard.locator(".vega-embed").first).to_be_visible()
    expect(dashboard.locator("td", has_text=re.compile("^DE$")).first).to_be_visible()
    dashboard.locator("select").select_option("FR")
    expect(total).not_to_have_text(before)
    expect(dashboard.locator("td", has_text=re.compile("^FR$")).first).to_be_visible()
    expect(dashboard.locator("td", has_text=re.compile("^DE$"))).to_have_count(0)
    expect(dashboard.locator(".vega-embed").first).to_be_visible()


def test_the_example_runs_in_lab(person: Lab) -> None:
    page = person.page
    for name in EXAMPLE.split("/"):
        page.locator(".jp-DirListing-item", has_text=name).dblclick()
    person.wait_for_kernel()
    watch = Watch(page)
    page.get_by_role("button", name="Render with Voilà").click()
    # Without a question: the examples are trusted as the user's own.
    _choose_country(page.frame_locator("iframe[src*='voila/render']"))
    assert watch.asked - {""} == {urlsplit(person.hub.url).netloc}
    assert [said for said in watch.complaints if "oila" in said or "frame" in said.lower()] == []


def test_the_example_runs_alone(person: Lab) -> None:
    page = person.page
    name = person.name
    page.goto("about:blank")
    watch = Watch(page)
    page.goto(f"{person.hub.url}/user/{name}/voila/tree/examples")
    expect(page.get_by_role("link", name="02-sales-dashboard.ipynb")).to_be_visible()
    page.goto(f"{person.hub.url}/user/{name}/voila/render/{EXAMPLE}", wait_until="commit")
    _choose_country(page)
    # Code is not shown.
    expect(page.locator(".jp-InputArea-editor")).to_have_count(0)
    assert watch.asked - {""} == {urlsplit(person.hub.url).netloc}
    assert watch.complaints == []
