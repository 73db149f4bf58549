import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ISessionContextDialogs } from '@jupyterlab/apputils';

import { preferredKernel } from './preferred';

/**
 * Preselects the Workbench's kernel where JupyterLab asks for one. Of several kernels it would preselect
 * the first by name.
 */
export const kernelsPlugin: JupyterFrontEndPlugin<void> = {
  id: '@workbench/labext:kernels',
  description: 'Preselects the kernel that has %%sql, in notebooks and consoles.',
  autoStart: true,
  optional: [ISessionContextDialogs],
  activate: (_app: JupyterFrontEnd, dialogs: ISessionContextDialogs | null): void => {
    if (!dialogs) {
      return;
    }
    const ask = dialogs.selectKernel.bind(dialogs);
    dialogs.selectKernel = async context => {
      const preferred = preferredKernel(context);
      if (!preferred) {
        return ask(context);
      }
      const { name } = context.kernelPreference;
      context.kernelPreference = { ...context.kernelPreference, name: preferred };
      await ask(context);
      if (context.hasNoKernel) {
        context.kernelPreference = { ...context.kernelPreference, name };
      }
    };
  }
};
