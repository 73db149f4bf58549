"""The Python client of the service: it sends a connection's name and a query, and reads Arrow.

This is what kernels, scripts and notebooks use, so it belongs to the base install and imports
nothing of the service but the names of its errors. pandas and polars are imported when a frame
is asked for::

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
        ├── AnswerCut                the answer ended early or has another number of rows than promised
        └── InvalidParameter         a value that can't be sent as a parameter (also InvalidInput)

One file a noun: ``client`` sends requests, ``stream`` reads the bytes that come back, ``result`` is
the answer, ``frames`` makes pandas and polars of it, ``values`` Python objects, ``connections`` is the
list of sources, ``parameters`` takes values to the wire, ``errors`` has the tree above, ``wire`` what both sides
agreed on, ``closing`` the ``with`` of a client and a result.
"""

from __future__ import annotations

from .client import Client
from .connections import ConnectionInfo, Connections
from .errors import AnswerCut, AnswerTruncated, InvalidParameter, QueryError, ServiceUnreachable
from .frames import to_pandas
from .parameters import encode_params
from .result import Result
from .values import python_values

__all__ = [
    "AnswerCut",
    "AnswerTruncated",
    "Client",
    "ConnectionInfo",
    "Connections",
    "InvalidParameter",
    "QueryError",
    "Result",
    "ServiceUnreachable",
    "encode_params",
    "python_values",
    "to_pandas",
]
