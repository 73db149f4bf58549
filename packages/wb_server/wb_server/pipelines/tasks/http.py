"""Calls an HTTP service: a webhook, an API that starts something, a message."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

import httpx
from pydantic import Field, StringConstraints

from ...connections.network import NetworkPolicy
from ...kit.tls import trusted
from ..definition.fields import Value
from ..definition.models import CheckContext, Finding, TaskSpec
from .base import Attempt, Result, TaskFailed, TaskType

# Of an answer so much is kept as output; a longer one fails, rather than be half of it.
_ANSWER_BYTES = 32 * 1024
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# What says who is asked and how the body is sent: set by the task itself.
_OWN_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade"})

HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")]


class HttpSpec(TaskSpec):
    """Sends one HTTP request, and fails when the answer says so."""

    type: Literal["http"]
    url: Annotated[str, StringConstraints(min_length=8, max_length=2_000)] = Field(
        description="Where to: an `https://` or `http://` address without a user name or password. "
        "The same addresses are allowed as for connections; redirects are not followed.",
        examples=["https://hooks.example.org/sales"],
    )
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = Field(
        "POST", description="How to ask.", examples=["POST"]
    )
    headers: dict[HeaderName, Annotated[str, StringConstraints(max_length=4_000)]] = Field(
        default={},
        max_length=50,
        description="Headers of the request. Never a secret: the file is for all to read who may see "
        "the pipeline. `Idempotency-Key` is set to the task run's id, the same over retries.",
        examples=[{"Accept": "application/json"}],
    )
    body: Value = Field(
        None,
        description="What is sent: a text as it is, anything else as JSON.",
        examples=[{"rows": "{{ tasks.load.outputs.rows }}"}],
    )
    expect: list[Annotated[int, Field(ge=100, le=599)]] = Field(
        default=[],
        max_length=20,
        description="Statuses that count as a success. Without it: 200 to 299.",
        examples=[[200, 202]],
    )

    def problems(self, context: CheckContext) -> Iterable[Finding]:
        if "{{" not in self.url.partition("/")[0] and "{{" not in self.url[:12]:
            try:
                _target(self.url)
            except TaskFailed as error:
                yield Finding(("url",), error.code, error.message)
        for name in self.headers:
            if name.lower() in _OWN_HEADERS:
                yield Finding(
                    ("headers", name), "bad_header", f"The task sets {name} itself: leave it out."
                )

    def outputs(self) -> tuple[str, ...]:
        return ("status", "answer")

    def artifacts(self) -> tuple[str, ...]:
        return ()


class HttpTask(TaskType):
    """The task type ``http``.

    Args:
        network: which addresses may be dialled.
    """

    name: ClassVar[str] = "http"
    title: ClassVar[str] = "HTTP request"
    description: ClassVar[str] = "Calls a webhook or an API."
    Spec: ClassVar[type[TaskSpec]] = HttpSpec

    def __init__(self, network: NetworkPolicy) -> None:
        self._network = network

    def run(self, spec: HttpSpec, attempt: Attempt) -> Result:
        """Sends the request.

        Raises:
            TaskFailed: ``bad_url``, ``http_failed`` (no answer), ``http_status`` (an answer that isn't
                expected), ``answer_too_large``.
            Unprocessable: the address isn't allowed.
            SourceFailed: the host isn't known.
        """
        scheme, host, port = _target(spec.url)
        # Resolved and checked once; what is dialled is the checked address, TLS asks for the name.
        address = self._network.check(host, port)
        shown = f"[{address}]" if ":" in address else address
        url = httpx.URL(spec.url).copy_with(host=shown, port=port)
        headers = {
            **spec.headers,
            "Host": _host_header(scheme, host, port),
            "Idempotency-Key": attempt.task_run_id,
            "User-Agent": "Workbench",
        }
        content: bytes | None = None
        if isinstance(spec.body, str):
            content = spec.body.encode()
        elif spec.body is not None:
            content = json.dumps(spec.body, default=str).encode()
            headers.setdefault("Content-Type", "application/json")
        attempt.recorder.log(f"{spec.method} {scheme}://{host}:{port} ({address})")
        request = httpx.Request(
            spec.method, url, headers=headers, content=content, extensions={"sni_hostname": host}
        )
        try:
            answer, body = asyncio.run(_sent(request, attempt))
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise TaskFailed(
                "http_failed", f"{host} did not answer: {str(error) or type(error).__name__}."
            ) from error
        status = answer.status_code
        attempt.recorder.log(f"{status} {answer.reason_phrase}, {len(body):,} bytes")
        good = status in spec.expect if spec.expect else 200 <= status < 300
        text = body[:_ANSWER_BYTES].decode(answer.encoding or "utf-8", "replace")
        if not good:
            raise TaskFailed(
                "http_status",
                f"{host} answered with {status} {answer.reason_phrase}.",
                retry=status >= 500 or status in (408, 409, 425, 429),
                status=status,
                answer=text[:2_000],
            )
        if len(body) > _ANSWER_BYTES:
            raise TaskFailed(
                "answer_too_large",
                f"The answer has more than {_ANSWER_BYTES // 1024} KiB. Ask for less of it.",
                retry=False,
            )
        return Result(outputs={"status": status, "answer": _read(answer, text)})


async def _sent(request: httpx.Request, attempt: Attempt) -> tuple[httpx.Response, bytes]:
    """The answer and the beginning of its body: one byte over the limit where it is longer.

    Raises:
        TaskFailed: the attempt has to end (``stopped``).
    """
    loop = asyncio.get_running_loop()
    asking = loop.create_task(_ask(request, attempt.seconds_left()))

    def stop() -> None:
        with contextlib.suppress(RuntimeError):  # it has ended
            loop.call_soon_threadsafe(asking.cancel)

    attempt.hang_up.then(stop)
    try:
        return await asking
    except asyncio.CancelledError:
        raise TaskFailed("stopped", "The request was broken off.") from None


async def _ask(request: httpx.Request, seconds: float) -> tuple[httpx.Response, bytes]:
    request.extensions["timeout"] = httpx.Timeout(seconds).as_dict()
    async with httpx.AsyncClient(
        follow_redirects=False, trust_env=False, verify=trusted()
    ) as client:
        answer = await client.send(request, stream=True)
        try:
            body = b""
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > _ANSWER_BYTES:
                    break
            return answer, body
        finally:
            await answer.aclose()


def _target(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of an address.

    Raises:
        TaskFailed: it isn't one that may be called (``bad_url``).
    """
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = parts.hostname or ""
    except ValueError:
        parts, host, port = urlsplit(""), "", 0
    if parts.scheme not in ("http", "https") or not host:
        raise TaskFailed(
            "bad_url", "It takes an address such as https://hooks.example.org/sales.", retry=False
        )
    if parts.username is not None or parts.password is not None:
        raise TaskFailed(
            "bad_url",
            "A user name or password does not belong in the address: all who may see the pipeline "
            "would read it.",
            retry=False,
        )
    return parts.scheme, host, port


def _host_header(scheme: str, host: str, port: int) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port == (443 if scheme == "https" else 80) else f"{name}:{port}"


def _read(answer: httpx.Response, text: str) -> Any:
    if "json" in answer.headers.get("Content-Type", ""):
        try:
            return json.loads(text)
        except ValueError:
            pass
    return text
