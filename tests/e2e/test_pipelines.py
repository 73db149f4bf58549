"""Pipelines in the browser: made from a notebook, run with parameters, watched, inspected, changed."""

from __future__ import annotations

import re

from playwright.sync_api import Request, expect
from support.lab import Lab

# Milliseconds: a kernel starts, maybe on a busy machine with two cores.
RUN = 90_000


def test_a_notebook_becomes_a_pipeline_that_is_run_watched_and_changed(person: Lab) -> None:
    page = person.page
    notebook = person.put_notebook(
        "monthly sales.ipynb",
        "print(f'{months} months of {region}')",
        "import time\ntime.sleep(6)\nprint('a while later')",
        "import wb\nwb.output('months', months)",
        parameters="region = 'eu'  # which\nmonths = 2",
    )
    # Nothing is saved before the run is confirmed.
    dialog = person.run_as_pipeline(notebook)
    expect(dialog.get_by_test_id("wb-filelist")).to_contain_text("monthly sales.ipynb")
    dialog.get_by_role("button", name="Cancel").click()
    expect(page.locator(".jp-DirListing-item", has_text="pipeline.yaml")).to_have_count(0)
    assert person.people.api(person.name).ok("GET", "/pipelines", search="monthly")["items"] == []
    dialog = person.run_as_pipeline(notebook)
    dialog.get_by_test_id("wb-field-months").fill("many")
    dialog.get_by_role("button", name="Save and run").click()
    expect(dialog.get_by_test_id("wb-error-months")).to_have_text("Must be a whole number.")
    dialog.get_by_test_id("wb-field-months").fill("3")
    dialog.get_by_test_id("wb-field-region").fill("us")
    dialog.get_by_role("button", name="Save and run").click()

    # The run opens. Its notebook is shown while it runs, and new outputs appear.
    run = page.get_by_test_id("wb-run")
    expect(run.locator("[data-testid=wb-run-parameter][data-name=region]")).to_contain_text("us")
    run.get_by_test_id("wb-task-notebook").click(timeout=RUN)
    executed = page.get_by_test_id("wb-executed")
    expect(executed).to_contain_text("3 months of us")
    expect(executed.locator(".jp-OutputArea-output", has_text="a while later")).to_be_visible()
    # It is a record: read-only.
    source = executed.locator(".jp-CodeCell .cm-content").first
    expect(source).to_have_attribute("aria-readonly", "true")

    # The end shows without a reload.
    page.get_by_role("tab", name=re.compile(r"^monthly_sales, run \d+$")).click()
    expect(run.get_by_test_id("wb-run-state")).to_have_text("Succeeded", timeout=RUN)
    expect(run.get_by_test_id("wb-run-log")).to_contain_text("succeeded")
    expect(run.get_by_test_id("wb-task-outputs")).to_contain_text("months3")

    # The panel lists it.
    person.open_panel("Pipelines")
    row = page.locator("[data-testid=wb-pipeline-row][data-name=monthly_sales]")
    expect(row).to_have_attribute("data-state", "succeeded")
    row.hover()
    row.get_by_test_id("wb-pipeline-runs").click()
    expect(page.get_by_test_id("wb-runs-row")).to_have_count(1)

    # The editor completes and checks the file while one types.
    row.get_by_test_id("wb-pipeline-edit").click()
    editor = page.locator(".jp-FileEditor .cm-content:visible")
    bar = page.get_by_test_id("wb-file-bar")
    expect(bar).to_have_attribute("data-state", "saved")
    editor.locator(".cm-line", has_text="name: monthly_sales").click()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.keyboard.type("conc")
    offered = page.locator(".jp-Completer-item", has_text="concurrency")
    expect(offered).to_be_visible()
    expect(bar.get_by_test_id("wb-file-errors")).to_be_visible()
    expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
    bar.get_by_test_id("wb-file-errors").click()
    listed = page.locator(".cm-panel-lint li")
    expect(listed).to_contain_text(re.compile(r"line \d"))
    listed.click()
    bar.get_by_test_id("wb-file-errors").click()
    expect(listed).to_have_count(0)
    editor.locator(".cm-line", has_text="conc").click()
    page.keyboard.press("End")
    page.keyboard.type("u")
    offered.click()
    page.keyboard.type("skip")
    page.keyboard.press("Escape")
    expect(bar.get_by_test_id("wb-file-errors")).to_have_count(0)
    expect(bar).to_have_attribute("data-state", "changed")
    bar.get_by_test_id("wb-file-save").click()
    expect(bar).to_have_attribute("data-state", "saved")
    expect(bar.get_by_test_id("wb-file-status")).to_have_text("Version 2")

    # A terminal has the command, the service's address and the user's token.
    assert re.search(
        r"monthly_sales +succeeded .*status 0", person.in_terminal("wb pipeline list"), re.DOTALL
    )

    # Changes are shown, and can be reverted.
    row.hover()
    row.get_by_test_id("wb-pipeline-versions").click()
    versions = page.get_by_role("dialog", name="Versions of")
    newest = versions.locator("[data-testid=wb-version][data-number='2']")
    expect(newest.locator(".wb-Diff-line.wb-mod-added")).to_have_text("+concurrency: skip\n")
    oldest = versions.locator("[data-testid=wb-version][data-number='1']")
    oldest.locator("summary").first.click()
    oldest.get_by_test_id("wb-version-restore").click()
    expect(versions.locator("[data-testid=wb-version][data-number='3']")).to_be_visible()
    versions.get_by_role("button", name="Done").click()

    # Deleting it can be undone.
    row.locator(".wb-Row-label").click()
    page.keyboard.press("Delete")
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(row).to_be_visible()


