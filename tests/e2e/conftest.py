"""A real browser on a running Workbench, used as a person would."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
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


@pytest.fixture
def context(chromium_browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A fresh profile: no cookies, no storage."""
    it = chromium_browser.new_context(viewport={"width": 1440, "height": 900})
    it.set_default_timeout(30_000)
    yield it
    it.close()


@pytest.fixture
def page(context: BrowserContext, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A tab; a failing test leaves a screenshot of it."""
    it = context.new_page()
    yield it
    report = getattr(request.node, "failed_report", None)
    if report is not None and not it.is_closed():
        FAILURES.mkdir(exist_ok=True)
        name = re.sub(r"\W+", "_", request.node.name)
        it.screenshot(path=FAILURES / f"{name}.png")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    """Records a failure on its test, so that the fixture ``page`` can take a screenshot."""
    report = yield
    if report.when == "call" and report.failed:
        item.failed_report = report  # type: ignore[attr-defined]
    return report


@pytest.fixture
def person(
    hub: Running, people: People, page: Page, request: pytest.FixtureRequest
) -> Iterator[Lab]:
    """An engineer with Lab open."""
    lab = Lab(page, hub, people)
    name = f"e-{abs(hash(request.node.name)) % 10**8}"
    lab.make_person(name, "engineer")
    lab.sign_in(name)
    yield lab
    people.hub("DELETE", f"/users/{name}/server")


@pytest.fixture
def second(
    chromium_browser: Browser, hub: Running, people: People, request: pytest.FixtureRequest
) -> Iterator[Lab]:
    """A second user with Lab open in their own browser: an analyst, or the role in the parameter."""
    context = chromium_browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(30_000)
    lab = Lab(context.new_page(), hub, people)
    name = f"e-second-{uuid.uuid4().hex[:6]}"
    lab.make_person(name, getattr(request, "param", "analyst"))
    lab.sign_in(name)
    yield lab
    context.close()
    people.hub("DELETE", f"/users/{name}/server")
