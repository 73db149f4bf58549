/** Where the links of a page lead. Pure functions. */

/** The path of a linked file below the documentation's folder; null if it leads elsewhere. */
export function target(folder: string, url: string): string | null {
  if (/^([a-z][a-z0-9+.-]*:|\/)/i.test(url)) {
    return null;
  }
  const parts = folder.split('/').filter(Boolean);
  for (const part of decodeURIComponent(url.split(/[?#]/)[0]).split('/')) {
    if (part === '..') {
      if (parts.pop() === undefined) {
        return null;
      }
    } else if (part !== '' && part !== '.') {
      parts.push(part);
    }
  }
  return parts.join('/');
}

/** A heading's anchor, as in the pages' links. */
export function anchor(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
}
