"""When each group was created: a property that the Hub itself doesn't keep.

A group may be deleted and created again under its name. With this property the Workbench's service tells
the two apart, so that a new group gets nothing of the former one's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from jupyterhub import orm
from sqlalchemy import event, inspect

# As in wb_server/hosts/hub_directory.py.
CREATED = "workbench_created"


def keep() -> None:
    """Notes the moment of each group that the Hub creates from now on."""
    for moment, does in (("before_insert", _created), ("before_update", _changed)):
        if not event.contains(orm.Group, moment, does):
            event.listen(orm.Group, moment, does)


def _created(mapper: Any, connection: Any, group: orm.Group) -> None:
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    group.properties = {**(group.properties or {}), CREATED: now}


def _changed(mapper: Any, connection: Any, group: orm.Group) -> None:
    """Keeps the moment, whatever an administrator makes of the other properties."""
    for former in inspect(group).attrs.properties.history.deleted:
        others = {name: value for name, value in group.properties.items() if name != CREATED}
        kept = {CREATED: former[CREATED]} if CREATED in (former or {}) else {}
        group.properties = others | kept