STEPS = """name: stepwise
tasks:
  extract:
    type: sql
    connection: sample
    statement: "select count(*) as n from customers where {{ run.date }} is not null"
    into: {artifact: n.parquet}
  left: {type: sql, needs: [extract], connection: sample, statement: select n from nowhere}
  right: {type: sql, needs: [extract], connection: sample, statement: select n from nothing}
sla: 2h
"""


def test_a_failed_run_is_mended_and_continued_with_the_current_version(person: Lab) -> None:
    page = person.page
    person.open_panel("Pipelines")
    page.get_by_test_id("wb-pipelines-create").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("stepwise")
    page.get_by_role("button", name="Create", exact=True).click()
    bar = page.get_by_test_id("wb-file-bar")
    expect(bar).to_have_attribute("data-state", "new")

    # The template has no mistake; it is in a folder of its own, with a notebook.
    def save(*files: str) -> None:
        bar.get_by_test_id("wb-file-save").click()
        if files:
            dialog = page.get_by_role("dialog")
            expect(dialog.locator(".wb-FileList-path")).to_have_text(list(files))
            dialog.get_by_role("button", name="Save", exact=True).click()
        expect(bar).to_have_attribute("data-state", "saved")

    save("first.ipynb")
    expect(bar.get_by_test_id("wb-file-errors")).to_have_count(0)
    expect(bar.get_by_test_id("wb-file-warnings")).to_have_count(0)

    def write(text: str) -> None:
        page.locator(".jp-FileEditor .cm-content:visible").click()
        page.keyboard.press("ControlOrMeta+A")
        page.keyboard.insert_text(text)
        expect(bar).to_have_attribute("data-state", "changed")

    write(STEPS)
    save()
    expect(bar.get_by_test_id("wb-file-warnings")).to_have_text("1 warning")

    # It runs for another day. Both failed tasks are named; the one that is shown stays.
    bar.get_by_test_id("wb-file-run").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_test_id("wb-run-date").fill("2024-02-29")
    dialog.get_by_role("button", name="Run", exact=True).click()
    run = page.get_by_test_id("wb-run")
    expect(run.get_by_test_id("wb-run-state")).to_have_text("Failed", timeout=RUN)
    expect(run.locator(".wb-Run-facts")).to_contain_text("2024-02-29")
    expect(run.get_by_test_id("wb-run-failed")).to_have_text(["left", "right"])
    run.get_by_test_id("wb-run-failed").last.click()
    expect(run.get_by_test_id("wb-task-detail")).to_have_attribute("data-task", "right")

    # The file is mended, and the run continues with it.
    page.get_by_role("tab", name="stepwise.pipeline.yaml").click()
    write(STEPS.replace("n from nowhere", "1 as n").replace("n from nothing", "2 as n"))
    save()
    page.get_by_role("tab", name="stepwise, run 1").click()
    run.get_by_test_id("wb-run-fromfailed").click()
    page.get_by_role("button", name="Version 3 (current)").click()
    again = page.locator("[data-testid=wb-run]:visible")
    expect(again.get_by_test_id("wb-run-state")).to_have_text("Succeeded", timeout=RUN)
    expect(again.locator(".wb-Run-facts")).to_contain_text("2024-02-29")

    # All pipelines' runs are in one list.
    page.get_by_test_id("wb-pipelines-allruns").click()
    rows = page.get_by_test_id("wb-runs-row")
    expect(rows.filter(has_text="stepwise")).to_have_count(2)
    page.get_by_test_id("wb-runs-filter").select_option("succeeded")
    expect(rows.filter(has_text="stepwise")).to_have_count(1)


