"""When a schedule fires.

A schedule is a cron expression and a time zone. The expression names wall-clock times; most of them
are one moment each. Where clocks are changed, a wall time may not exist, or exist twice. What happens
then is the rule of Debian's cron, and depends on the kind of expression:

**At fixed times**: neither the minute nor the hour begins with ``*`` (``30 2 * * *``, ``@daily``).
Each wall time counts once. One that doesn't exist fires at the first minute after the gap; several
times in one gap, or one that the clock reaches there anyway, fire once together. One that exists
twice fires the first time only. So a daily job runs once on each day.

**In steps**: the minute or the hour begins with ``*`` (``*/15 * * * *``, ``@hourly``). It fires
whenever the clock on the wall shows such a time: not in a gap, and in both passes of an hour that
exists twice. So a job every 15 minutes runs every 15 minutes.

A day that a zone leaves out (Samoa on 30 December 2011) is a gap like others.

Days: where both the day of the month and the day of the week are given, either is enough, unless one
of them begins with ``*`` (as in Debian's cron). ``L`` (last day of the month), ``LW`` (its last
weekday), ``5L`` (its last Friday) and ``1#2`` (its second Monday) can be used.

cronsim reads the expressions and walks wall-clock times. The change to UTC is done here: cronsim's
own leaves out times around changes of half an hour and changes at midnight.
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
    """The first moments of a schedule after one and up to another.

    A paused schedule has the same times: whether they count is for the caller.

    Args:
        after: with a zone; not among the answers itself.
        until: with a zone; may be among the answers. None: as far as ``limit`` goes.
        limit: how many at most.

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
    """The first moment after this one, in UTC; None when it is centuries away."""
    found = fire_times(schedule, after, limit=1)
    return found[0] if found else None


def catch_up(
    schedule: Schedule,
    last_fired: datetime,
    now: datetime,
    grace: timedelta = timedelta(minutes=1),
) -> list[datetime]:
    """What is to fire now, by the schedule's rule for times that were missed.

    Asked every few seconds there is one time at most, and each rule fires it. After a longer pause:

    - ``skip``: only a time within ``grace`` of now; what is older is left out.
    - ``latest``: the last time alone.
    - ``all``: each, oldest first; of more than 1,000 the last 1,000.

    Args:
        last_fired: the last fire time that was dealt with, with a zone.
        now: with a zone.
        grace: how late a time may fire and still count as on time.

    Returns:
        Moments in UTC after ``last_fired`` up to ``now``, strictly increasing.
    """
    if schedule.catch_up == "skip":
        return _last(schedule, max(last_fired, now - grace), now, 1)
    return _last(schedule, last_fired, now, 1 if schedule.catch_up == "latest" else MAX_CAUGHT_UP)


def _last(schedule: Schedule, after: datetime, until: datetime, count: int) -> list[datetime]:
    # From the end, in growing steps: a minute's schedule that slept for a year has 500,000 times.
    span = timedelta(minutes=count)
    while True:
        since = max(after, until - span)
        found = fire_times(schedule, since, until, limit=MAX_MINUTES)
        if len(found) >= count or since == after:
            return found[-count:]
        span *= 8


def _moments(cron: str, zone_name: str, after: datetime) -> Iterator[datetime]:
    """All moments after one, in order; the answer doesn't depend on where the walk begins."""
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
        moments = _read(wall, zone)
        yield moments[0] if moments else _end_of_gap(wall, zone)


def _in_steps(cron: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    # Clocks that are soon put back will show again what lies before now.
    offsets = [
        (after + timedelta(hours=hours)).astimezone(zone).utcoffset() or timedelta()
        for hours in range(27)
    ]
    start = after.astimezone(zone).replace(tzinfo=None) - (offsets[0] - min(offsets))
    waiting: list[datetime] = []
    for wall in CronSim(cron, start):
        moments = _read(wall, zone)
        if not moments:
            continue
        while waiting and waiting[0] < moments[0]:
            yield heapq.heappop(waiting)
        for moment in moments:
            heapq.heappush(waiting, moment)
    yield from sorted(waiting)


def _read(wall: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """The moments at which clocks show a wall time: one, none, or two."""
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
    """The first whole minute after the gap in which a wall time lies."""
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
