"""When a schedule fires.

A schedule is a cron expression and a time zone. The expression describes wall-clock times, most of
which are exactly one moment. Around clock changes, a wall time may not exist, or exist twice. As in
Debian's cron, what happens then depends on the kind of expression:

**At fixed times**: neither the minute nor the hour begins with ``*`` (``30 2 * * *``, ``@daily``).
Each wall time counts once. A time that doesn't exist fires at the first minute after the gap; several
times in one gap, or one that is due at that minute anyway, fire together once. A time that exists
twice fires only the first time. So a daily job runs exactly once a day.

**In steps**: the minute or the hour begins with ``*`` (``*/15 * * * *``, ``@hourly``). It fires
whenever the wall clock shows such a time: not in a gap, and in both passes of a repeated hour. So a
job every 15 minutes runs every 15 minutes.

A day that a zone skips (Samoa on 30 December 2011) is a gap like any other.

Days: if both the day of the month and the day of the week are given, either is enough, unless one of
them begins with ``*`` (as in Debian's cron). ``L`` (last day of the month), ``LW`` (its last
weekday), ``5L`` (its last Friday) and ``1#2`` (its second Monday) can be used.

cronsim parses the expressions and iterates over wall-clock times. The conversion to UTC is done here,
because cronsim's own omits times around changes of half an hour and changes at midnight.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from .cron import SHORT_FORMS
from .models import Schedule

MAX_CAUGHT_UP = 1_000
MAX_MINUTES = 100_000


def fire_times(
    schedule: Schedule, after: datetime, until: datetime | None = None, limit: int = 100
) -> list[datetime]:
    """The first moments at which a schedule fires in a period.

    ``paused`` is ignored: whether the times count is up to the caller.

    Args:
        after: the start, with a zone; excluded.
        until: the end, with a zone; included. None: no end.
        limit: the maximum number of moments.

    Returns:
        Whole minutes in UTC, strictly increasing.
    """
    found: list[datetime] = []
    if limit < 1:
        return found
    for moment in _moments(schedule.cron, schedule.timezone, after.astimezone(UTC)):
        if until is not None and moment > until:
            break
        found.append(moment)
        if len(found) >= limit:
            break
    return found


def next_fire(schedule: Schedule, after: datetime) -> datetime | None:
    """The next moment after a given one, in UTC; None if there is none within 50 years."""
    found = fire_times(schedule, after, limit=1)
    return found[0] if found else None


def next_due(schedule: Schedule | None, paused: bool, after: datetime) -> datetime | None:
    """The next moment at which a pipeline's schedule, if it has one that isn't paused, starts a run."""
    if schedule is None or schedule.paused or paused:
        return None
    return next_fire(schedule, after)


def catch_up(
    schedule: Schedule,
    last_fired: datetime,
    now: datetime,
    grace: timedelta = timedelta(minutes=1),
) -> list[datetime]:
    """The times to fire now, by the schedule's rule for missed times.

    Called every few seconds, it finds at most one time, which every rule fires. After a longer pause:

    - ``skip``: only a time within ``grace`` of now; older ones are dropped.
    - ``latest``: only the last time.
    - ``all``: every time, oldest first; the last 1,000 if there are more.

    Args:
        last_fired: the last fire time that was processed, with a zone.
        now: the current time, with a zone.
        grace: how late a time may fire and still count as on time.

    Returns:
        Moments in UTC after ``last_fired`` up to ``now``, strictly increasing.
    """
    if schedule.catch_up == "skip":
        return _last(schedule, max(last_fired, now - grace), now, 1)
    return _last(schedule, last_fired, now, 1 if schedule.catch_up == "latest" else MAX_CAUGHT_UP)


def _last(schedule: Schedule, after: datetime, until: datetime, count: int) -> list[datetime]:
    # Searches backwards in growing spans: an every-minute schedule that was paused for a year has
    # missed 500,000 times.
    span = timedelta(minutes=count)
    while True:
        since = max(after, until - span)
        found = fire_times(schedule, since, until, limit=MAX_MINUTES)
        if len(found) >= count or since == after:
            return found[-count:]
        span *= 8


def _moments(cron: str, zone_name: str, after: datetime) -> Iterator[datetime]:
    """All moments after a given one, in order; they don't depend on where the walk starts."""
    given = SHORT_FORMS.get(cron, cron)
    minute, hour = given.split()[:2]
    in_steps = minute.startswith("*") or hour.startswith("*")
    zone = ZoneInfo(zone_name)
    walk = _in_steps if in_steps else _at_fixed_times
    last = after
    try:
        for moment in walk(given, zone, after):
            if moment > last:
                yield moment
                last = moment
    except OverflowError:
        return  # the year 9999


def _at_fixed_times(cron: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    for wall in CronSim(cron, after.astimezone(zone).replace(tzinfo=None)):
        moments = _moments_at(wall, zone)
        yield moments[0] if moments else _end_of_gap(wall, zone)


def _in_steps(cron: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    # If clocks are set back within 27 hours, wall times before now will be shown again.
    offsets = [
        (after + timedelta(hours=hours)).astimezone(zone).utcoffset() or timedelta()
        for hours in range(27)
    ]
    start = after.astimezone(zone).replace(tzinfo=None) - (offsets[0] - min(offsets))
    waiting: list[datetime] = []
    for wall in CronSim(cron, start):
        moments = _moments_at(wall, zone)
        if not moments:
            continue
        while waiting and waiting[0] < moments[0]:
            yield heapq.heappop(waiting)
        for moment in moments:
            heapq.heappush(waiting, moment)
    yield from sorted(waiting)


def _moments_at(wall: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """The moments at which clocks show a wall time: one, none or two."""
    first = wall.replace(tzinfo=zone)
    early, late = first.utcoffset(), first.replace(fold=1).utcoffset()
    assert early is not None
    assert late is not None
    if early == late:
        return ((wall - early).replace(tzinfo=UTC),)
    if early < late:
        return ()
    return (wall - early).replace(tzinfo=UTC), (wall - late).replace(tzinfo=UTC)


def _end_of_gap(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first whole minute after the gap that contains a wall time."""
    first = wall.replace(tzinfo=zone)
    new = first.replace(fold=1).utcoffset()
    before = first.replace(fold=1).astimezone(UTC)  # read with the offset after the gap
    after = first.astimezone(UTC)
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == new:
            after = middle
        else:
            before = middle
    return after + timedelta(seconds=-after.second % 60)
