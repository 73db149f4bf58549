"""PostgreSQL as the metadata database is restarted while users work."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from running_hub import start_up
from support.api import Api
from support.people import People, people_of
from support.postgres import Cluster, cluster
from support.wait import wait_for

WORKERS = 6


@dataclass
class Scene:
    """A Workbench with its metadata in its own PostgreSQL."""

    metadata: Cluster
    people: People
    apis: list[Api] = field(default_factory=list)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, postgres: Cluster) -> Iterator[Scene]:
    with cluster(durable=True) as metadata:
        url = metadata.url_of(metadata.database)
        folder = tmp_path_factory.mktemp("restart") / "data"
        with start_up(folder, env={"WB_DATABASE_URL": url}) as hub:
            people = people_of(hub)
            apis = [people.api("a-engineer") for _ in range(WORKERS + 1)]
            body = {"name": "shop", "connector": "postgres", "config": postgres.config()}
            apis[0].ok("POST", "/connections", body)
            yield Scene(metadata, people, apis)
            for api in apis:
                api.close()


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_work_resumes_when_the_metadata_database_is_back(scene: Scene, mode: str) -> None:
    stop = threading.Event()
    seen: Counter[str] = Counter()
    answered: list[str] = []
    lock = threading.Lock()

    def work(api: Api, number: int) -> None:
        count = 0
        while not stop.is_set():
            count += 1
            sql = f"select {number * 1_000_000 + count} as {mode}_n"
            answer = api.call("POST", "/query", {"connection": "shop", "sql": sql})
            said = "ok" if answer.is_success else str(answer.json()["error"]["code"])
            with lock:
                seen[said] += 1
                if answer.is_success:
                    answered.append(answer.headers["Workbench-Query-Id"])

    threads = [
        threading.Thread(target=work, args=(api, number))
        for number, api in enumerate(scene.apis[1:])
    ]
    for thread in threads:
        thread.start()
    try:
        wait_for(lambda: seen["ok"] > 20, 60)
        scene.metadata.stop(mode)
        wait_for(lambda: sum(seen.values()) - seen["ok"] > 20, 60)
        assert scene.apis[0].refused(503, "GET", "/connections")["code"] == "storage_down"
        scene.metadata.start()
        before = seen["ok"]
        wait_for(lambda: seen["ok"] > before + 50, 60)
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    # No other error occurred, and the service was not restarted.
    assert set(seen) <= {"ok", "storage_down"}, seen
    # Every answered query is in the audit log.
    started: set[str] = set()
    cursor: dict[str, str] = {}
    while True:
        page = scene.apis[0].ok("GET", "/audit/mine", search=f"{mode}_n", limit=1000, **cursor)
        started |= {row["record"] for row in page["items"] if row["event"] == "started"}
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert set(answered) <= started
