"""Who is locked out: the members of a Hub group, whatever other group they are in.

They stay known to the Hub. The service refuses them, also where somebody else than the Hub vouches for
them, and runs nothing with their rights.
"""

from __future__ import annotations

from typing import Any

from jupyterhub import orm

LOCKED_OUT = "locked-out"


def is_locked_out(db: Any, name: str) -> bool:
    """Whether the Hub's user of this name is in the group."""
    members = db.query(orm.User).join(orm.User.groups).filter(orm.Group.name == LOCKED_OUT)
    return bool(members.filter(orm.User.name == name).count())
