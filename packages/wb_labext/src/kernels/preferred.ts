import type { ISessionContext } from '@jupyterlab/apputils';

import { KERNEL } from '../ui/kernel';

/** The Workbench's kernel, unless a document runs in or asks for another one that is offered here. */
export function preferredKernel(
  context: Pick<ISessionContext, 'session' | 'kernelPreference' | 'specsManager'>
): string | null {
  const { language, name } = context.kernelPreference;
  const specs = context.specsManager.specs?.kernelspecs ?? {};
  const other = context.session?.kernel || (name && specs[name]);
  const mine = specs[KERNEL];
  return !other && mine && (!language || language === mine.language) ? KERNEL : null;
}
