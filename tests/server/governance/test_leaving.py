"""What refuses a new owner of everything that a user has who leaves."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.house import house_at
from support.postgres import Cluster

from wb_server.governance.leaving.models import LeaveRequest
from wb_server.governance.leaving.service import LeavingService
from wb_server.kit.endpoint import Origin
from wb_server.kit.errors import Unprocessable


def test_only_a_known_user_or_group_gets_what_somebody_leaves(
    tmp_path: Path, postgres: Cluster
) -> None:
    with house_at(tmp_path, postgres) as house:
        leaving: LeavingService = house.get(LeavingService)
        for kind, named in (("user", "user"), ("team", "group")):
            to = {"kind": kind, "name": "nobody"}
            request = LeaveRequest.model_validate({"to": to})
            with pytest.raises(Unprocessable, match=f"There is no {named} “nobody”") as refused:
                leaving.leave(house["root"], Origin("", ""), "ana", request)
            assert (refused.value.code, refused.value.details) == (
                "unknown_person",
                {"field": "to"},
            )
        assert leaving.holdings("ana").owns
