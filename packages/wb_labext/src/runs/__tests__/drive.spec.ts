import type { ServerConnection } from '@jupyterlab/services';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import {
  WorkbenchDrive,
  asRecord,
  attemptPath,
  isReadOnly,
  pipelineOf,
  pipelinePath,
  versionPath
} from '../drive';

const api = { notebook: vi.fn(), get: vi.fn(), version: vi.fn(), save: vi.fn() };
const local = (path: string): string => path.slice('workbench:'.length);
let drive: WorkbenchDrive;

const pipeline = {
  id: 'p1',
  name: 'nightly',
  head: 3,
  version: 5,
  updated_at: '2026-11-23T10:00:00Z',
  actions: ['pipeline.update']
};

beforeEach(() => {
  vi.resetAllMocks();
  drive = new WorkbenchDrive(api, {} as ServerConnection.ISettings, () => 'to read only');
});

describe('the drive', () => {
  it('distinguishes saved pipelines, which can be saved, from what is read-only', () => {
    expect(pipelineOf(pipelinePath(pipeline))).toBe('p1');
    expect(isReadOnly(pipelinePath(pipeline))).toBe(false);
    expect(isReadOnly(versionPath(pipeline, 2))).toBe(true);
    expect(isReadOnly(attemptPath('a1', 'a/b: c'))).toBe(true);
    expect(isReadOnly('nightly.pipeline.yaml')).toBe(false);
    expect(attemptPath('a1', 'a/b: c')).toBe('workbench:attempts/a1/a_b_ c.ipynb');
  });

  it('opens the newest version, and saves a new one with its folder', async () => {
    const path = local(pipelinePath(pipeline));
    api.get.mockResolvedValueOnce(pipeline);
    api.version.mockResolvedValueOnce({ text: 'name: nightly' });
    expect(await drive.get(path, { content: true })).toMatchObject({
      content: 'name: nightly',
      writable: true
    });
    expect(api.version).toHaveBeenCalledWith('p1', 3);
    api.save.mockResolvedValue({ ...pipeline, version: 6 });
    await drive.save(path, { content: 'name: daily' });
    const body = { text: 'name: daily', keep_files: true };
    expect(api.save).toHaveBeenLastCalledWith('p1', { ...body, version: 5 });
    // Lab fetches the file again without its content, which must not count as reading it.
    api.get.mockResolvedValueOnce({ ...pipeline, version: 9 });
    await drive.get(path, { content: false });
    await drive.save(path, { content: 'name: daily' });
    expect(api.save).toHaveBeenLastCalledWith('p1', { ...body, version: 6 });
  });

  it('refuses to save without the right, and to save an older version', async () => {
    api.get.mockResolvedValueOnce({ ...pipeline, actions: ['pipeline.see'] });
    api.version.mockResolvedValueOnce({ text: '' });
    expect((await drive.get('pipelines/p1/x', { content: true })).writable).toBe(false);
    await expect(drive.save('attempts/a1/x.ipynb', {})).rejects.toThrow('to read only');
    await expect(drive.delete()).rejects.toThrow('to read only');
  });

  it('returns a notebook as the contents API does, with read-only cells', () => {
    const record = asRecord({
      metadata: {},
      nbformat: 4,
      nbformat_minor: 5,
      cells: [
        {
          cell_type: 'code',
          metadata: { tags: ['x'] },
          execution_count: 1,
          source: ['a = 1\n', 'a'],
          outputs: [
            { output_type: 'stream', name: 'stdout', text: ['one\n', 'two\n'] },
            {
              output_type: 'display_data',
              metadata: {},
              data: { 'text/plain': ['x', 'y'], 'application/vnd.v5+json': ['kept', 'so'] }
            },
            { output_type: 'error', ename: 'E', evalue: '', traceback: ['l1', 'l2'] }
          ]
        }
      ]
    });
    const [cell] = record.cells;
    expect(cell.source).toBe('a = 1\na');
    expect(cell.metadata).toEqual({ tags: ['x'], editable: false, deletable: false });
    expect(cell.outputs).toMatchObject([
      { text: 'one\ntwo\n' },
      { data: { 'text/plain': 'xy', 'application/vnd.v5+json': ['kept', 'so'] } },
      { traceback: ['l1', 'l2'] }
    ]);
  });
});
