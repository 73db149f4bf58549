import { beforeEach, describe, expect, it, vi } from 'vitest';

import type { LogPage } from '../../api/types';
import { LogTail, MOST } from '../log';

const ask = vi.fn<(attempt: string, start: number) => Promise<LogPage>>();
let log: LogTail;

beforeEach(() => {
  vi.resetAllMocks();
  log = new LogTail({ log: ask }, error => (error as Error).message);
});

const page = (text: string, next: number, ended = false): LogPage => ({ text, next, ended });

describe('LogTail', () => {
  it('fetches from its position on, and stops once the log has ended', async () => {
    ask.mockResolvedValueOnce(page('one\n', 3)).mockResolvedValueOnce(page('', 3));
    log.follow('a1');
    await vi.waitFor(() => expect(ask).toHaveBeenCalledTimes(2));
    ask.mockResolvedValueOnce(page('two\n', 5, true));
    await vi.waitFor(() => {
      log.follow('a1');
      expect(log.state.ended).toBe(true);
    });
    expect(log.state.text).toBe('one\ntwo\n');
    expect(ask.mock.calls.map(call => call[1])).toEqual([0, 3, 3]);
    log.follow('a1');
    expect(ask).toHaveBeenCalledTimes(3);
  });

  it('drops answers for an attempt that is no longer shown', async () => {
    let answer!: (page: LogPage) => void;
    ask.mockReturnValueOnce(new Promise(resolve => (answer = resolve)));
    log.follow('a1');
    ask.mockResolvedValueOnce(page('of the second\n', 1, true));
    log.follow('a2');
    answer(page('of the first\n', 1, true));
    await vi.waitFor(() => expect(log.state.text).toBe('of the second\n'));
    expect(log.state.attempt).toBe('a2');
  });

  it('keeps the end of a log that is too long, starting at a whole line', async () => {
    const line = `${'x'.repeat(999)}\n`;
    ask.mockResolvedValueOnce(page(line.repeat(MOST / 1000 + 10), 1, true));
    log.follow('a1');
    await vi.waitFor(() => expect(log.state.ready).toBe(true));
    expect(log.state.cut).toBe(true);
    expect(log.state.text.length).toBeLessThanOrEqual(MOST);
    expect(log.state.text.startsWith('x')).toBe(true);
    expect(log.state.text.length % 1000).toBe(0);
  });

  it('says what went wrong, and continues at the next call', async () => {
    ask.mockRejectedValueOnce(new Error('The server can’t be reached.'));
    log.follow('a1');
    await vi.waitFor(() => expect(log.state.error).toBe('The server can’t be reached.'));
    ask.mockResolvedValueOnce(page('here\n', 1, true));
    log.follow('a1');
    await vi.waitFor(() => expect(log.state).toMatchObject({ error: null, text: 'here\n' }));
  });
});
