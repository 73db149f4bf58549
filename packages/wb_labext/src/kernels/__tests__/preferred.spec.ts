import { describe, expect, it } from 'vitest';

import { preferredKernel } from '../preferred';

const SPECS = {
  python3: { language: 'python' },
  'workbench-python': { language: 'python' },
  ir: { language: 'R' }
};

function preferred(
  kernelPreference: { name?: string; language?: string },
  change: { session?: object; kernelspecs?: object } = {}
): string | null {
  const { session = null, kernelspecs = SPECS } = change;
  return preferredKernel({
    session,
    kernelPreference,
    specsManager: { specs: { default: 'python3', kernelspecs } }
  } as never);
}

describe('the kernel that a dialog preselects', () => {
  it('is the Workbench’s for new documents and for unknown kernels', () => {
    expect(preferred({})).toBe('workbench-python');
    expect(preferred({ name: 'conda-env', language: 'python' })).toBe('workbench-python');
  });

  it('is the document’s own if there is one', () => {
    expect(preferred({ name: 'python3', language: 'python' })).toBeNull();
    expect(preferred({}, { session: { kernel: { name: 'ir' } } })).toBeNull();
  });

  it('is not the Workbench’s for another language, or where it is missing', () => {
    expect(preferred({ language: 'R' })).toBeNull();
    expect(preferred({}, { kernelspecs: { ir: SPECS.ir } })).toBeNull();
  });
});
