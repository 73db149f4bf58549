import { nullTranslator } from '@jupyterlab/translation';
import type { JSONObject } from '@lumino/coreutils';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { ApiError } from '../../api/request';
import { RunDraft, runValues } from '../rundraft';

vi.mock('@jupyterlab/services', () => ({ ServerConnection: {} }));

const FORM: JSONObject = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  required: ['period'],
  additionalProperties: false,
  properties: {
    period: { title: 'period', type: 'string', format: 'date' },
    months: { title: 'months', type: 'integer', default: 3, maximum: 12 },
    days: { title: 'days', type: 'array', items: { type: 'integer' }, default: [1] }
  }
};

const api = { form: vi.fn(), run: vi.fn() };
const trans = nullTranslator.load('wb_labext');
let draft: RunDraft;

beforeEach(async () => {
  vi.resetAllMocks();
  draft = new RunDraft(trans, { name: 'nightly', description: '', form: api.form, start: api.run });
  api.form.mockResolvedValue(FORM);
  await draft.refresh();
});

describe('a run that is about to start', () => {
  it('begins with the current defaults', () => {
    expect(draft.state.data).toEqual({ months: 3, days: [1] });
    expect(draft.isDirty()).toBe(false);
  });

  it('sends values with their types, and nothing that is empty', () => {
    const data = { period: '', months: 4, days: ['1', ' 2 ', '', 'x'] };
    expect(runValues(FORM, data)).toEqual({ months: 4, days: [1, 2, 'x'] });
  });

  it('shows what is missing or wrong at the field, without asking the server', async () => {
    draft.setData({ months: 13, days: ['1', 'x'] });
    expect(await draft.submit()).toBe(false);
    expect(draft.state.errors).toEqual({
      period: 'This field is required.',
      months: 'Must be at most 12.',
      days: 'Line 2: Must be a whole number.'
    });
    expect(api.run).not.toHaveBeenCalled();
  });

  it('shows the server’s error at the field until the field is changed', async () => {
    draft.setData({ period: '2026-10-01', months: 3 });
    const details = { parameters: { months: 'It takes an even number.' } };
    api.run.mockRejectedValueOnce(new ApiError('months: …', 'bad_parameters', 400, details));
    expect(await draft.submit()).toBe(false);
    expect(draft.state).toMatchObject({ errors: details.parameters, problem: null });
    draft.setData({ period: '2026-10-01', months: 4 });
    expect(draft.state.errors).toEqual({});
  });

  it('is one run if it is sent twice, and another with other values', async () => {
    draft.setData({ period: '2026-10-01' });
    api.run.mockRejectedValueOnce(new ApiError('The server can’t be reached.', 'unreachable', 0));
    expect(await draft.submit()).toBe(false);
    expect(draft.state.problem).toBe('The server can’t be reached.');
    api.run.mockResolvedValue({ id: 'r1' });
    expect(await draft.submit()).toBe(true);
    expect(draft.result).toEqual({ id: 'r1' });
    const keys = api.run.mock.calls.map(call => call[1] as string);
    expect(keys[0]).toBe(keys[1]);
    draft.setData({ period: '2026-11-01' });
    await draft.submit();
    expect(api.run.mock.calls[2][1]).not.toBe(keys[0]);
  });

  it('leaves defaults to the version that runs', async () => {
    api.run.mockResolvedValue({ id: 'r1' });
    draft.setData({ period: '2026-10-01', months: 3, days: ['1'] });
    expect(await draft.submit()).toBe(true);
    expect(api.run).toHaveBeenCalledWith({ period: '2026-10-01' }, expect.anything(), null);
  });

  it('is for another day, with the defaults of that day for what was not typed', async () => {
    draft.setData({ period: '2026-10-01', months: 3, days: [1] });
    const { months, ...others } = FORM.properties as Record<string, JSONObject>;
    const form = { ...FORM, properties: { ...others, months: { ...months, default: 5 } } };
    api.form.mockResolvedValueOnce(form);
    await draft.setDate('2024-02-29');
    expect(api.form).toHaveBeenLastCalledWith('2024-02-29');
    expect(draft.state.data).toEqual({ period: '2026-10-01', months: 5, days: [1] });
    // A year that is still being typed.
    await draft.setDate('0002-02-01');
    expect(api.form).toHaveBeenCalledTimes(2);
    expect(await draft.submit()).toBe(false);
    await draft.setDate('2024-02-29');
    api.run.mockResolvedValue({ id: 'r1' });
    expect(await draft.submit()).toBe(true);
    expect(api.run.mock.calls[0][2]).toBe('2024-02-29');
  });
});
