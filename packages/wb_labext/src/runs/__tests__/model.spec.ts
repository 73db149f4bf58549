import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { EventStream } from '../../api/events';
import type { RunsApi } from '../api';
import { RunModel, firstToShow } from '../model';
import { attempt, run, taskRun } from './samples';

vi.mock('@jupyterlab/services', () => ({ ServerConnection: {} }));

const api = { get: vi.fn(), log: vi.fn(), cancel: vi.fn(), connectionNames: vi.fn() };
const trans = nullTranslator.load('wb_labext');
let changes: Signal<object, void>;
let model: RunModel;

beforeEach(() => {
  vi.resetAllMocks();
  changes = new Signal({});
  api.log.mockResolvedValue({ text: '', next: 0, ended: true });
  const events = { signal: () => changes, start: vi.fn() } as unknown as EventStream;
  model = new RunModel(api as unknown as RunsApi, events, trans, 'r1');
});

afterEach(() => model.dispose());

const failed = taskRun({ task: 'load', state: 'failed', attempts: [attempt({ id: 'a9' })] });

describe('RunModel', () => {
  it('first selects a failed task, else a running one, else the first', () => {
    const running = taskRun({ task: 'check', state: 'running' });
    expect(firstToShow(run({ tasks: [taskRun(), running, failed] }))).toBe('load');
    expect(firstToShow(run({ tasks: [taskRun(), running] }))).toBe('check');
    expect(firstToShow(run({ tasks: [taskRun()] }))).toBe('extract');
  });

  it('follows events while it is shown, moves to what fails, and keeps the user’s selection', async () => {
    api.get.mockResolvedValueOnce(run());
    model.watch(true);
    await vi.waitFor(() => expect(model.state.task).toBe('extract'));
    api.get.mockResolvedValueOnce(run({ tasks: [taskRun(), failed] }));
    changes.emit();
    await vi.waitFor(() => expect(model.state.task).toBe('load'));
    await vi.waitFor(() => expect(api.log).toHaveBeenCalledWith('a9', 0));
    model.select('extract');
    api.get.mockResolvedValueOnce(run({ state: 'failed', tasks: [taskRun(), failed] }));
    changes.emit();
    await vi.waitFor(() => expect(model.state.run?.state).toBe('failed'));
    expect(model.state.task).toBe('extract');
  });

  it('keeps the attempt that the user selected when the next one starts', async () => {
    const tried = (...numbers: number[]): ReturnType<typeof run> =>
      run({
        tasks: [
          taskRun({ attempts: numbers.map(number => attempt({ id: `a${number}`, number })) }),
          failed
        ]
      });
    api.get.mockResolvedValueOnce(tried(1, 2));
    model.watch(true);
    await vi.waitFor(() => expect(model.state.phase).toBe('ready'));
    model.select('extract');
    model.selectAttempt('a2');
    api.get.mockResolvedValueOnce(tried(1, 2, 3));
    changes.emit();
    await vi.waitFor(() => expect(model.task?.attempts).toHaveLength(3));
    expect(model.attempt?.id).toBe('a2');
    expect(model.state.task).toBe('extract');
  });

  it('ignores events while it is hidden, and once the run has ended', async () => {
    changes.emit();
    expect(api.get).not.toHaveBeenCalled();
    api.get.mockResolvedValueOnce(run({ state: 'succeeded' }));
    model.watch(true);
    await vi.waitFor(() => expect(model.state.phase).toBe('ready'));
    changes.emit();
    expect(api.get).toHaveBeenCalledTimes(1);
  });

  it('keeps showing the run if a fetch fails, and says why', async () => {
    api.get.mockResolvedValueOnce(run());
    model.watch(true);
    await vi.waitFor(() => expect(model.state.phase).toBe('ready'));
    api.get.mockRejectedValueOnce(new Error());
    changes.emit();
    await vi.waitFor(() => expect(model.state.error).toContain('Reload'));
    expect(model.state.run?.number).toBe(7);
  });

  it('fetches once more for events during a fetch', async () => {
    let answer!: (value: unknown) => void;
    api.get.mockReturnValueOnce(new Promise(resolve => (answer = resolve)));
    api.get.mockResolvedValueOnce(run({ state: 'succeeded' }));
    model.watch(true);
    changes.emit();
    changes.emit();
    answer(run());
    await vi.waitFor(() => expect(model.state.run?.state).toBe('succeeded'));
    expect(api.get).toHaveBeenCalledTimes(2);
  });
});
