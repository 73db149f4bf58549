"""Serves the endpoints on Tornado, both in the service and in a Jupyter server.

Handlers run in worker threads. Streams are read there too, exactly one piece ahead of the socket:
while one piece is sent to the client, the next is fetched.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote

from pydantic import BaseModel
from tornado import iostream, web

from ..kit.actor import Actor
from ..kit.endpoint import (
    Api,
    ByteStream,
    Call,
    Endpoint,
    EventStream,
    HangUp,
    HasAuditTarget,
    Origin,
    parse_body,
    validate,
)
from ..kit.errors import Internal, NotFound, NotSignedIn, WorkbenchError
from ..kit.events import Bus
from .audited import audited
from .bodies import Bodies, RequestBody
from .pieces import Pieces

log = logging.getLogger("wb_server.api")

# Seconds for which the sender of a request stays identified while its body arrives.
_KNOWN_SECONDS = 2.0
# Seconds between two checks of who reads an event stream; also its heartbeat.
_EVENTS_RECHECK = 2.0
# Seconds between two checks of who waits for a long answer.
_ANSWER_RECHECK = 5.0
# Codes of refusals that end an answer on its way. A token that just expires does not.
_GONE = frozenset({"unknown_token", "locked_out", "jwt_unknown_user", "jwt_before_user"})
# Threads for handlers that wait for nothing outside.
_THREADS = 40
ANONYMOUS = Actor("", frozenset(), frozenset(), "")


class Serving:
    """What the request handlers of one host share."""

    def __init__(self, api: Api, bus: Bus) -> None:
        self.api = api
        self.bus = bus
        self.threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="wb")
        # For handlers that wait for a source or a place, and for reading streams. A separate pool, so
        # that cancels, lists and the health page are answered however many wait. Starts its threads
        # when they are needed.
        self.waiting = ThreadPoolExecutor(api.max_waits, thread_name_prefix="wb-waiting")
        self.bodies = Bodies(
            max(api.max_body, *(each.max_body for each in api.endpoints if not each.upload)),
            max((each.max_body for each in api.endpoints if each.upload), default=0),
        )

    def close(self) -> None:
        """Ends the worker threads."""
        for pool in (self.threads, self.waiting):
            pool.shutdown(wait=False, cancel_futures=True)


@web.stream_request_body
class EndpointHandler(web.RequestHandler):
    """Serves the endpoints of one path. A host's subclass identifies the actor."""

    endpoints: dict[str, Endpoint]
    serving: Serving
    SUPPORTED_METHODS = ("GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS")

    def initialize(self, endpoints: dict[str, Endpoint], serving: Serving) -> None:
        self.endpoints = endpoints
        self.serving = serving
        self._actor = ANONYMOUS
        self._known_at = 0.0
        self._refusal: Exception | None = None
        self._body = RequestBody(serving.bodies, self.request)
        self._hang_up = HangUp()
        self._gone = asyncio.Event()
        attempt = self.request.headers.get("Workbench-Attempt") or None
        self.origin = Origin(self.address(), uuid.uuid4().hex[:16], attempt and attempt[:64])

    def set_default_headers(self) -> None:
        super().set_default_headers()
        # Keeps browsers from taking an answer for a page.
        self.set_header("X-Content-Type-Options", "nosniff")

    # --- overridden by hosts -------------------------------------------------------------------

    async def actor(self) -> Actor:
        """Returns who sends the request.

        Raises:
            NotSignedIn: the request has no valid credentials.
        """
        raise NotImplementedError

    def address(self) -> str:
        """The client's address, for the audit log."""
        return self.request.remote_ip or ""

    def log_name(self) -> str:
        """The user, for the log."""
        return self._actor.name or "-"

    # --- one request ---------------------------------------------------------------------------

    async def prepare(self) -> None:
        """Identifies the actor and decides whether to accept the body, before reading any of it."""
        endpoint = self.endpoints.get(self.request.method or "")
        try:
            if endpoint is None:
                raise self._no_endpoint()
            if endpoint.action is not None:
                await self._identify(endpoint)
            sender = self._actor.name or f"address {self.origin.address}"
            limit = max(self.serving.api.max_body, endpoint.max_body)
            self._body.expect(sender, limit, on_disk=bool(endpoint.upload))
        except Exception as error:
            # Discards the body and answers after it. If that would take too much, answers now and
            # closes the connection.
            self._refusal = error
            if not self._body.throw_away(self.origin.address):
                self._send_any(error)
                self.detach().close()

    def _no_endpoint(self) -> WorkbenchError:
        return _MethodNotAllowed(sorted(self.endpoints))

    async def _identify(self, endpoint: Endpoint) -> None:
        """Sets the actor, and checks that they have the right that the endpoint needs."""
        try:
            self._actor = await self.actor()
            self.serving.api.authorise(self._actor, endpoint.action or "")
        except WorkbenchError as error:
            if error.status in (401, 403):
                target = "/".join(unquote(part) for part in self.path_kwargs.values())
                await self._note_refusal(endpoint, error, target or None)
            raise
        self._known_at = time.monotonic()

    def data_received(self, chunk: bytes) -> None:
        if not self._body.add(chunk):
            self._body.end()
            self.detach().close()

    def on_finish(self) -> None:
        super().on_finish()
        self._body.end()

    async def _answer(self, **path: str) -> None:
        try:
            if self._refusal is not None:
                raise self._refusal
            endpoint = self.endpoints[self.request.method or ""]
            watch = asyncio.ensure_future(self._watch()) if endpoint.waits else None
            try:
                await self._serve(endpoint, {name: unquote(part) for name, part in path.items()})
            finally:
                if watch is not None:
                    watch.cancel()
        except iostream.StreamClosedError:
            pass
        except Exception as error:
            self._send_any(error)

    get = post = patch = delete = put = head = options = _answer

    async def _watch(self) -> None:
        """Hangs up once the sender's token is revoked, or they are locked out or gone."""
        while True:
            await asyncio.sleep(_ANSWER_RECHECK)
            try:
                await self.actor()
            except WorkbenchError as error:
                if isinstance(error, NotSignedIn) and error.code in _GONE:
                    stream: iostream.IOStream | None = getattr(
                        self.request.connection, "stream", None
                    )
                    if stream is not None:
                        stream.close()
                    return

    async def _serve(self, endpoint: Endpoint, path: dict[str, str]) -> None:
        api = self.serving.api
        target = "/".join(path.values()) or None
        if endpoint.action is not None and time.monotonic() - self._known_at > _KNOWN_SECONDS:
            await self._identify(endpoint)  # the body took long: the rights may have changed
        call = Call(self._actor, self.origin, api.services, path, self._hang_up)
        if endpoint.body is not None:
            call._body = parse_body(endpoint.body, self._body.whole())
            named = call._body.audit_target() if isinstance(call._body, HasAuditTarget) else None
            target = "/".join(filter(None, (target, named))) or getattr(call._body, "name", None)
        if endpoint.upload:
            call._upload = self._body.file()
        call._query = self._query(endpoint)
        result, pieces = await self._in_thread(
            lambda: self._begin(endpoint, call, target), waits=endpoint.waits
        )
        if isinstance(result, ByteStream):
            await self._write_stream(result, pieces)
        elif isinstance(result, EventStream):
            await self._write_events(result)
        else:
            body = result.model_dump_json(by_alias=True) if isinstance(result, BaseModel) else None
            self.set_status(endpoint.status)
            self.set_header("Content-Type", "application/json")
            self.set_header("Cache-Control", "no-store")
            self.finish(body if body is not None else json.dumps(result))

    def _begin(
        self, endpoint: Endpoint, call: Call, target: str | None
    ) -> tuple[Any, Pieces | None]:
        """Runs the handler, and takes the first piece of a stream in the same thread."""
        result = audited(self.serving.api.recorder, endpoint, call, target)
        if not isinstance(result, ByteStream):
            return result, None
        try:
            return result, Pieces(result)
        except BaseException:
            result.close()
            raise

    async def _note_refusal(
        self, endpoint: Endpoint, error: WorkbenchError, target: str | None
    ) -> None:
        actor = self._actor if self._actor.name else None
        action = endpoint.audit or endpoint.action or endpoint.name
        await self._in_thread(
            lambda: self.serving.api.recorder.refused(
                actor, self.origin, action, code=error.code, target=target
            )
        )

    def _query(self, endpoint: Endpoint) -> BaseModel | None:
        arguments: dict[str, Any] = {
            name: values[-1].decode("utf-8", "replace")
            for name, values in self.request.query_arguments.items()
            # JupyterLab adds a bare timestamp to bypass caches, and Jupyter its XSRF token.
            if not name.isdigit() and name not in ("_", "_xsrf")
        }
        return None if endpoint.query is None else validate(endpoint.query, arguments)

    async def _in_thread(self, run: Callable[[], Any], *, waits: bool = False) -> Any:
        pool = self.serving.waiting if waits else self.serving.threads
        return await asyncio.get_running_loop().run_in_executor(pool, run)

    # --- answers -------------------------------------------------------------------------------

    async def _write_stream(self, stream: ByteStream, pieces: Pieces) -> None:
        ahead: asyncio.Future[None] | None = None
        try:
            if self._gone.is_set():
                return
            self.set_header("Content-Type", stream.media_type)
            self.set_header("Cache-Control", "no-store")
            # Keeps proxies from buffering.
            self.set_header("X-Accel-Buffering", "no")
            for name, value in stream.headers.items():
                self.set_header(name, value)
            while True:
                self.write(pieces.piece)
                if pieces.ended:
                    break
                ahead = asyncio.ensure_future(self._in_thread(pieces.take, waits=True))
                await self.flush()
                await ahead
                ahead = None
            self.finish()
        finally:
            if ahead is not None:
                await asyncio.wait([ahead])
                ahead.exception()
            if not pieces.ended:
                await self._in_thread(stream.close, waits=True)

    async def _write_events(self, events: EventStream) -> None:
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Accel-Buffering", "no")
        groups = self._actor.groups
        try:
            with self.serving.bus.subscribe(events.topics) as subscription:
                self.write("retry: 2000\n: ready\n\n")
                await self.flush()
                while not self._gone.is_set():
                    changed = await subscription.take(_EVENTS_RECHECK)
                    try:
                        self._actor = await self.actor()
                    except NotSignedIn:
                        break
                    if self._actor.groups != groups:
                        groups = self._actor.groups
                        changed |= {"me", "connections"} & events.topics
                    for topic in sorted(changed):
                        self.write(f"event: {topic}\ndata: {{}}\n\n")
                    if not changed:
                        self.write(": \n\n")
                    await self.flush()
            self.finish()
        except iostream.StreamClosedError:
            pass

    def on_connection_close(self) -> None:
        super().on_connection_close()
        self._body.end()
        self._gone.set()
        # Not in the event loop, because cancelling waits for the source.
        self.serving.threads.submit(self._hang_up.now)

    def _send_any(self, error: Exception) -> None:
        """Answers with an error. An unexpected one is logged, and the answer has its request's id."""
        if not isinstance(error, WorkbenchError):
            log.error("request %s failed", self.origin.request_id, exc_info=error)
            error = Internal(
                "Something went wrong in the Workbench. An administrator finds it in the log "
                f"under {self.origin.request_id}.",
                request_id=self.origin.request_id,
                cause=type(error).__name__,
            )
        self._send_error(error)

    def _send_error(self, error: WorkbenchError) -> None:
        if self._finished:
            return
        if self._headers_written:
            # Too late for a status: the client notices that the answer was cut.
            self.detach().close()
            return
        self.clear()
        self.set_status(error.status)
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        if isinstance(error, NotSignedIn):
            self.set_header("WWW-Authenticate", "Bearer")
        if "retry_after" in error.details:
            self.set_header("Retry-After", str(error.details["retry_after"]))
        self.finish(json.dumps(error.to_wire()))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Gives Tornado's own refusals the same shape."""
        error = WorkbenchError(self._reason or "The request was refused.", code="http_error")
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(error.to_wire()))

    def compute_etag(self) -> str | None:
        return None


