import { describe, expect, it } from 'vitest';

import { anchor, target } from '../links';

describe('the links of a page', () => {
  it('lead to files below the documentation', () => {
    expect(target('', 'runs.md#states')).toBe('runs.md');
    expect(target('developers', '../images/workbench.png')).toBe('images/workbench.png');
    expect(target('developers', './vocabulary.md')).toBe('developers/vocabulary.md');
  });

  it('lead nowhere else', () => {
    for (const url of ['../SECURITY.md', '/etc/passwd', 'https://example.org/x.md', 'mailto:a@b']) {
      expect(target('', url)).toBeNull();
    }
    expect(target('developers', '../../deploy/locks/README.md')).toBeNull();
  });

  it('name headings as the pages do', () => {
    expect(anchor('From Python: import wb')).toBe('from-python-import-wb');
    expect(anchor('JWTs of an issuer')).toBe('jwts-of-an-issuer');
    expect(anchor('What SQL runs and what is refused')).toBe('what-sql-runs-and-what-is-refused');
  });
});
