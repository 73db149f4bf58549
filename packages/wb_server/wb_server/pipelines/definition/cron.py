"""Validates the cron expressions and time zones of pipeline files."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from importlib import resources

from cronsim import CronSim, CronSimError

SHORT_FORMS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}


_FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")


def check_cron(text: str) -> str:
    """Validates a cron expression or short form, and returns it with single spaces.

    Raises:
        ValueError: it isn't valid, with a sentence that names the field; or it never fires.
    """
    given = " ".join(text.split())
    if given.startswith("@"):
        if given not in SHORT_FORMS:
            raise ValueError(f"There is no {given[:40]}. Available: {', '.join(SHORT_FORMS)}.")
        return given
    fields = given.split(" ")
    if len(given) > 200 or len(fields) != 5:
        raise ValueError(
            f"A cron expression has five fields ({', '.join(_FIELDS)}); this has "
            f"{len(fields) if given else 0}. Or write one of {', '.join(SHORT_FORMS)}."
        )
    for index, field in enumerate(fields):
        alone = ["*"] * 5
        alone[index] = field
        try:
            CronSim(" ".join(alone), datetime(2000, 1, 1))  # noqa: DTZ001 - wall time
        except (CronSimError, ValueError, AssertionError):
            raise ValueError(
                f"{field[:40]!r} isn't valid as the {_FIELDS[index]} of a cron expression."
            ) from None
    try:
        next(CronSim(given, datetime(2000, 1, 1)))  # noqa: DTZ001 - wall time
    except (CronSimError, StopIteration):
        raise ValueError("No such day exists: it would never fire.") from None
    return given


def check_zone(name: str) -> str:
    """Validates the name of a time zone, and returns it.

    Raises:
        ValueError: there is no such zone.
    """
    if name not in zone_names():
        near = [zone for zone in sorted(zone_names()) if zone.lower() == name.lower()]
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(
            f"There is no time zone {name[:60]!r}: write one such as Europe/Vienna or UTC.{hint}"
        )
    return name


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """The names in the time zone database of the package tzdata, which every installation has."""
    listed = resources.files("tzdata").joinpath("zones").read_text("utf-8").split()
    return frozenset(listed)
