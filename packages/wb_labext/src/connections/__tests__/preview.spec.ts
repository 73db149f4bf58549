import { nullTranslator } from '@jupyterlab/translation';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import type { ConnectionPreview, PreviewResult } from '../../api/types';
import { PreviewModel } from '../preview';

vi.mock('@jupyterlab/services', () => ({ ServerConnection: {} }));

const BODY: ConnectionPreview = {
  connector: 'files',
  config: { folder: '/a' },
  credentials: 'shared'
};

function resultOf(table: string): PreviewResult {
  return {
    tables: [],
    more_tables: 0,
    table,
    preview: { table, columns: [], rows: [] },
    code: null,
    message: ''
  };
}

const request = vi.fn<(body: ConnectionPreview) => Promise<PreviewResult>>();
const refuse = vi.fn<(error: unknown) => boolean>();
let preview: PreviewModel;

beforeEach(() => {
  vi.resetAllMocks();
  preview = new PreviewModel(request, nullTranslator.load('wb_labext'));
});

describe('the preview', () => {
  it('asks for the same table again with other settings', async () => {
    request.mockResolvedValueOnce(resultOf('a')).mockResolvedValueOnce(resultOf('a'));
    await preview.show(BODY, null, refuse);
    preview.settingsAre({ folder: '/b' });
    expect(preview.state).toMatchObject({ running: false, stale: true });
    await preview.show({ ...BODY, config: { folder: '/b' } }, null, refuse);
    expect(request.mock.calls.map(([body]) => body.table)).toEqual([null, 'a']);
    expect(preview.state.stale).toBe(false);
  });

  it('drops an answer that another one has overtaken', async () => {
    let answer: (result: PreviewResult) => void = () => undefined;
    request.mockReturnValueOnce(new Promise(resolve => (answer = resolve)));
    request.mockResolvedValueOnce(resultOf('b'));
    const first = preview.show(BODY, 'a', refuse);
    await preview.show(BODY, 'b', refuse);
    answer(resultOf('a'));
    await first;
    expect(preview.state.result?.table).toBe('b');
  });

  it('leaves an error to its field, and shows others', async () => {
    request.mockRejectedValue(new Error('no'));
    refuse.mockReturnValueOnce(true).mockReturnValueOnce(false);
    await preview.show(BODY, null, refuse);
    expect(preview.state).toMatchObject({ running: false, problem: null });
    await preview.show(BODY, null, refuse);
    expect(preview.state.problem).not.toBeNull();
  });
});
