"""Files into and out of a notebook: with kernels of this machine, and in a user's Jupyter server."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.notebook_server import NotebookServer, notebook_server
from support.notebooks import Attempts, stored
from support.wait import wait_for

from wb_server.kit.snapshot import pack
from wb_server.pipelines.kernels.local import LocalKernel
from wb_server.pipelines.kernels.remote import ServerKernel, ServerKernels
from wb_server.pipelines.tasks.base import TaskFailed
from wb_server.user_server import files

pytestmark = pytest.mark.slow

PARQUET = "application/vnd.apache.parquet"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NotebookServer]:
    with notebook_server(tmp_path_factory.mktemp("nb")) as it:
        yield it


@pytest.fixture(params=["local", pytest.param("server", marks=pytest.mark.slow)])
def attempts(request: pytest.FixtureRequest, tmp_path: Path) -> Attempts:
    """Attempts in either kind of kernel."""
    kernels: Any
    if request.param == "local":
        kernels = request.getfixturevalue("local")
    else:
        kernels = ServerKernels(request.getfixturevalue("server"))
    return Attempts(kernels, temporary=tmp_path / "temporary")


def test_inputs_and_outputs_are_unchanged(attempts: Attempts, tmp_path: Path) -> None:
    """Byte for byte: tables that three libraries wrote, and megabytes of noise."""
    noise = os.urandom(3 * 2**20 + 7)
    ran = attempts.run(
        "import hashlib, os, wb\nfrom pathlib import Path\n"
        "wb.output('inputs', {str(p): hashlib.sha256(p.read_bytes()).hexdigest()"
        " for p in sorted(Path('inputs').rglob('*')) if p.is_file()})\n"
        "wb.output('outputs', sorted(os.listdir('outputs')))\n"
        "wb.output('snapshot', Path('outputs.txt').read_text())",
        "import pandas, polars, pyarrow, pyarrow.parquet\n"
        "pandas.DataFrame({'a': [1, 2], 'b': ['x', None]}).to_parquet('outputs/pandas.parquet')\n"
        "polars.DataFrame({'a': [1, 2], 'b': ['x', None]}).write_parquet('outputs/polars.parquet')\n"
        "pyarrow.parquet.write_table(pyarrow.table({'a': [1, 2]}), 'outputs/arrow.parquet')\n"
        "Path('outputs/noise.bin').write_bytes(Path('inputs/extract/noise').read_bytes() * 3)\n"
        "Path('outputs/empty.csv').touch()\n"
        "Path('outputs/.hidden').write_text('not kept')\n"
        "wb.output('made', {p.name: hashlib.sha256(p.read_bytes()).hexdigest()"
        " for p in Path('outputs').glob('[a-z]*')})",
        files={
            "outputs.txt": b"of the folder",
            "outputs/old.csv": b"1",
            "inputs/extract/old": b"2",
        },
        made=[
            stored("extract", "sales", b"PAR1", PARQUET),
            stored("extract", "noise", noise),
            stored("extract", "list.csv", b"a\n1\n", "text/csv"),
            stored("second", "sales", b"PAR1too", PARQUET),
            stored("further", "away", b"no"),
        ],
        needs=["extract", "second"],
    )
    outputs = dict(ran.outputs)
    digests = {
        name: hashlib.sha256(content).hexdigest()
        for name, content in (
            ("inputs/extract/sales.parquet", b"PAR1"),
            ("inputs/extract/noise", noise),
            ("inputs/extract/list.csv", b"a\n1\n"),
            ("inputs/second/sales.parquet", b"PAR1too"),
        )
    }
    assert outputs["inputs"] == digests
    # Files left over from trying the notebook by hand are no part of a run.
    assert (outputs["outputs"], outputs["snapshot"]) == ([], "of the folder")
    assert {name: each.media_type for name, each in ran.artifacts.items()} == {
        "arrow.parquet": PARQUET,
        "empty.csv": "text/csv",
        "noise.bin": "application/octet-stream",
        "pandas.parquet": PARQUET,
        "polars.parquet": PARQUET,
    }
    kept = {name: Path(each.content) for name, each in ran.artifacts.items()}  # type: ignore[arg-type]
    made = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in kept.items()}
    assert made == outputs["made"]
    assert kept["noise.bin"].stat().st_size == 3 * len(noise)
    # The worker's copies are deleted with the result.
    del ran, kept, outputs
    wait_for(lambda: not list((tmp_path / "temporary").iterdir()))


def sized(path: Path, size: int) -> None:
    path.touch()
    os.truncate(path, size)


def replace_with_link(outputs: Path) -> None:
    outputs.rmdir()
    outputs.symlink_to("/etc")


@pytest.mark.parametrize(
    ("make", "code", "words"),
    [
        (lambda out: (out / "sub").mkdir(), "bad_output_file", "outputs/sub isn't a file"),
        (
            lambda out: (out / "x").symlink_to("/etc/passwd"),
            "bad_output_file",
            "outputs/x isn't a file",
        ),
        (lambda out: os.mkfifo(out / "x"), "bad_output_file", "outputs/x isn't a file"),
        (
            lambda out: (out / "Umsätze.csv").touch(),
            "bad_output_file",
            "isn't a valid artifact name",
        ),
        (lambda out: open(bytes(out) + b"/\xff", "w").close(), "bad_output_file", "isn't a valid"),
        (replace_with_link, "bad_output_file", "replaced the folder"),
        (
            lambda out: [(out / str(n)).touch() for n in range(21)],
            "output_files_too_large",
            "more than 20 files",
        ),
        (
            lambda out: [(out / str(n)).touch() for n in range(200)],
            "output_files_too_large",
            "more than 20 files",
        ),
        (
            lambda out: sized(out / "big.csv", 200 * 2**20 + 1),
            "output_files_too_large",
            "big.csv has 200 MiB",
        ),
        (
            lambda out: [sized(out / str(n), 180 * 2**20) for n in range(6)],
            "output_files_too_large",
            "1,080 MiB in total",
        ),
    ],
)
def test_invalid_output_files_are_refused(
    tmp_path: Path, make: Callable[[Path], Any], code: str, words: str
) -> None:
    files.prepare(tmp_path)
    make(tmp_path / "outputs")
    found = files.output_files(tmp_path)
    # The owner's server sends the list, as JSON.
    listed = [
        files.OutputFile(**each) for each in json.loads(json.dumps([f.view() for f in found]))
    ]
    with pytest.raises(TaskFailed) as refused:
        files.check_outputs(listed)
    assert (refused.value.code, refused.value.retry) == (code, False)
    assert words in refused.value.message


def test_a_notebook_with_an_invalid_output_file_fails(attempts: Attempts) -> None:
    ran = attempts.run("import os; os.mkfifo('outputs/x'); open('outputs/a.csv', 'w').close()")
    assert (ran.error.code, ran.error.retry) == ("bad_output_file", False)
    assert ran.recorded.saves[-1][1]


def test_a_failed_notebook_has_no_artifacts(attempts: Attempts, tmp_path: Path) -> None:
    ran = attempts.run("open('outputs/a.csv', 'w').write('1')", "raise ValueError")
    assert ran.error.code == "cell_failed"
    assert not (tmp_path / "temporary").exists()


def test_a_notebook_may_remove_its_outputs_folder(attempts: Attempts) -> None:
    assert attempts.run("import os; os.rmdir('outputs')").artifacts == {}


def test_the_size_of_inputs_is_limited(attempts: Attempts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_INPUT_BYTES", 10)
    ran = attempts.run(
        "1", made=[stored("a", "x", b"12345"), stored("b", "y", b"123456")], needs=["a", "b"]
    )
    assert (ran.error.code, ran.error.retry) == ("inputs_too_large", False)
    assert ran.error.details == {"files": 2, "bytes": 11}
    assert ran.recorded.kernels == []
    assert (
        attempts.run(
            "1", made=[stored("a", "x", b"1234567890"), stored("b", "y", b"1")], needs=["a"]
        ).outputs
        == {}
    )


@pytest.mark.parametrize("more", [-1, 1])
def test_a_file_that_changes_before_it_is_fetched_is_an_error(
    attempts: Attempts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    """Something that the notebook started still writes it: half a file is no artifact."""
    for kind in (LocalKernel, ServerKernel):
        real = kind.outputs

        async def before(self: Any, real: Any = real) -> list[files.OutputFile]:
            return [replace(each, size=each.size - more) for each in await real(self)]

        monkeypatch.setattr(kind, "outputs", before)
    ran = attempts.run("open('outputs/a.csv', 'w').write('x' * 100)")
    assert (ran.error.code, ran.error.retry) == ("output_changed", True)
    wait_for(lambda: not list((tmp_path / "temporary").iterdir()))


def test_file_names_and_media_types() -> None:
    assert files.file_name("sales", PARQUET, set()) == "sales.parquet"
    assert files.file_name("sales.v2", PARQUET, set()) == "sales.v2"
    assert files.file_name("sales", PARQUET, {"sales.parquet", "sales"}) == "sales"
    assert files.file_name("page", "text/html", set()) == "page"
    assert files.media_type("a.CSV") == "text/csv"
    assert files.media_type("a.csv.gz") == "application/gzip"
    assert files.media_type("a.html") == "text/html"
    assert files.media_type("a.xyz") == files.media_type("a") == "application/octet-stream"


# --- the endpoints ------------------------------------------------------------------------------


@pytest.fixture
def attempt(server: NotebookServer) -> Iterator[Path]:
    """The folder of the attempt ``f1`` in the server."""
    headers = {"Workbench-Task-Run": "t", "Workbench-Fence": "1", "Workbench-Kernel": "python3"}
    with server.http as http:
        attempts = "/workbench/attempts"
        made = http.post(f"{attempts}/f1", content=pack({"a": b"1"}), headers=headers)
        assert made.status_code == 201, made.text
        yield Path(made.json()["folder"])
        assert http.delete(f"{attempts}/f1", params={"now": "1"}).status_code == 200


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.slow
def test_files_are_uploaded_and_fetched_through_the_endpoints(
    server: NotebookServer, attempt: Path
) -> None:
    path = "/workbench/attempts/f1"
    with server.http as http:
        assert http.get(f"{path}/outputs").json() == {"items": []}
        made = http.put(f"{path}/inputs/extract/a.csv", content=b"a\n1\n")
        assert (made.status_code, made.json()) == (201, {"path": "inputs/extract/a.csv"})
        received = attempt / "inputs" / "extract" / "a.csv"
        assert received.read_bytes() == b"a\n1\n"
        assert received.stat().st_mode & 0o777 == 0o600
        # A file is written once, and names can't lead elsewhere.
        again = http.put(f"{path}/inputs/extract/a.csv", content=b"b")
        assert code(again) == (409, "input_exists")
        assert received.read_bytes() == b"a\n1\n"
        # What has the name of a task's folder is neither written through nor mistaken for the file.
        (attempt / "inputs" / "plain").write_text("x")
        (attempt / "inputs" / "link").symlink_to(attempt / "outputs")
        for taken in ("plain", "link"):
            refused = http.put(f"{path}/inputs/{taken}/a.csv", content=b"a")
            assert code(refused) == (409, "bad_input_folder")
            assert f"inputs/{taken} is not a folder" in refused.json()["error"]["message"]
        assert list((attempt / "outputs").iterdir()) == []
        for wrong in (
            "..%2Fx/a",
            "extract/..%2F..%2Fx",
            "extract/%2Fetc",
            "Extract/a",
            "extract/.x",
        ):
            assert code(http.put(f"{path}/inputs/{wrong}", content=b"")) == (400, "invalid_field")
        assert http.put("/workbench/attempts/f2/inputs/a/b", content=b"").status_code == 404

        def endless() -> Iterator[bytes]:
            yield b"no length"

        assert code(http.put(f"{path}/inputs/extract/b", content=endless())) == (
            400,
            "invalid_field",
        )
        (attempt / "outputs" / "b.csv").write_bytes(b"b\n")
        (attempt / "outputs" / "sub").mkdir()
        assert http.get(f"{path}/outputs").json() == {
            "items": [
                {"name": "b.csv", "size": 2, "regular": True},
                {"name": "sub", "size": (attempt / "outputs/sub").stat().st_size, "regular": False},
            ]
        }
        sent = http.get(f"{path}/outputs/b.csv")
        assert (sent.status_code, sent.content) == (200, b"b\n")
        assert sent.headers["Content-Type"] == "application/octet-stream"
        (attempt / "outputs" / "secret").symlink_to("/etc/passwd")
        for wrong in ("c.csv", "sub", "secret", "..%2Fa", "%2Fetc%2Fpasswd", ".x"):
            assert code(http.get(f"{path}/outputs/{wrong}")) == (404, "unknown_output"), wrong
        (attempt / "outputs" / "big").touch()
        os.truncate(attempt / "outputs" / "big", 201 * 2**20)
        assert code(http.get(f"{path}/outputs/big")) == (413, "output_too_large")
    assert {p.name for p in (attempt / "inputs").rglob("*")} == {
        *("extract", "a.csv", "plain", "link")
    }


@pytest.mark.slow
def test_a_partial_upload_leaves_nothing(server: NotebookServer, attempt: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x" * 100_000
        wait_for(lambda: (attempt / "inputs" / "extract" / "half").exists())
        raise ConnectionError

    with server.http as http, pytest.raises(ConnectionError):
        http.put(
            "/workbench/attempts/f1/inputs/extract/half",
            content=broken(),
            headers={"Content-Length": "1000000"},
        )
    wait_for(lambda: not list((attempt / "inputs" / "extract").iterdir()))


@pytest.mark.slow
def test_a_large_upload_is_accepted(server: NotebookServer, attempt: Path) -> None:
    """Larger than a Jupyter server accepts elsewhere, up to the limit of inputs."""
    address = httpx.URL(server.url)
    path = f"{address.path}/workbench/attempts/f1/inputs/extract"
    for size, taken in ((files.MAX_INPUT_BYTES, True), (files.MAX_INPUT_BYTES + 1, False)):
        with socket.create_connection((address.host, address.port or 80), 20) as link:
            link.sendall(
                f"PUT {path}/f{size} HTTP/1.1\r\nHost: {address.host}:{address.port}\r\n"
                f"Authorization: token {server.token}\r\nContent-Length: {size}\r\n\r\n"
                f"begin".encode()
            )
            file = attempt / "inputs" / "extract" / f"f{size}"
            if taken:
                wait_for(lambda file=file: file.exists())
            else:
                assert link.recv(1000).startswith(b"HTTP/1.1 400")
    wait_for(lambda: not list((attempt / "inputs" / "extract").iterdir()))


@pytest.mark.slow
@pytest.mark.parametrize("token", ["", "token wrong"])
def test_files_need_a_token(server: NotebookServer, attempt: Path, token: str) -> None:
    path = f"{server.url}/workbench/attempts/f1"
    headers = {"Authorization": token} if token else {}
    (attempt / "outputs" / "b.csv").write_bytes(b"b\n")

    with httpx.Client(headers=headers, trust_env=False) as http:
        for answer in (
            http.get(f"{path}/outputs"),
            http.get(f"{path}/outputs/b.csv"),
            http.put(f"{path}/inputs/a/b", content=b"x"),
        ):
            assert code(answer) in {(401, "not_signed_in"), (403, "not_signed_in")}
    assert list((attempt / "inputs").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["outputs", "outputs/a.csv", "inputs/extract/a.csv"])
def test_a_snapshot_with_reserved_folders_is_refused(server: NotebookServer, name: str) -> None:
    """Otherwise its files would be taken for the notebook's inputs and outputs."""
    headers = {"Workbench-Task-Run": "s", "Workbench-Fence": "1", "Workbench-Kernel": "python3"}
    with server.http as http:
        body = pack({name: b"1"})
        refused = http.post("/workbench/attempts/s1", content=body, headers=headers)
    assert code(refused) == (400, "bad_snapshot")
    assert server.attempts() == []
