"""A worker that appends the ids of the rings it receives to a file: ``ringer URL FILE``.

The ring ``flush`` makes Redis forget everything before it ends.
"""

from __future__ import annotations

import sys
from pathlib import Path

import redis

from wb_server.engines import rq

if __name__ == "__main__":
    url, path = sys.argv[1], Path(sys.argv[2])

    def note(task_run_id: str) -> None:
        if task_run_id == "flush":
            with redis.Redis.from_url(url) as client:
                client.flushall()
        with path.open("a") as file:
            file.write(f"{task_run_id}\n")

    rq.serve(url, f"ringer-{path.name}", note, lambda: None)
