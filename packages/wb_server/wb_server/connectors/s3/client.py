"""A client for S3-compatible stores: signed requests to one checked address.

It supports only what the S3 connector needs: listing a bucket and getting a range of an object.
Requests are signed with AWS Signature Version 4 ("Authenticating Requests (AWS Signature Version 4)"
in the Amazon S3 API reference). The host is resolved and checked once; every connection dials that
address, and TLS is verified against the name. Redirects are never followed.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import re
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, unquote_plus
from xml.etree import ElementTree

from ...kit.dial import dial
from ...kit.errors import SourceTimeout, TooLarge, WorkbenchError
from ...kit.network import Peer
from . import errors

CONNECT_SECONDS: Final = 10.0
READ_SECONDS: Final = 30.0
MAX_KEYS: Final = 50_000
# Limits of one listing. A store may return empty pages if many objects were deleted, but not forever.
LIST_SECONDS: Final = 60.0
MAX_PAGES: Final = 1_000

_PAGE: Final = 1000
_MAX_PAGE_BYTES: Final = 8 << 20
_MAX_ERROR_BYTES: Final = 64 << 10
_EMPTY_HASH: Final = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True)
class Keys:
    """The access key that signs requests. Secrets never appear in its ``repr``."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Place:
    """A bucket, and how to reach it.

    Attributes:
        peer: the checked address to dial, and the host name for requests and certificates, which
            contains the bucket unless ``path_style`` is set.
        context: the TLS context; ``None`` for unencrypted connections.
    """

    peer: Peer
    bucket: str
    path_style: bool
    region: str
    context: ssl.SSLContext | None = field(default=None, repr=False)

    @property
    def authority(self) -> str:
        """The ``Host`` header."""
        host = f"[{self.peer.host}]" if ":" in self.peer.host else self.peer.host
        usual = 443 if self.context is not None else 80
        return host if self.peer.port == usual else f"{host}:{self.peer.port}"


@dataclass(frozen=True)
class StoredObject:
    """One object in a bucket."""

    key: str
    size: int
    etag: str


def sign(
    keys: Keys,
    region: str,
    path: str,
    query: Sequence[tuple[str, str]],
    headers: Mapping[str, str],
    moment: datetime,
) -> str:
    """The ``Authorization`` header of a GET without a body.

    Args:
        keys: the access key.
        region: the bucket's region.
        path: percent-encoded, as it is sent.
        query: percent-encoded, as it is sent, in any order.
        headers: the headers to sign: at least ``host``, ``x-amz-date`` and ``x-amz-content-sha256``.
        moment: the time in ``x-amz-date``.
    """
    lower = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    signed = ";".join(sorted(lower))
    canonical = "\n".join(
        (
            "GET",
            path,
            "&".join(f"{name}={value}" for name, value in sorted(query)),
            "".join(f"{name}:{lower[name]}\n" for name in sorted(lower)),
            signed,
            lower["x-amz-content-sha256"],
        )
    )
    scope = f"{moment:%Y%m%d}/{region}/s3/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"AWS4-HMAC-SHA256\n{moment:%Y%m%dT%H%M%SZ}\n{scope}\n{digest}"
    key = b"AWS4" + keys.secret_access_key.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    return (
        f"AWS4-HMAC-SHA256 Credential={keys.access_key_id}/{scope},"
        f"SignedHeaders={signed},Signature={signature}"
    )


