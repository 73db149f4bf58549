import { afterEach, describe, expect, it, vi } from 'vitest';

import { afterDay, dayOf, daysUntil, distanceWords, endOfDay, startOfDay, today } from '../dates';

function inZone(zone: string): void {
  vi.stubEnv('TZ', zone);
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe.each(['UTC', 'Europe/Berlin', 'America/St_Johns', 'Pacific/Kiritimati'])('%s', zone => {
  it('names the bounds of a day with the zone of that day', () => {
    inZone(zone);
    for (const day of ['2026-01-31', '2026-07-01', '2028-02-29', '2026-12-31']) {
      const start = new Date(startOfDay(day) as string);
      const end = new Date(endOfDay(day) as string);
      const after = new Date(afterDay(day) as string);
      expect(dayOf(start)).toBe(day);
      expect(dayOf(end)).toBe(day);
      expect(after.getTime() - end.getTime()).toBe(1000);
      expect(dayOf(after)).not.toBe(day);
      expect(endOfDay(day)).toMatch(/T23:59:59[+-]\d\d:\d\d$/);
    }
  });
});

describe('days', () => {
  it('carry the offset of summer and of winter', () => {
    inZone('Europe/Berlin');
    expect(endOfDay('2026-01-15')).toBe('2026-01-15T23:59:59+01:00');
    expect(endOfDay('2026-07-15')).toBe('2026-07-15T23:59:59+02:00');
    inZone('America/St_Johns');
    expect(startOfDay('2026-01-15')).toBe('2026-01-15T00:00:00-03:30');
  });

  it('are counted by the calendar, also across a change to summer time', () => {
    inZone('Europe/Berlin');
    const now = new Date(2026, 2, 28, 23, 30);
    expect(daysUntil(new Date(2026, 2, 28, 23, 59, 59), now)).toBe(0);
    expect(daysUntil(new Date(2026, 2, 30, 0, 0, 1), now)).toBe(2);
    expect(daysUntil(new Date(2026, 2, 27, 23, 59), now)).toBe(-1);
    expect(today(2, now)).toBe('2026-03-30');
  });

  it('are refused if they aren’t days', () => {
    for (const text of ['', 'soon', '2026-1-1', '2026-01-01T00:00']) {
      expect(endOfDay(text)).toBeNull();
    }
  });
});

describe('how far a time is from now', () => {
  it.each([
    [-5_000, '5 seconds ago'],
    [-90_000, '1 minute ago'],
    [16.4 * 3_600_000, 'in 16 hours'],
    [25 * 3_600_000, 'tomorrow'],
    [-40 * 24 * 3_600_000, 'last month'],
    [0, 'now']
  ])('%i ms is “%s”', (distance, words) => {
    const now = new Date('2026-11-23T10:00:00Z');
    expect(distanceWords(new Date(now.getTime() + distance), now)).toBe(words);
  });
});
