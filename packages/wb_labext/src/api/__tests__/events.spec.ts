import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { EventStream, withXsrf } from '../events';

class FakeSource {
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  closed = false;
  listeners = new Map<string, () => void>();

  addEventListener(type: string, listener: () => void): void {
    this.listeners.set(type, listener);
  }

  close(): void {
    this.closed = true;
  }
}

let sources: FakeSource[];
let stream: EventStream;
let seen: string[];

beforeEach(() => {
  vi.useFakeTimers();
  sources = [];
  seen = [];
  stream = new EventStream({
    url: 'events',
    connect: () => {
      const source = new FakeSource();
      sources.push(source);
      return source as unknown as EventSource;
    }
  });
  stream.signal('connections').connect(() => seen.push('connections'));
  stream.signal('me').connect(() => seen.push('me'));
});

afterEach(() => {
  stream.dispose();
  vi.useRealTimers();
});

describe('EventStream', () => {
  it('opens one stream, however often it is started', () => {
    stream.start();
    stream.start();
    expect(sources).toHaveLength(1);
  });

  it('signals all topics when it opens, then each on its own event only', () => {
    stream.start();
    sources[0].onopen?.();
    expect(seen).toEqual(['connections', 'me']);
    seen.length = 0;
    sources[0].listeners.get('connections')?.();
    expect(seen).toEqual(['connections']);
  });

  it('signals all topics when it breaks, but not when it can’t be opened', () => {
    stream.start();
    sources[0].onerror?.();
    expect(seen).toEqual([]);
    vi.runOnlyPendingTimers();
    sources[1].onopen?.();
    seen.length = 0;
    sources[1].onerror?.();
    expect(seen).toEqual(['connections', 'me']);
  });

  it('reconnects at growing intervals, and signals all topics once it is back', () => {
    stream.start();
    const waits: number[] = [];
    for (let round = 0; round < 9; round++) {
      const count = sources.length;
      sources[count - 1].onerror?.();
      expect(sources[count - 1].closed).toBe(true);
      let waited = 0;
      while (sources.length === count) {
        vi.advanceTimersByTime(100);
        waited += 100;
      }
      waits.push(waited);
    }
    expect(waits[0]).toBeLessThanOrEqual(1_000);
    expect(waits[8]).toBeGreaterThanOrEqual(7_500);
    expect(waits[8]).toBeLessThanOrEqual(15_000);
    expect(seen).toEqual([]);
    sources[sources.length - 1].onopen?.();
    expect(seen).toEqual(['connections', 'me']);
  });

  it('stays closed once it is disposed', () => {
    stream.start();
    sources[0].onerror?.();
    stream.dispose();
    vi.advanceTimersByTime(120_000);
    stream.start();
    expect(sources).toHaveLength(1);
  });
});

describe('withXsrf', () => {
  it('adds the token of the cookie, and nothing without one', () => {
    expect(withXsrf('/events?topics=me', 'a=1; _xsrf=2|x y; b=3')).toBe(
      '/events?topics=me&_xsrf=2%7Cx%20y'
    );
    expect(withXsrf('/events?topics=me', 'not_xsrf=1')).toBe('/events?topics=me');
  });
});
