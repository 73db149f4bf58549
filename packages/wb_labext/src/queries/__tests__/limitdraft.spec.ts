import { nullTranslator } from '@jupyterlab/translation';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { ApiError } from '../../api/request';
import type { LimitView } from '../../api/types';
import { LimitDraft } from '../limitdraft';
import type { QueriesModel } from '../model';

vi.mock('@jupyterlab/services', () => ({ ServerConnection: {} }));

const model = { setLimits: vi.fn() };
const trans = nullTranslator.load('wb_labext');
const draftOf = (row: LimitView | null = null): LimitDraft =>
  new LimitDraft(model as unknown as QueriesModel, row, trans);

beforeEach(() => vi.resetAllMocks());

describe('LimitDraft', () => {
  it('sends nothing before there is a subject and a limit', async () => {
    const draft = draftOf();
    draft.type('rows', 'many');
    expect(await draft.submit()).toBe(false);
    expect(draft.sentence).toBe('Rows per result: Enter a number, or leave it empty.');
    draft.type('rows', '');
    expect(await draft.submit()).toBe(false);
    expect(draft.sentence).toBe('Choose who or what the limits apply to.');
    draft.setSubject({ kind: 'user', subject: 'ada', label: 'ada' });
    expect(await draft.submit()).toBe(false);
    expect(draft.sentence).toBe('Enter at least one limit.');
    expect(model.setLimits).not.toHaveBeenCalled();
  });

  it('sends every limit, and null for the empty ones', async () => {
    const draft = draftOf();
    draft.setKind('everyone');
    draft.type('bytes', '2');
    expect(await draft.submit()).toBe(true);
    expect(model.setLimits).toHaveBeenCalledWith({
      work: 'interactive',
      kind: 'everyone',
      subject: '',
      concurrent: null,
      rows: null,
      bytes: 2 * 2 ** 20,
      seconds: null,
      temp_bytes: null
    });
  });

  it('shows the server’s error at the limit that it is about', async () => {
    const draft = draftOf({ kind: 'user', subject: 'ada', rows: 5 } as LimitView);
    const details = { field: 'rows' };
    model.setLimits.mockRejectedValueOnce(new ApiError('rows: too many.', 'x', 400, details));
    expect(await draft.submit()).toBe(false);
    expect(draft.sentence).toBe('Rows per result: Too many.');
  });
});
