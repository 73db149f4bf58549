"""The Python client of the service: sends a connection's name and a query, and reads Arrow.

Kernels, scripts and notebooks use it, so it is part of the base install and imports nothing of the
service but its error classes. pandas and polars are imported only when a frame is requested::

    from wb_server.client import Client

    client = Client()                                  # address and token from the environment
    answer = client.query("warehouse", "select * from sales where day = :day", {"day": day})
    frame = answer.df()                                # or .pl(), .arrow(), .batches()

Every expected failure is a :class:`QueryError`, and also the class of ``wb_server.kit.errors`` that
the service raised, so ``except errors.NotFound`` works on both sides of the wire::

    WorkbenchError
    └── QueryError
        ├── NotFound, Forbidden, …   one for each class in kit/errors
        ├── ServiceUnreachable       no answer at all: wrong address, service down (also Unavailable)
        ├── AnswerCut                the answer ended early or has the wrong number of rows
        └── InvalidParameter         a value that can't be sent as a parameter (also InvalidInput)

``client`` sends requests, ``stream`` reads the bytes that come back, ``result`` is the answer, ``frames``
converts it to pandas and polars, ``values`` to Python objects, ``texts`` to readable text, ``connections`` is the list
of sources,
``parameters`` encodes values, ``loads`` sends rows, ``errors`` has the tree above, ``wire`` the names shared with the service,
and ``closing`` the context manager of clients and results.
"""

from __future__ import annotations

from .client import Client
from .connections import ConnectionInfo, Connections
from .errors import AnswerCut, AnswerTruncated, InvalidParameter, QueryError, ServiceUnreachable
from .frames import to_pandas
from .http_api import HttpAnswer, HttpConnection
from .loads import Loaded, LoadMode
from .parameters import encode_params
from .result import Result
from .values import python_values

__all__ = [
    "AnswerCut",
    "AnswerTruncated",
    "Client",
    "ConnectionInfo",
    "Connections",
    "HttpAnswer",
    "HttpConnection",
    "InvalidParameter",
    "LoadMode",
    "Loaded",
    "QueryError",
    "Result",
    "ServiceUnreachable",
    "encode_params",
    "python_values",
    "to_pandas",
]
