import { ServerConnection } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import { describe, expect, it } from 'vitest';

import { Pages } from '../pages';

const pages = new Pages(
  ServerConnection.makeSettings({ baseUrl: 'http://localhost:8888/user/ada/' }),
  nullTranslator.load('wb_labext')
);

describe('the resolver of a page', () => {
  const { resolveUrl, getDownloadUrl } = pages.resolver('developers/vocabulary.md');

  it('leads to files of the documentation', async () => {
    expect(await getDownloadUrl(await resolveUrl('../images/a b.png'))).toBe(
      'http://localhost:8888/user/ada/workbench/docs/images/a%20b.png'
    );
  });

  it('rejects what is outside of it', async () => {
    for (const url of ['../../CONTRIBUTING.md', '/etc/passwd']) {
      await expect(resolveUrl(url)).rejects.toThrow('not in the documentation');
    }
  });
});
