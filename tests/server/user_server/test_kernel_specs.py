"""Which kernels a user's server offers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from jupyter_client.kernelspec import NATIVE_KERNEL_NAME
from support.api import Api

from wb_server.user_server.kernel_specs import WORKBENCH, WorkbenchKernelSpecs

SPEC = Path(__file__).parents[3] / "packages" / "wb_kernels" / "kernelspec"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the Workbench's kernel, the plain one, and one of the user's own."""
    for name in (WORKBENCH, NATIVE_KERNEL_NAME, "own"):
        shutil.copytree(SPEC, tmp_path / name)
    return tmp_path


def test_the_plain_kernel_is_hidden_but_there(folder: Path) -> None:
    specs = WorkbenchKernelSpecs(kernel_dirs=[str(folder)])
    assert set(specs.find_kernel_specs()) == set(specs.get_all_specs()) == {WORKBENCH, "own"}
    assert specs.get_kernel_spec(NATIVE_KERNEL_NAME).argv


@pytest.mark.parametrize("value", ["1", "true"])
def test_a_setting_shows_the_plain_kernel(
    folder: Path, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WB_PLAIN_KERNEL", value)
    specs = WorkbenchKernelSpecs(kernel_dirs=[str(folder)])
    assert set(specs.find_kernel_specs()) == {WORKBENCH, NATIVE_KERNEL_NAME, "own"}


def test_the_plain_kernel_is_shown_where_there_is_no_other(folder: Path) -> None:
    shutil.rmtree(folder / WORKBENCH)
    specs = WorkbenchKernelSpecs(kernel_dirs=[str(folder)])
    assert NATIVE_KERNEL_NAME in specs.find_kernel_specs()


def test_a_server_offers_the_workbenchs_kernel_by_default(embedded_api: Api) -> None:
    server = embedded_api.base.removesuffix("/workbench")
    offered = embedded_api.http.get(f"{server}/api/kernelspecs").json()
    assert offered["default"] == WORKBENCH
    assert NATIVE_KERNEL_NAME not in offered["kernelspecs"]
    kernel = embedded_api.http.post(f"{server}/api/kernels", json={}).json()
    embedded_api.http.delete(f"{server}/api/kernels/{kernel['id']}")
    assert kernel["name"] == WORKBENCH
