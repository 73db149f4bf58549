"""Which tests ``./wb test --changed`` selects for a change."""

from __future__ import annotations

import pytest
from reach import ALWAYS, Reach

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reach() -> Reach:
    return Reach()


SERVER = "packages/wb_server/wb_server"


def test_a_module_reaches_the_tests_that_import_it_and_the_product(reach: Reach) -> None:
    found = reach.tests([f"{SERVER}/pipelines/definition/expressions.py"])
    assert "tests/server/pipelines/definition/test_expressions.py" in found  # imports it
    assert "tests/server/pipelines/test_service.py" in found  # imports it indirectly
    assert "tests/faults/test_pipelines.py" in found  # through a helper that starts workers
    assert "tests/e2e/test_pipelines.py" in found  # through a Hub
    assert "tests/kernels/test_frames.py" not in found
    assert "tests/hub/test_jwks.py" not in found


def test_a_kernel_module_reaches_no_test_of_the_service(reach: Reach) -> None:
    found = reach.tests(["packages/wb_kernels/wb_kernels/display.py"])
    assert "tests/kernels/test_magics.py" in found
    assert "tests/server/connectors/test_s3_network.py" not in found


def test_a_helper_reaches_the_tests_that_use_it(reach: Reach) -> None:
    found = reach.tests(["tests/support/wired.py"])
    assert "tests/server/queries/test_loading.py" in found
    assert "tests/e2e/test_tokens.py" not in found


def test_a_conftest_reaches_the_tests_that_use_its_fixtures(reach: Reach) -> None:
    found = reach.tests(["tests/server/pipelines/conftest.py"])
    assert "tests/server/pipelines/test_service.py" in found
    assert "tests/server/pipelines/schedules/test_service.py" in found
    assert "tests/server/pipelines/runs/test_transitions.py" not in found


def test_a_file_reaches_the_tests_that_name_it(reach: Reach) -> None:
    found = reach.tests(["tests/server/gate/statement_bad.txt"])
    assert set(found) - {"tests/tools/test_reach.py"} == {
        ALWAYS,
        "tests/server/gate/test_statement.py",
    }


def test_typescript_reaches_the_tests_with_a_browser_or_a_hub(reach: Reach) -> None:
    found = reach.tests(["packages/wb_labext/src/index.ts"])
    assert "tests/e2e/test_tokens.py" in found
    assert "tests/server/connectors/test_s3_network.py" not in found


def test_a_docs_page_reaches_only_the_tests_of_docs_and_a_lock_reaches_everything(
    reach: Reach,
) -> None:
    assert reach.tests(["docs/architecture.md"]) == [ALWAYS]
    assert reach.tests(["deploy/locks/runtime.txt"]) == ["tests"]
    assert reach.tests([]) == []
