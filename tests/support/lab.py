"""A user's actions in the Hub's pages and in JupyterLab."""

from __future__ import annotations

from typing import Any

import httpx
from playwright.sync_api import Locator, Page, expect
from running_hub import Browser as Forms
from running_hub import Running

from .people import People
from .wait import wait_for


class Lab:
    """JupyterLab in a browser tab, operated as a user would."""

    PASSWORD = "correct horse battery"

    def __init__(self, page: Page, hub: Running, people: People) -> None:
        self.page = page
        self.hub = hub
        self.people = people
        self.user = ""

    @property
    def name(self) -> str:
        """The signed-in user's name, from the page's address."""
        return self.page.url.split("/user/")[1].split("/")[0]

    def make_person(self, name: str, *groups: str) -> None:
        """Signs a user up and approves them, through the Hub's own pages."""
        assert self.hub.admin_password
        with Forms(self.hub.url) as newcomer:
            newcomer.sign_up(name, self.PASSWORD)
        with Forms(self.hub.url) as admin:
            admin.sign_in("admin", self.hub.admin_password)
            admin.http.get("/hub/authorize")
            admin.post(f"/hub/authorize/{name}", approved="yes")
        known = {user["name"] for user in self.people.hub("GET", "/users")}
        if name not in known:
            self.people.hub("POST", f"/users/{name}")
        for group in groups:
            self.people.promote(name, group)

    def sign_in(self, name: str) -> None:
        """Signs in and waits until Lab has loaded."""
        self.user = name
        self.page.goto(self.hub.url)
        self.page.get_by_label("Username").fill(name)
        self.page.locator("input[name=password]").fill(self.PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**/lab**", timeout=45_000)
        # The launcher, or the restored documents.
        panel = self.page.get_by_role("tab", name="Connections")
        expect(panel).to_be_visible(timeout=60_000)
        expect(self.page.locator(".jp-MainAreaWidget:visible").first).to_be_visible()
        # The splash screen disappears once Lab has restored the layout.
        expect(self.page.locator("#jupyterlab-splash")).to_have_count(0)

    def open_panel(self, name: str) -> None:
        """Shows a side panel unless it is shown already: another click would close it."""
        tab = self.page.get_by_role("tab", name=name)
        if tab.get_attribute("aria-selected") != "true":
            tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")

    def close_documents(self) -> None:
        """Closes dialogs and documents, without saving; stops their kernels; shows the folder."""
        page = self.page
        for _ in range(page.get_by_role("dialog").count()):
            page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        tabs = page.locator("#jp-main-dock-panel .lm-TabBar-tab:not([data-id^=launcher])")
        discard = page.get_by_role("dialog").get_by_role("button", name="Discard")
        while left := tabs.count():
            tabs.first.locator(".lm-TabBar-tabCloseIcon").click()
            wait_for(lambda left=left: tabs.count() < left or discard.count())
            if discard.count():
                discard.click()
        for kernel in self._server("GET", "kernels").json():
            self._server("DELETE", f"kernels/{kernel['id']}").raise_for_status()
        self.open_panel("File Browser")
        page.locator(".jp-BreadCrumbs-home").click()

    def choose(self, menu: str, *items: str) -> None:
        """Chooses an item of Lab's menu, through its submenus."""
        self.page.get_by_role("menuitem", name=menu, exact=True).click()
        for item in items:
            label = self.page.locator(".lm-Menu-itemLabel:visible").get_by_text(item, exact=True)
            label.last.hover()
            label.last.click()

    def new_notebook(self) -> None:
        """Opens a notebook with the Workbench's kernel and waits for the kernel."""
        self.page.locator(".jp-LauncherCard", has_text="Workbench Python").first.click()
        self.wait_for_kernel()

    def wait_for_kernel(self) -> None:
        """Waits until the notebook's kernel is idle."""
        expect(self.page.get_by_text("Workbench Python | Idle")).to_be_visible(timeout=60_000)

    def run_cell(self, text: str | None = None) -> None:
        """Types into the active cell, if a text is given, and runs it."""
        if text is not None:
            cell = self.page.locator(".jp-Notebook .jp-Cell.jp-mod-active .cm-content")
            cell.click()
            self.page.keyboard.insert_text(text)
        self.page.keyboard.press("Shift+Enter")

    def put_notebook(self, path: str, *cells: str, parameters: str | None = None) -> Locator:
        """Puts a notebook into the user's folder, and returns it in the file browser.

        Args:
            parameters: a first cell, tagged as the parameters cell.
        """

        def cell(number: int, source: str, **metadata: Any) -> dict[str, Any]:
            return {
                "cell_type": "code", "id": f"cell-{number}", "metadata": metadata, "source": source,
                "execution_count": None, "outputs": [],
            }  # fmt: skip

        first = [] if parameters is None else [cell(0, parameters, tags=["parameters"])]
        content = {
            "cells": first + [cell(number, source) for number, source in enumerate(cells, 1)],
            "metadata": {
                "kernelspec": {"name": "workbench-python", "display_name": "Workbench Python"}
            },
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        self._contents("PUT", path, {"type": "notebook", "content": content}).raise_for_status()
        self.page.get_by_role("button", name="Refresh the file browser").click()
        return self.page.locator(".jp-DirListing-item", has_text=path)

    def put_file(self, path: str, text: str) -> Locator:
        """Puts a text file into the user's folder, and returns it in the file browser."""
        body = {"type": "file", "format": "text", "content": text}
        self._contents("PUT", path, body).raise_for_status()
        self.open_panel("File Browser")
        self.page.get_by_role("button", name="Refresh the file browser").click()
        return self.page.locator(".jp-DirListing-item", has_text=path)

    def in_terminal(self, command: str) -> str:
        """Types a command into a new terminal and returns its output."""
        self.page.keyboard.press("ControlOrMeta+Shift+L")
        self.page.locator(".jp-LauncherCard:visible", has_text="Terminal").click()
        terminal = self.page.locator(".jp-Terminal:visible")
        terminal.click()
        # The terminal is drawn on a canvas, so the output is read from a file.
        self.page.keyboard.insert_text(f"{{ {command}; echo status $?; }} > printed.txt 2>&1")
        self.page.keyboard.press("Enter")

        def printed() -> str:
            answer = self._contents("GET", "printed.txt")
            text = str(answer.json()["content"]) if answer.status_code == 200 else ""
            return text if "status " in text else ""

        return wait_for(printed, 30)

    def _contents(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return self._server(method, f"contents/{path}", body)

    def _server(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Asks the Jupyter server of the user."""
        name = self.name
        token = self.people.token(name, [f"access:servers!user={name}"])
        return httpx.request(
            method,
            f"{self.hub.url}/user/{name}/api/{path}",
            json=body,
            headers={"Authorization": f"token {token}"},
            trust_env=False,
            verify=False,
            timeout=30,
        )

    def add_to_pipeline(self, pipeline: str, lines: str) -> Locator:
        """Opens a pipeline's file from its row, adds lines below its name, and saves it.

        Returns:
            the bar above the file, which shows the result.
        """
        row = self.page.locator(f"[data-testid=wb-pipeline-row][data-name={pipeline}]")
        row.hover()
        row.get_by_test_id("wb-pipeline-edit").click()
        bar = self.page.get_by_test_id("wb-file-bar")
        expect(bar).to_have_attribute("data-state", "saved")
        self.page.locator(".jp-FileEditor .cm-line:visible", has_text=f"name: {pipeline}").click()
        self.page.keyboard.press("End")
        self.page.keyboard.insert_text(f"\n{lines}")
        expect(bar).to_have_attribute("data-state", "changed")
        bar.get_by_test_id("wb-file-save").click()
        return bar

    def run_as_pipeline(self, notebook: Locator) -> Locator:
        """Chooses “Run as Pipeline” in a notebook's context menu; returns the parameters dialog."""
        notebook.click(button="right")
        self.page.locator(".lm-Menu-item", has_text="Run as Pipeline").click()
        dialog = self.page.get_by_role("dialog", name="Run “")
        expect(dialog).to_be_visible()
        return dialog
