/**
 * Days that a person picks, and moments as the server wants them. Pure functions; days are local ones,
 * written `YYYY-MM-DD` as a date input has them.
 */

const DAY = 24 * 60 * 60 * 1000;

const pad = (value: number, length = 2): string => String(value).padStart(length, '0');

/** The day of a moment, in this browser's zone. */
export function dayOf(moment: Date): string {
  return `${pad(moment.getFullYear(), 4)}-${pad(moment.getMonth() + 1)}-${pad(moment.getDate())}`;
}

/** Today, or a number of days from now. */
export function today(ahead = 0, now: Date = new Date()): string {
  // By the calendar and not by hours: a day with a change to summer time has 23.
  return dayOf(new Date(now.getFullYear(), now.getMonth(), now.getDate() + ahead));
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

/** A moment as text with this browser's offset, which a log can be read by. */
export function isoWithZone(moment: Date): string {
  const offset = -moment.getTimezoneOffset();
  const sign = offset < 0 ? '-' : '+';
  const zone = `${sign}${pad(Math.floor(Math.abs(offset) / 60))}:${pad(Math.abs(offset) % 60)}`;
  const time = [moment.getHours(), moment.getMinutes(), moment.getSeconds()];
  return `${dayOf(moment)}T${time.map(part => pad(part)).join(':')}${zone}`;
}

/** The first moment of a day, with its zone; null where the text is no day. */
export function startOfDay(day: string): string | null {
  const found = midnight(day, 0);
  return found && isoWithZone(found);
}

/** The last second of a day, with its zone; null where the text is no day. */
export function endOfDay(day: string): string | null {
  const next = midnight(day, 1);
  return next && isoWithZone(new Date(next.getTime() - 1000));
}

/** The first moment after a day, with its zone: a bound that leaves nothing of the day out. */
export function afterDay(day: string): string | null {
  const next = midnight(day, 1);
  return next && isoWithZone(next);
}

/** How many days are left until a moment: 0 is today, negative is past. Counted by the calendar. */
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
 * How far a moment is from now, in words of the page's language: “5 minutes ago”, “in 16 hours”.
 *
 * JupyterLab's `Time.formatHuman` takes the largest unit for moments to come: “next year” for tomorrow.
 */
export function distanceWords(moment: Date, now: Date = new Date()): string {
  const distance = moment.getTime() - now.getTime();
  const [unit, size] = UNITS.find(item => Math.abs(distance) >= item[1]) ?? UNITS[6];
  const language = globalThis.document?.documentElement.lang || 'en';
  const format = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
  return format.format(Math.trunc(distance / size), unit);
}
