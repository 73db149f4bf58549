"""A real browser on a running Workbench, used as a person would."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from running_hub import Running
from support.browser import browser as chromium
from support.lab import Lab
from support.people import People
from support.shared import borrow

FAILURES = Path(__file__).parent / "failures"
# Lab and kernels may start on a busy machine with two cores.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def chromium_browser() -> Iterator[Browser]:
    """The test run's browser, per module: while it is connected, no other event loop can run."""
    with borrow("browser") as address, chromium(address) as it:
        yield it


@dataclass
class Labs:
    """A module's user with Lab open in one tab: signing in and loading Lab takes most of a test."""

    browser: Browser
    hub: Running
    people: People
    lab: Lab | None = None

    def open(self) -> Lab:
        """The user's Lab, without a document; of a new user if a test failed in the last one's."""
        if self.lab is not None:
            self.lab.close_documents()
            return self.lab
        page = new_context(self.browser).new_page()
        self.lab = Lab(page, self.hub, self.people)
        name = f"e-{uuid.uuid4().hex[:8]}"
        self.lab.make_person(name, "engineer")
        self.lab.sign_in(name)
        return self.lab

    def close(self) -> None:
        """Stops the user's server."""
        if self.lab is not None:
            lab, self.lab = self.lab, None
            lab.page.context.close()
            self.people.hub("DELETE", f"/users/{lab.user}/server")


def new_context(browser: Browser) -> BrowserContext:
    """A fresh profile: no cookies, no storage."""
    it = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    it.set_default_timeout(30_000)
    return it


def screenshot(request: pytest.FixtureRequest, page: Page) -> bool:
    """Leaves a screenshot of a test that failed; returns whether it has."""
    if getattr(request.node, "failed_report", None) is None:
        return False
    if not page.is_closed():
        FAILURES.mkdir(exist_ok=True)
        name = re.sub(r"\W+", "_", request.node.name)
        page.screenshot(path=FAILURES / f"{name}.png")
    return True


@pytest.fixture
def context(chromium_browser: Browser) -> Iterator[BrowserContext]:
    """A fresh profile."""
    it = new_context(chromium_browser)
    yield it
    it.close()


@pytest.fixture
def page(context: BrowserContext, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A tab; a failing test leaves a screenshot of it."""
    it = context.new_page()
    yield it
    screenshot(request, it)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    """Records a failure on its test, so that the fixtures can take a screenshot."""
    report = yield
    if report.when == "call" and report.failed:
        item.failed_report = report  # type: ignore[attr-defined]
    return report


@pytest.fixture(scope="module")
def labs(chromium_browser: Browser, hub: Running, people: People) -> Iterator[Labs]:
    """The module's user."""
    it = Labs(chromium_browser, hub, people)
    yield it
    it.close()


@pytest.fixture
def person(labs: Labs, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """An engineer with Lab open and no document; their earlier tests' files are still there."""
    lab = labs.open()
    yield lab
    if screenshot(request, lab.page):
        labs.close()


@pytest.fixture
def second(
    chromium_browser: Browser, hub: Running, people: People, request: pytest.FixtureRequest
) -> Iterator[Lab]:
    """A second user with Lab open in their own browser: an analyst, or the role in the parameter."""
    context = new_context(chromium_browser)
    lab = Lab(context.new_page(), hub, people)
    name = f"e-second-{uuid.uuid4().hex[:6]}"
    lab.make_person(name, getattr(request, "param", "analyst"))
    lab.sign_in(name)
    yield lab
    context.close()
    people.hub("DELETE", f"/users/{name}/server")
