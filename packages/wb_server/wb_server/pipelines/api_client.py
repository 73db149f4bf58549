"""A client of the API for ``wb pipeline``, whose errors are lines for a terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from ..kit.room import CommandError


class ApiClient:
    """Calls the service at ``WORKBENCH_URL`` with the token in ``WORKBENCH_TOKEN``.

    Every failure is a ``CommandError``, whatever the network or a proxy in between answers.
    """

    def __init__(self) -> None:
        url = os.environ.get("WORKBENCH_URL", "")
        token = os.environ.get("WORKBENCH_TOKEN") or os.environ.get("JUPYTERHUB_API_TOKEN", "")
        if not url or not token:
            raise CommandError(
                "Set WORKBENCH_URL (as https://hub.example.org/services/workbench) and "
                "WORKBENCH_TOKEN (a token from the Hub's page Token)."
            )
        with _readable():
            self._http = httpx.Client(  # noqa: TID251  the user's own command, with their proxy
                base_url=f"{url.rstrip('/')}/api/v1",
                headers={"Authorization": f"Bearer {token}"},
                timeout=60,
                follow_redirects=False,
            )

    def __enter__(self) -> ApiClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    @contextmanager
    def download(self, path: str, query: dict[str, str] | None = None) -> Iterator[Iterator[bytes]]:
        """The content at a path, in pieces."""
        with _readable(), self._http.stream("GET", path, params=query) as answer:
            if not answer.is_success:
                answer.read()
                raise _refusal(answer)
            yield answer.iter_bytes()

    def __call__(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        status: tuple[int, ...] = (),
        problems: Path | None = None,
        **query: Any,
    ) -> Any:
        """Makes one call. Returns ``None`` if the answer has one of the error codes in ``status``.

        Args:
            problems: the file that the call is about; its mistakes are listed.
        """
        with _readable():
            answer = self._http.request(method, path, json=body, params=query)
        if answer.status_code in status:
            return None
        if not answer.is_success:
            raise _refusal(answer, problems)
        try:
            return answer.json()
        except ValueError:
            raise _stranger(answer) from None

    def pages(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """The items of a list, page by page."""
        page = self("GET", path, **query)
        yield from page["items"]
        while page["next"]:
            page = self("GET", path, **query, cursor=page["next"])
            yield from page["items"]


@contextmanager
def _readable() -> Iterator[None]:
    """Turns failures of the connection into lines."""
    try:
        yield
    except httpx.TimeoutException:
        raise CommandError("The Workbench took too long to answer. Try again.") from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError) as error:
        raise CommandError(f"The Workbench does not answer: {error}") from None


def _refusal(answer: httpx.Response, problems: Path | None = None) -> CommandError:
    try:
        failure = answer.json()["error"]
        message, details = str(failure["message"]), failure.get("details") or {}
    except (ValueError, LookupError, TypeError, AttributeError):
        return _stranger(answer)
    found = details.get("problems")
    if problems is not None and found:
        return CommandError("the file has mistakes\n" + "\n".join(problem_lines(problems, found)))
    return CommandError(message)


def _stranger(answer: httpx.Response) -> CommandError:
    """The error for an answer that isn't the service's: a proxy's or a sign-in page."""
    return CommandError(
        f"{answer.url.host} answered with status {answer.status_code}, but not as a Workbench does. "
        "Check WORKBENCH_URL, or try again if the service is just starting."
    )


def problem_lines(path: Path, problems: list[dict[str, Any]], kind: str = "") -> list[str]:
    """Problems of a file as a compiler would print them."""
    return [f"{path}:{each['line']}:{each['column']}: {kind}{each['message']}" for each in problems]


def pipeline_path(name_or_id: str) -> str:
    """The path of a pipeline."""
    return f"/pipelines/{quote(name_or_id, safe='')}"
