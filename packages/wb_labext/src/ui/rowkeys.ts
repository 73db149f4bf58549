import type React from 'react';

/**
 * Moves through the rows of a list by keyboard: arrows, Home and End.
 *
 * @param selector - the selector of the rows, below the node that handles the event
 * @returns whether the key was handled
 */
export function moveByKey(event: React.KeyboardEvent<HTMLElement>, selector: string): boolean {
  const rows = [...event.currentTarget.querySelectorAll<HTMLElement>(selector)];
  const place = rows.indexOf(
    (event.target as HTMLElement).closest<HTMLElement>(selector) ?? rows[0]
  );
  const to = {
    ArrowDown: place + 1,
    ArrowUp: place - 1,
    Home: 0,
    End: rows.length - 1
  }[event.key];
  if (to === undefined || rows.length === 0) {
    return false;
  }
  const row = rows[Math.min(Math.max(to, 0), rows.length - 1)];
  row.focus();
  row.scrollIntoView({ block: 'nearest' });
  event.preventDefault();
  return true;
}
