"""Fire times, compared with times computed independently: by walking through every minute.

The walk uses no cron library: it turns each UTC minute of a year into the wall-clock time of a zone,
with the offsets of the zone database, and matches the fields against it.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from wb_server.pipelines.definition.cron import check_cron, check_zone, zone_names
from wb_server.pipelines.definition.models import Schedule
from wb_server.pipelines.definition.times import MAX_CAUGHT_UP, catch_up, fire_times, next_fire

pytestmark = pytest.mark.slow

ZONES = [
    "UTC",
    "Europe/Vienna",
    "Europe/London",
    "America/New_York",
    "America/St_Johns",
    "America/Santiago",  # changes at midnight
    "Australia/Lord_Howe",  # by half an hour
    "Pacific/Auckland",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "Africa/Casablanca",  # back for Ramadan
    "Africa/Cairo",
    "Antarctica/Troll",  # by two hours
]
AT_FIXED_TIMES = [
    "0 6 * * 1-5",
    "30 2 * * *",
    "15,45 1-3 * * *",
    "0 0 * * *",
    "5 0,2 1,15 * 1",
    "59 23 L * *",
    "10 2 * 3,10 0",
    "0 0 1 1 *",
]
IN_STEPS = [
    "*/15 * * 2-4,9-11 0,5",
    "0 * * 2-4,9-11 *",
    "*/10 1-3 * * 0",
    "20 */2 * * *",
    "* 2 * * sun",
    "0 */6 */2 * 1",
    "*/20 0-2 1-15 3,10,11 *",
]
# A leap year in the future. Samoa's skipped day in 2011 has a test of its own.
YEARS = [2028]

DAY = 24 * 60


def minute_of(moment: datetime) -> int:
    return int(moment.timestamp()) // 60


@lru_cache(maxsize=4)
def offsets(zone: str, first: int, last: int) -> np.ndarray:
    """The UTC offset in minutes for each minute from ``first`` to ``last`` (since 1970)."""
    info = ZoneInfo(zone)

    def at(minute: int) -> int:
        offset = datetime.fromtimestamp(minute * 60, UTC).astimezone(info).utcoffset()
        assert offset is not None
        return int(offset.total_seconds()) // 60

    found = np.empty(last - first, dtype=np.int64)
    # Offsets change a few times a year: looked up by the hour, by the minute where they differ.
    for start in range(first, last, 60):
        end = min(start + 60, last)
        one, two = at(start), at(end)
        if one == two:
            found[start - first : end - first] = one
        else:
            found[start - first : end - first] = [at(minute) for minute in range(start, end)]
    return found


NAMES = {
    name: number for number, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])
}


def matching(field: str, low: int, high: int) -> np.ndarray:
    """Which numbers from 0 to 99 a field matches."""
    found = np.zeros(100, dtype=bool)
    for part in field.split(","):
        body, _, step = part.partition("/")
        if body == "*":
            numbers = range(low, high + 1)
        else:
            begin, _, end = (str(NAMES.get(word, word)) for word in body.partition("-"))
            numbers = range(int(begin), int(end or begin) + 1)
        for number in list(numbers)[:: int(step or 1)]:
            found[number] = True
    return found


class Walls:
    """Wall-clock minutes (since 1970), split into the fields of cron."""

    def __init__(self, minutes: np.ndarray) -> None:
        self.minutes = minutes
        self.minute, self.hour = minutes % 60, minutes // 60 % 24
        days = minutes // DAY
        dates = days.astype("datetime64[D]")
        months = dates.astype("datetime64[M]")
        self.month = months.astype(np.int64) % 12 + 1
        self.day = (dates - months.astype("datetime64[D]")).astype(np.int64) + 1
        self.is_last = (dates + 1).astype("datetime64[M]") != months
        self.weekday = (days + 4) % 7  # 1 January 1970 was a Thursday


def fits(cron: str, walls: Walls) -> np.ndarray:
    """Which of the minutes an expression matches."""
    minute, hour, day, month, weekday = cron.split()
    weekdays = matching(weekday, 0, 7)
    weekdays[0] |= weekdays[7]
    right_day = walls.is_last if day == "L" else matching(day, 1, 31)[walls.day]
    right_weekday = weekdays[walls.weekday]
    if day.startswith("*") or weekday.startswith("*"):
        right = right_day & right_weekday
    else:
        right = right_day | right_weekday
    return (
        right
        & matching(month, 1, 12)[walls.month]
        & matching(hour, 0, 23)[walls.hour]
        & matching(minute, 0, 59)[walls.minute]
    )


@lru_cache(maxsize=2)
def span(zone: str, begin: int, end: int) -> tuple[np.ndarray, Walls]:
    moments = np.arange(begin, end)
    return moments, Walls(moments + offsets(zone, begin, end))


def expected(cron: str, zone: str, first: int, last: int) -> np.ndarray:
    """The fire times in [first, last), as minutes since 1970, by the rule that the guide states."""
    begin, end = first - 2 * DAY, last + 2 * DAY
    moments, split = span(zone, begin, end)
    walls = split.minutes
    fitting = fits(cron, split)
    minute, hour = cron.split()[:2]
    if minute.startswith("*") or hour.startswith("*"):
        fires = moments[fitting]
    else:
        # The latest time that the clock has shown before each minute: earlier times have fired already.
        reached = np.concatenate([[walls[0] - 1], np.maximum.accumulate(walls)[:-1]])
        new = walls > reached
        fires = moments[fitting & new]
        # Times that the clock jumps over fire right after the jump.
        for jump in np.flatnonzero(walls > reached + 1):
            left_out = np.arange(reached[jump] + 1, walls[jump])
            if fits(cron, Walls(left_out)).any():
                fires = np.append(fires, moments[jump])
        fires = np.unique(fires)
    return fires[(fires >= first) & (fires < last)]


def schedule(cron: str, zone: str = "UTC", **more: str) -> Schedule:
    return Schedule.model_validate({"cron": cron, "timezone": zone, **more})


def bounds(year: int) -> tuple[datetime, datetime]:
    return datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)


def all_times(cron: str, zone: str, start: datetime, end: datetime) -> list[datetime]:
    minute = timedelta(minutes=1)
    return fire_times(schedule(cron, zone), start - minute, end - minute, 600_000)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("year", YEARS)
def test_a_year_of_fire_times_matches_a_walk_through_its_minutes(zone: str, year: int) -> None:
    start, end = bounds(year)
    for cron in AT_FIXED_TIMES + IN_STEPS:
        found = np.array([minute_of(moment) for moment in all_times(cron, zone, start, end)])
        wanted = expected(cron, zone, minute_of(start), minute_of(end))
        assert len(wanted) >= 1
        assert np.array_equal(found, wanted), (cron, sorted(set(found) ^ set(wanted))[:5])


def test_fire_times_around_a_day_that_a_zone_skips() -> None:
    start, end = datetime(2011, 12, 20, tzinfo=UTC), datetime(2012, 1, 10, tzinfo=UTC)
    for cron in AT_FIXED_TIMES + IN_STEPS:
        found = [minute_of(moment) for moment in all_times(cron, "Pacific/Apia", start, end)]
        assert found == list(expected(cron, "Pacific/Apia", minute_of(start), minute_of(end)))


@pytest.mark.parametrize("zone", ["Europe/Vienna", "Australia/Lord_Howe"])
def test_every_quarter_of_an_hour_through_a_whole_year(zone: str) -> None:
    start, end = bounds(2026)
    found = all_times("*/15 * * * *", zone, start, end)
    assert len(found) == 365 * 96
    assert {later - one for one, later in pairwise(found)} == {timedelta(minutes=15)}


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Vienna", "2026-03-28"),
        ("Europe/Vienna", "2026-10-24"),
        ("Australia/Lord_Howe", "2026-04-04"),
        ("Australia/Lord_Howe", "2026-10-03"),
        ("America/Santiago", "2026-04-04"),
        ("America/Santiago", "2026-09-05"),
    ],
)
def test_every_minute_fires_every_minute_through_a_clock_change(zone: str, day: str) -> None:
    start = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    assert ZoneInfo(zone).utcoffset(start) != ZoneInfo(zone).utcoffset(start + timedelta(days=2))
    found = fire_times(schedule("* * * * *", zone), start, limit=2 * DAY)
    assert found == [start + timedelta(minutes=count + 1) for count in range(2 * DAY)]


@pytest.mark.parametrize("zone", ["Europe/Vienna", "Australia/Lord_Howe", "Africa/Casablanca"])
def test_the_next_fire_does_not_depend_on_the_starting_point(zone: str) -> None:
    rng = random.Random(4)
    start, end = bounds(2026)
    for cron in ("30 2 * * *", "15,45 1-3 * * *", "*/10 1-3 * * 0", "0 * * * *"):
        times = all_times(cron, zone, start, end)
        jumps = [
            first + minute
            for first in (minute_of(start),)
            for minute in np.flatnonzero(np.diff(offsets(zone, first, minute_of(end))))
        ]
        asked = [rng.choice(jumps) + rng.randint(-300, 300) for _ in range(150)]
        for minute in asked:
            moment = datetime.fromtimestamp(minute * 60 + rng.randint(0, 59), UTC)
            after = next(time for time in times if time > moment)
            assert next_fire(schedule(cron, zone), moment) == after, (cron, moment)


def local(text: str, zone: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def test_a_daily_job_in_the_gap_and_in_the_repeated_hour() -> None:
    zone = "Europe/Vienna"  # 29 March: 2:00 becomes 3:00; 25 October: 3:00 becomes 2:00
    daily = schedule("30 2 * * *", zone)
    assert fire_times(daily, local("2026-03-28T12:00", zone), limit=2) == [
        local("2026-03-29T03:00", zone),
        local("2026-03-30T02:30", zone),
    ]
    assert fire_times(daily, local("2026-10-24T12:00", zone), limit=2) == [
        local("2026-10-25T02:30", zone),
        local("2026-10-26T02:30", zone),
    ]
    # Several times in one gap and one at its end fire once, together.
    several = schedule("0,15,30 2,3 * * *", zone)
    assert fire_times(several, local("2026-03-28T12:00", zone), limit=3) == [
        local(f"2026-03-29T03:{minute}", zone) for minute in ("00", "15", "30")
    ]


def test_a_quarter_hourly_job_fires_through_clock_changes() -> None:
    zone = "Europe/Vienna"
    often = schedule("*/15 * * * *", zone)
    for day in ("2026-03-29", "2026-10-25"):
        found = fire_times(often, local(f"{day}T00:50", zone), limit=20)
        assert {later - one for one, later in pairwise(found)} == {timedelta(minutes=15)}


def test_short_forms_equal_their_expressions() -> None:
    start, end = bounds(2026)
    for short, long in {
        "@hourly": "0 * * * *",
        "@daily": "0 0 * * *",
        "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *",
        "@yearly": "0 0 1 1 *",
    }.items():
        found = all_times(short, "Africa/Cairo", start, end)
        assert [minute_of(moment) for moment in found] == list(
            expected(long, "Africa/Cairo", minute_of(start), minute_of(end))
        )


def test_last_days_and_nth_weekdays_fire() -> None:
    def days(cron: str) -> list[str]:
        found = fire_times(schedule(cron), datetime(2026, 1, 1, tzinfo=UTC), limit=3)
        return [moment.strftime("%m-%d") for moment in found]

    assert days("0 6 L * *") == ["01-31", "02-28", "03-31"]
    assert days("0 6 LW * *") == ["01-30", "02-27", "03-31"]
    assert days("0 6 * * 5L") == ["01-30", "02-27", "03-27"]
    assert days("0 6 * * 1#2") == ["01-12", "02-09", "03-09"]


def test_a_leap_day_fires_every_four_years() -> None:
    leap = schedule("0 12 29 2 *", "Asia/Tokyo")
    assert next_fire(leap, datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2028, 2, 29, 3, tzinfo=UTC)


def test_fire_times_keep_to_their_bounds_and_limit() -> None:
    daily = schedule("@daily")
    first = datetime(2026, 5, 1, tzinfo=UTC)
    assert fire_times(daily, first, first + timedelta(days=2)) == [
        first + timedelta(days=1),
        first + timedelta(days=2),
    ]
    assert fire_times(daily, first, first + timedelta(hours=23)) == []
    assert fire_times(daily, first, limit=0) == []
    assert len(fire_times(daily, first, limit=7)) == 7
    assert next_fire(daily, datetime(9999, 12, 31, 12, tzinfo=UTC)) is None


def test_catching_up_follows_its_rule() -> None:
    now = datetime(2026, 5, 10, 6, 0, 20, tzinfo=UTC)
    on_time = now.replace(second=0)
    last = on_time - timedelta(days=3)
    missed = [on_time - timedelta(days=days) for days in (2, 1, 0)]

    def due(rule: str, at: datetime, since: datetime = last) -> list[datetime]:
        return catch_up(schedule("0 6 * * *", catch_up=rule), since, at)

    assert due("all", now) == missed
    assert due("latest", now) == missed[-1:]
    assert due("skip", now) == missed[-1:]
    late = now + timedelta(hours=2)
    assert due("all", late) == missed
    assert due("latest", late) == missed[-1:]
    assert due("skip", late) == []
    for rule in ("all", "latest", "skip"):
        assert due(rule, now, on_time) == []
        assert due(rule, now, now + timedelta(days=9)) == []


def test_catching_up_is_limited() -> None:
    now = datetime(2026, 5, 10, 6, 0, 20, tzinfo=UTC)
    often = schedule("* * * * *", catch_up="all")
    found = catch_up(often, now - timedelta(days=3650), now)
    assert len(found) == MAX_CAUGHT_UP
    assert found[-1] == now.replace(second=0)
    assert found[0] == found[-1] - timedelta(minutes=MAX_CAUGHT_UP - 1)
    seldom = schedule("0 0 1 1 *", catch_up="all")
    assert len(catch_up(seldom, now - timedelta(days=3650), now)) == 10


@pytest.mark.parametrize(
    "cron",
    [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "*/0 * * * *",
        "5-1 * * * *",
        "a * * * *",
        "* * * * montag",
        "0 0 30 2 *",
        "@reboot",
        "@Daily",
        "-1 * * * *",
        "1,,2 * * * *",
        "² * * * *",
        "9" * 5000 + " * * * *",
        "0 0 L/2 * 5L/3",
    ],
)
def test_invalid_cron_expressions_are_refused(cron: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        check_cron(cron)


def test_random_fields_are_refused_or_have_times() -> None:
    rng = random.Random(5)
    accepted = 0
    for _ in range(2_000):
        cron = " ".join(
            "".join(rng.choice("0123456789*/-,L#W") for _ in range(rng.randint(1, 4)))
            if rng.random() < 0.5
            else "*"
            for _ in range(5)
        )
        try:
            check_cron(cron)
        except ValueError:
            continue
        accepted += 1
        found = fire_times(schedule(cron, "Australia/Lord_Howe"), datetime.now(UTC), limit=5)
        assert all(later > one for one, later in pairwise(found))
    assert accepted > 100


def test_unknown_zones_are_refused_with_a_suggestion() -> None:
    assert check_zone("Europe/Vienna") == "Europe/Vienna"
    with pytest.raises(ValueError, match="Did you mean Europe/Vienna"):
        check_zone("europe/vienna")
    for name in ("", "../etc/passwd", "/etc/localtime", "Mars/Olympus"):
        with pytest.raises(ValueError, match="no time zone"):
            check_zone(name)
    assert {"UTC", *ZONES} <= zone_names()