# Lab saves the open documents and the layout separately, one after the other.
LAYOUT_NAMES = """async id => {
  const config = JSON.parse(document.getElementById('jupyter-config-data').textContent);
  const [, xsrf] = document.cookie.match(/_xsrf=([^;]+)/);
  const asked = { cache: 'no-store', headers: { 'X-XSRFToken': xsrf } };
  const answer = await (await fetch(config.fullWorkspacesApiUrl, asked)).json();
  return (answer.workspaces?.values ?? []).some(({ data }) => {
    const naming = Object.keys(data).filter(key => (key + JSON.stringify(data[key])).includes(id));
    return naming.includes('layout-restorer:data') && naming.length >= 2;
  });
}"""


def _saves_layout(request: Request) -> bool:
    return request.method == "PUT" and "/api/workspaces/" in request.url


def test_a_failing_notebook_shows_the_cell_that_failed_and_runs_again(person: Lab) -> None:
    page = person.page
    saves: set[Request] = set()
    page.on("request", lambda it: saves.add(it) if _saves_layout(it) else None)
    page.on("response", lambda it: saves.discard(it.request))
    page.on("requestfailed", lambda it: saves.discard(it))
    steps = [f"for line in range(20):\n    print('step {number}', line)" for number in range(1, 6)]
    notebook = person.put_notebook("broken.ipynb", *steps, "1 / 0", "print('never')")
    dialog = person.run_as_pipeline(notebook)
    expect(dialog.get_by_test_id("wb-run-noparameters")).to_be_visible()
    dialog.get_by_role("button", name="Save and run").click()
    run = page.get_by_test_id("wb-run")
    expect(run.get_by_test_id("wb-run-state")).to_have_text("Failed", timeout=RUN)
    expect(run.get_by_test_id("wb-run-message")).to_contain_text(
        "Cell 6 of 7 failed: ZeroDivisionError"
    )
    run.get_by_test_id("wb-task-notebook").click()
    executed = page.get_by_test_id("wb-executed")
    expect(executed.get_by_text("ZeroDivisionError: division by zero").last).to_be_in_viewport()
    unreached = executed.locator(".jp-CodeCell").last
    expect(unreached).to_contain_text("print('never')")
    expect(unreached.locator(".jp-OutputArea-output")).to_have_count(0)

    # Rerun from the failed task, as a new run.
    first = run.get_attribute("data-run")
    page.get_by_role("tab", name=re.compile(r"^broken, run \d+$")).click()
    run.get_by_test_id("wb-run-fromfailed").click()
    again = page.locator(f"[data-testid=wb-run]:not([data-run='{first}'])")
    expect(again.get_by_test_id("wb-run-state")).to_have_text("Failed", timeout=RUN)

    # A reload reopens what was open, once Lab has saved the layout.
    # An older save still in flight could arrive after a newer one.
    while saves or not page.evaluate(LAYOUT_NAMES, again.get_attribute("data-run")):
        page.wait_for_timeout(200)
    page.reload()
    expect(again).to_be_visible(timeout=60_000)
    again.get_by_test_id("wb-run-list").click()
    expect(page.get_by_test_id("wb-runs-row")).to_have_count(2)
    page.get_by_test_id("wb-runs-filter").select_option("succeeded")
    expect(page.get_by_test_id("wb-runs-nomatch")).to_be_visible()
