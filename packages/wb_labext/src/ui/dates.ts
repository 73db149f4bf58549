/**
 * Converts between days that a user picks and times for the server. Pure functions; days are local,
 * written `YYYY-MM-DD` like a date input's value.
 */

const DAY = 24 * 60 * 60 * 1000;

const pad = (value: number, length = 2): string => String(value).padStart(length, '0');

/** The day of a time, in this browser's zone. */
export function dayOf(moment: Date): string {
  return `${pad(moment.getFullYear(), 4)}-${pad(moment.getMonth() + 1)}-${pad(moment.getDate())}`;
}

/** Today, or a number of days from now. */
export function today(ahead = 0, now: Date = new Date()): string {
  // By the calendar, not by hours: the day when summer time begins has 23.
  return dayOf(new Date(now.getFullYear(), now.getMonth(), now.getDate() + ahead));
}

/** A moment in short: a day and a time, which wrap between the two. */
export function momentWords(moment: Date): string {
  const time = moment.toLocaleTimeString(undefined, { timeStyle: 'medium' });
  const day = moment.toLocaleDateString(undefined, { dateStyle: 'short' });
  return `${day}, ${time.replace(/\s/g, '\u00a0')}`;
}

function midnight(day: string, ahead: number): Date | null {
  const parts = /^(\d{4})-(\d{2})-(\d{2})$/.exec(day);
  if (!parts) {
    return null;
  }
  const [year, month, date] = parts.slice(1).map(Number);
  const found = new Date(year, month - 1, date + ahead);
  return Number.isNaN(found.getTime()) ? null : found;
}

/** A time as text with this browser's offset, as a reader of a log expects it. */
export function isoWithZone(moment: Date): string {
  const offset = -moment.getTimezoneOffset();
  const sign = offset < 0 ? '-' : '+';
  const zone = `${sign}${pad(Math.floor(Math.abs(offset) / 60))}:${pad(Math.abs(offset) % 60)}`;
  const time = [moment.getHours(), moment.getMinutes(), moment.getSeconds()];
  return `${dayOf(moment)}T${time.map(part => pad(part)).join(':')}${zone}`;
}

/** The start of a day, with its zone; null if the text isn't a day. */
export function startOfDay(day: string): string | null {
  const found = midnight(day, 0);
  return found && isoWithZone(found);
}

/** The last second of a day, with its zone; null if the text isn't a day. */
export function endOfDay(day: string): string | null {
  const next = midnight(day, 1);
  return next && isoWithZone(new Date(next.getTime() - 1000));
}

/** The first instant after a day, with its zone: an exclusive bound that includes the whole day. */
export function afterDay(day: string): string | null {
  const next = midnight(day, 1);
  return next && isoWithZone(next);
}

/** The calendar days left until a time: 0 is today, negative is past. */
export function daysUntil(moment: Date, now: Date = new Date()): number {
  const start = (date: Date): number =>
    Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((start(moment) - start(now)) / DAY);
}

const UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['year', 365 * DAY],
  ['month', 30 * DAY],
  ['week', 7 * DAY],
  ['day', DAY],
  ['hour', DAY / 24],
  ['minute', DAY / 1440],
  ['second', 1000]
];

/**
 * How far a time is from now, in the page's language: “5 minutes ago”, “in 16 hours”.
 *
 * JupyterLab's `Time.formatHuman` uses the largest unit for future times: “next year” for tomorrow.
 */
export function distanceWords(moment: Date, now: Date = new Date()): string {
  const distance = moment.getTime() - now.getTime();
  const [unit, size] = UNITS.find(item => Math.abs(distance) >= item[1]) ?? UNITS[6];
  const language = globalThis.document?.documentElement.lang || 'en';
  const format = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
  return format.format(Math.trunc(distance / size), unit);
}
