"""Translates errors of S3-compatible stores to errors of the Workbench, by code, never by message."""

from __future__ import annotations

import re
import ssl
from typing import Final

from ...kit.errors import Conflict, Forbidden, LimitReached, SourceFailed, WorkbenchError

SIGN_IN_FAILED: Final = "The store refused the access key or its secret."

_SIGN_IN: Final = frozenset(
    {
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "InvalidToken",
        "ExpiredToken",
        "TokenRefreshRequired",
        "InvalidSecurity",
        "MissingSecurityHeader",
        "AuthorizationQueryParametersError",
        "UnauthorizedAccess",
        "NotSignedUp",
        "AccountProblem",
    }
)


def refusal(
    status: int, body: bytes, bucket: str, *, key: str = "", signed: bool = True
) -> WorkbenchError:
    """The error for a store's unsuccessful response.

    Args:
        status: the response's status.
        body: the beginning of its body.
        bucket: the bucket's name.
        key: the key of the requested object; empty for the bucket.
        signed: True if the request had an access key.
    """
    fields = {
        name: found[1].decode("utf-8", "replace")
        for name in ("Code", "Region")
        if (found := re.search(rb"<%s>([\w.:-]{1,80})</" % name.encode(), body))
    }
    code = fields.get("Code", "")
    if code in _SIGN_IN:
        return SourceFailed(SIGN_IN_FAILED, code="sign_in_failed")
    if code in ("RequestTimeTooSkewed", "RequestExpired"):
        return SourceFailed(
            "The store rejected the request's time: its clock and the service's differ too much.",
            code="clock_differs",
        )
    if code == "AuthorizationHeaderMalformed" or (status == 400 and "Region" in fields):
        wanted = f" It says “{fields['Region']}”." if "Region" in fields else ""
        return SourceFailed(
            f"The store expects another region than the connection's.{wanted}", code="wrong_region"
        )
    if 300 <= status < 400:
        return SourceFailed(
            f"The store redirects requests for the bucket “{bucket}”, which the Workbench doesn't "
            "follow. Give the connection the bucket's own host and region.",
            code="redirected",
        )
    if code == "NoSuchBucket" or (status == 404 and not key):
        return SourceFailed(f"There is no bucket “{bucket}” there.", code="unknown_bucket")
    if status == 404:
        return Conflict(f"“{key}” was deleted while it was being read.", code="source_changed")
    if status == 412:
        return Conflict(f"“{key}” was changed while it was being read.", code="source_changed")
    if status == 401:
        return SourceFailed(SIGN_IN_FAILED, code="sign_in_failed")
    if status == 403:
        what = f"read “{key}”" if key else f"list the bucket “{bucket}”"
        who = "this access key" if signed else "requests without an access key"
        return Forbidden(f"The store doesn't allow {who} to {what}.", code="source_refused")
    if status in (429, 503):
        return LimitReached("The store is too busy. Try again later.", code="source_busy")
    if status == 400 and not code:
        return not_a_store()
    named = f"{status} ({code})" if code else str(status)
    return SourceFailed(f"The store answered with status {named}.", code="source_failed")


def not_a_store() -> WorkbenchError:
    return SourceFailed(
        "The server there doesn't speak S3: check host, port and TLS.", code="unreachable"
    )


def unreachable(error: Exception, where: str, *, tls: bool) -> WorkbenchError:
    """The error for a request without a response.

    Args:
        error: what was raised.
        where: host and port.
        tls: True if the connection uses TLS.
    """
    if isinstance(error, ssl.SSLError):
        return SourceFailed(
            f"No trusted TLS connection to {where}: its certificate could not be verified, or "
            "the two sides agree on no protocol.",
            code="tls_failed",
        )
    if isinstance(error, TimeoutError):
        return SourceFailed(f"The store at {where} did not answer in time.", code="unreachable")
    hint = "" if tls else " If it requires TLS, turn that on."
    return SourceFailed(f"The store at {where} can't be reached.{hint}", code="unreachable")
