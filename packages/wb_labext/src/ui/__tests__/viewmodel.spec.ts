import { nullTranslator } from '@jupyterlab/translation';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { ApiError } from '../../api/request';
import type { ViewState } from '../viewmodel';
import { RETRY, ViewModel } from '../viewmodel';

interface State extends ViewState {
  busy: boolean;
  shown: string;
}

class Model extends ViewModel<State> {
  constructor() {
    super(nullTranslator.load('wb_labext'), {
      phase: 'loading',
      error: null,
      busy: false,
      shown: ''
    });
  }

  async show(answer: Promise<string>): Promise<void> {
    this.set({ busy: true });
    await this.fetch(
      () => answer,
      shown => ({ busy: false, shown }),
      { busy: false }
    );
  }

  protected async load(): Promise<void> {
    await this.show(this.answers.shift() ?? Promise.reject(refusal));
  }

  readonly answers: Promise<string>[] = [];

  soon(call: () => void): void {
    this.later(100, call);
  }
}

function settable<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>(set => {
    resolve = set;
  });
  return { promise, resolve };
}

const refusal = new ApiError('The service is away.', 'unreachable', 502);

describe('ViewModel', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('replaces its state and signals the change', async () => {
    const model = new Model();
    const before = model.state;
    const changed = vi.fn();
    model.changed.connect(changed);
    await model.show(Promise.resolve('one'));
    expect(model.state).toEqual({ phase: 'ready', error: null, busy: false, shown: 'one' });
    expect(before.shown).toBe('');
    expect(changed).toHaveBeenCalledTimes(2);
  });

  it('asks again by itself until the Workbench answers, and keeps saying why', async () => {
    vi.useFakeTimers();
    const model = new Model();
    const gone = new ApiError('No answer.', 'service_down', 503);
    const failing = Promise.reject(gone);
    failing.catch(() => undefined);
    model.answers.push(failing, failing, Promise.resolve('back'));
    await model.refresh();
    const away = { phase: 'failed', error: expect.stringContaining('updates by itself') as string };
    expect(model.state).toMatchObject(away);
    await vi.advanceTimersByTimeAsync(RETRY);
    expect(model.state).toMatchObject(away);
    await vi.advanceTimersByTimeAsync(2 * RETRY);
    expect(model.state).toMatchObject({ phase: 'ready', error: null, shown: 'back' });

    // A refusal of the service is final.
    await model.refresh();
    expect(model.state).toMatchObject({ phase: 'ready', error: refusal.message });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('shows what was requested last, whichever answer arrives last', async () => {
    const model = new Model();
    const first = settable<string>();
    const slow = model.show(first.promise);
    await model.show(Promise.resolve('second'));
    first.resolve('first');
    await slow;
    expect(model.state.shown).toBe('second');
  });

  it('drops the failure of a fetch that is out of date', async () => {
    const model = new Model();
    const slow = model.show(
      new Promise((_, reject) => {
        setTimeout(() => reject(refusal));
      })
    );
    await model.show(Promise.resolve('second'));
    await slow;
    expect(model.state.error).toBeNull();
  });

  it('fails as a whole only if nothing is shown yet', async () => {
    const model = new Model();
    await model.show(Promise.reject(refusal));
    expect(model.state).toEqual({
      phase: 'failed',
      error: 'The service is away.',
      busy: false,
      shown: ''
    });
    await model.show(Promise.resolve('one'));
    await model.show(Promise.reject(refusal));
    expect(model.state).toMatchObject({
      phase: 'ready',
      error: 'The service is away.',
      shown: 'one'
    });
  });

  it('does not reveal the details of a bug', async () => {
    const model = new Model();
    await model.show(Promise.reject(new TypeError('x is undefined')));
    expect(model.state.error).toMatch(/^Something went wrong in this page/);
  });

  it('fetches once more for all refreshes during a fetch, which wait for it', async () => {
    const model = new Model();
    const first = settable<string>();
    model.answers.push(first.promise, Promise.resolve('second'));
    const slow = model.refresh();
    const [again, more] = [model.refresh(), model.refresh()];
    first.resolve('first');
    await slow;
    expect(model.state.shown).toBe('first');
    await Promise.all([again, more]);
    expect(model.state.shown).toBe('second');
    expect(model.answers).toEqual([]);
  });

  it('fetches when it is first shown, and only then', async () => {
    const model = new Model();
    model.answers.push(Promise.resolve('one'));
    model.watch(false);
    expect(model.answers).toHaveLength(1);
    model.watch(true);
    await model.start();
    model.watch(false);
    model.watch(true);
    await model.start();
    expect(model.state).toMatchObject({ phase: 'ready', shown: 'one' });
  });

  it('makes only the last of several delayed calls, once', () => {
    vi.useFakeTimers();
    const model = new Model();
    const [first, second] = [vi.fn(), vi.fn()];
    model.soon(first);
    vi.advanceTimersByTime(60);
    model.soon(second);
    vi.advanceTimersByTime(60);
    expect(second).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1000);
    expect(first).not.toHaveBeenCalled();
    expect(second).toHaveBeenCalledTimes(1);
  });

  it('is quiet once it is disposed', async () => {
    vi.useFakeTimers();
    const model = new Model();
    const changed = vi.fn();
    const call = vi.fn();
    const answer = settable<string>();
    const loading = model.show(answer.promise);
    model.changed.connect(changed);
    model.soon(call);
    model.dispose();
    model.soon(call);
    answer.resolve('late');
    await loading;
    vi.runAllTimers();
    expect(model.isDisposed).toBe(true);
    expect(model.state.shown).toBe('');
    expect(changed).not.toHaveBeenCalled();
    expect(call).not.toHaveBeenCalled();
  });
});
