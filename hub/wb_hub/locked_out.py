"""Locked-out users: the members of a Hub group, whatever other groups they are in.

The Hub still has them. The service refuses them, even if another issuer authenticates them, and runs
nothing with their rights.
"""

from __future__ import annotations

from typing import Any

from jupyterhub import orm

LOCKED_OUT = "locked-out"


def is_locked_out(db: Any, name: str) -> bool:
    """Whether the Hub's user with this name is in the group."""
    members = db.query(orm.User).join(orm.User.groups).filter(orm.Group.name == LOCKED_OUT)
    return bool(members.filter(orm.User.name == name).count())
