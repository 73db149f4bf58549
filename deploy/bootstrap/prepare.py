"""Updates the environment to what this version of the code needs, as parallel as possible."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from functools import partial

import environment
import node
import packages
import progress
from progress import StepFailed
from steps import STATE, exclusive


def prepare(*, product: bool, dev: bool) -> None:
    """Runs each step whose result is missing or whose inputs have changed.

    Args:
        product: Also the parts that are built from this repository: the proxy, the Lab
            extension and the Python packages.
        dev: Also what tests and checks need. Once installed, it is kept up to date.

    Raises:
        StepFailed: A step failed.
    """
    try:
        with exclusive():
            python = environment.ready()
            tests_too = STATE / "dev"
            if dev:
                tests_too.touch()
            dev = tests_too.exists()
            packages.tools(python)
            _side_by_side(python, product=product, dev=dev)
    except OSError as error:
        raise StepFailed(f"{error.filename or STATE}: {error.strerror}") from None


def _side_by_side(python: str, *, product: bool, dev: bool) -> None:
    """Runs steps in parallel: npm waits for the network while Python packages are unpacked."""
    with ThreadPoolExecutor(8) as pool:

        def after(task: Callable[[], None], *before: Future[None]) -> Future[None]:
            def work() -> None:
                for it in before:
                    it.result()
                task()

            return pool.submit(work)

        synced = after(partial(packages.sync, python, dev=dev))
        tasks = [synced, after(partial(packages.compile_bytecode, python, dev=dev), synced)]
        if product:
            extension = after(partial(node.extension, python, dev=dev))
            tasks += [after(partial(node.proxy, python)), extension]
            tasks += [after(partial(packages.projects, python), synced, extension)]
        try:
            for done in as_completed(tasks):
                done.result()
        except BaseException:
            progress.stop()
            raise