class _MethodNotAllowed(WorkbenchError):
    status = 405

    def __init__(self, allowed: Iterable[str]) -> None:
        super().__init__(
            f"This path accepts {', '.join(allowed)}.",
            code="method_not_allowed",
            allowed=[*allowed],
        )


class UnknownPath(EndpointHandler):
    """Answers every other path below the API: there is none."""

    def initialize(self, serving: Serving) -> None:  # type: ignore[override]
        super().initialize({}, serving)

    def _no_endpoint(self) -> WorkbenchError:
        return NotFound("The API has no such path.", code="unknown_path")


def rules(
    prefix: str,
    serving: Serving,
    handler: type[EndpointHandler],
    unknown: type[UnknownPath],
) -> list[tuple[str, type[web.RequestHandler], dict[str, Any]]]:
    """Returns Tornado's URL rules for the API below a prefix such as ``/services/workbench``."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for endpoint in serving.api.endpoints:
        by_path.setdefault(endpoint.pattern(), {})[endpoint.method] = endpoint
    # Fixed paths come before patterns: `/connections/test` isn't the connection "test".
    ordered = sorted(by_path.items(), key=lambda item: ("(" in item[0], item[0]))
    start = re.escape(prefix.rstrip("/")) + "/api/v1"
    return [
        *(
            (f"{start}{pattern}", handler, {"endpoints": endpoints, "serving": serving})
            for pattern, endpoints in ordered
        ),
        (f"{start}/.*", unknown, {"serving": serving}),
    ]