class Link:
    """A connection to the checked address. Used by one thread at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._http: http.client.HTTPConnection | None = None  # noqa: TID251  over a socket of kit.dial
        self._socket: socket.socket | None = None
        self._answer: http.client.HTTPResponse | None = None

    def get(
        self, key: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        """Sends a signed GET, and returns the response once its headers have arrived.

        Args:
            key: the object's key; empty for the bucket itself.
            query: not encoded.
            headers: additional, unsigned headers.

        Raises:
            WorkbenchError: the store can't be reached, or doesn't respond.
        """
        target, signed = self._store.request(key, query)
        fresh = self._http is None
        try:
            return self._send(target, {**signed, **headers})
        except (OSError, http.client.HTTPException) as error:
            self.close()
            # The store may have closed a kept connection.
            if fresh or self._store.closed:
                raise self._store.unreachable(error) from None
        try:
            return self._send(target, {**signed, **headers})
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._store.unreachable(error) from None

    def close(self) -> None:
        """Closes the connection; the next request opens it again."""
        # A response that isn't read to its end keeps the socket open.
        for it in (self._answer, self._http):
            if it is not None:
                it.close()
        if self._socket is not None:
            self._store.dropped(self._socket)
        self._answer = self._http = self._socket = None

    def _send(self, target: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        if self._http is None:
            peer = self._store.place.peer
            connection = http.client.HTTPConnection(peer.address, peer.port)  # noqa: TID251
            connection.sock = self._socket = self._store.dial()
            # Only the socket above may be used: otherwise http.client would dial again on its own.
            connection.auto_open = 0
            self._http = connection
        self._http.putrequest("GET", target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            self._http.putheader(name, value)
        self._http.endheaders()
        self._answer = self._http.getresponse()
        return self._answer


class Store:
    """A bucket, for the time of one session.

    Args:
        place: where it is.
        keys: the access key; ``None`` sends unsigned requests to a public bucket.
    """

    def __init__(self, place: Place, keys: Keys | None) -> None:
        self.place = place
        self.server: str | None = None
        self.closed = False
        self._keys = keys
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()

    def objects(self, prefix: str, *, seconds: float, limit: int = MAX_KEYS) -> list[StoredObject]:
        """The objects whose keys begin with a prefix, by key.

        Args:
            prefix: the beginning of the keys.
            seconds: the time limit of the whole listing; ``LIST_SECONDS`` is the maximum.
            limit: the maximum number of objects; more are an error, unless it is less than a page.

        Raises:
            TooLarge: there are more than ``limit``, or more than ``MAX_PAGES`` pages of them.
            SourceFailed: the store can't be reached, refuses the keys, has no such bucket, or its
                pages form a cycle.
            SourceTimeout: it exceeded the time limit; the store is then closed.
        """
        found: list[StoredObject] = []
        query = {
            "list-type": "2",
            "prefix": prefix,
            "max-keys": str(min(limit, _PAGE)),
            "encoding-type": "url",
        }
        link = Link(self)
        late = threading.Event()

        def time_up() -> None:
            late.set()
            self.close()

        seconds = min(seconds, LIST_SECONDS)
        timer = threading.Timer(seconds, time_up)
        timer.daemon = True
        timer.start()
        try:
            for _ in range(MAX_PAGES):
                page, token = self._page(link, query)
                found += page
                if token is None or limit < _PAGE:
                    return found
                if len(found) >= limit:
                    raise TooLarge(
                        f"There are more than {limit} objects below the prefix: choose a longer "
                        "prefix.",
                        code="too_many_files",
                        limit=limit,
                    )
                if not page and token == query.get("continuation-token"):
                    raise errors.not_a_store()  # it would never end
                query["continuation-token"] = token
            raise TooLarge(
                f"The list of objects below the prefix has more than {MAX_PAGES} pages: choose a "
                "longer prefix.",
                code="too_many_files",
                limit=MAX_PAGES,
            )
        except WorkbenchError:
            if late.is_set():
                raise SourceTimeout(
                    f"Listing the bucket took longer than {seconds:.0f} s: choose a longer prefix.",
                    code="timeout",
                ) from None
            raise
        finally:
            timer.cancel()
            link.close()

    def _page(self, link: Link, query: Mapping[str, str]) -> tuple[list[StoredObject], str | None]:
        answer = link.get("", query, {})
        self.server = answer.getheader("Server")
        try:
            body = answer.read(_MAX_PAGE_BYTES + 1 if answer.status == 200 else _MAX_ERROR_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise self.unreachable(error) from None
        if answer.status != 200:
            raise errors.refusal(
                answer.status, body, self.place.bucket, signed=self._keys is not None
            )
        root = _parse(body)
        if root is None or _local(root.tag) != "ListBucketResult":
            raise errors.not_a_store()
        encoded = _text(root, "EncodingType") == "url"
        found = []
        for entry in root:
            if _local(entry.tag) == "Contents":
                key = _text(entry, "Key")
                size = _text(entry, "Size")
                if not key or not size.isdecimal():
                    raise errors.not_a_store()
                key = unquote_plus(key) if encoded else key
                found.append(StoredObject(key, int(size), _text(entry, "ETag").strip('"')))
        more = _text(root, "IsTruncated") == "true"
        return found, (_text(root, "NextContinuationToken") or None) if more else None

    def request(self, key: str, query: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        """A signed request's target and headers."""
        path = "/" + quote(f"{self.place.bucket}/{key}" if self.place.path_style else key, safe="/")
        if self.place.path_style and not key:
            path = path.rstrip("/")
        encoded = [(quote(name, safe=""), quote(value, safe="")) for name, value in query.items()]
        target = path + ("?" + "&".join(f"{n}={v}" for n, v in encoded) if encoded else "")
        headers = {"Host": self.place.authority}
        if self._keys is not None:
            moment = datetime.now(UTC)
            headers["x-amz-date"] = f"{moment:%Y%m%dT%H%M%SZ}"
            headers["x-amz-content-sha256"] = _EMPTY_HASH
            if self._keys.session_token:
                headers["x-amz-security-token"] = self._keys.session_token
            headers["Authorization"] = sign(
                self._keys, self.place.region, path, encoded, headers, moment
            )
        return target, {**headers, "User-Agent": "workbench", "Accept-Encoding": "identity"}

    def dial(self) -> socket.socket:
        """A connected socket, with TLS if the place has it.

        Raises:
            OSError: the connection failed, or the store was closed.
        """
        connected = dial(self.place.peer, timeout=CONNECT_SECONDS, tls=self.place.context)
        connected.settimeout(READ_SECONDS)
        with self._lock:
            if not self.closed:
                self._sockets.add(connected)
                return connected
        connected.close()
        raise ConnectionAbortedError

    def dropped(self, connected: socket.socket) -> None:
        """Forgets a socket that its owner closes."""
        with self._lock:
            self._sockets.discard(connected)

    def close(self) -> None:
        """Ends all requests. Safe from any thread, and more than once."""
        with self._lock:
            self.closed = True
            open_, self._sockets = self._sockets, set()
        for connected in open_:
            with suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)

    def unreachable(self, error: Exception) -> WorkbenchError:
        """The error for a request without a response."""
        where = f"{self.place.peer.host}:{self.place.peer.port}"
        return errors.unreachable(error, where, tls=self.place.context is not None)


def _parse(body: bytes) -> ElementTree.Element | None:
    """A store's XML document; ``None`` if it isn't XML, too long, or defines entities."""
    if len(body) > _MAX_PAGE_BYTES or re.search(rb"<!(DOCTYPE|ENTITY)", body):
        return None
    try:
        return ElementTree.fromstring(body)  # noqa: S314  without entities it can't grow
    except ElementTree.ParseError:
        return None


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _text(element: ElementTree.Element, name: str) -> str:
    """The text of a child element in any namespace; empty if there is none."""
    return next((child.text or "" for child in element if _local(child.tag) == name), "")
