import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { NotebookActions } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';

import { notify } from './notify';
import { KERNEL } from './kernel';

/**
 * Inserts a code cell with this text into the current notebook, below its active cell. If there is no
 * current notebook, or none that can run `%%sql`, the cell goes into a new one. Doesn't run it.
 */
export async function insertCell(
  app: JupyterFrontEnd,
  tracker: INotebookTracker | null,
  text: string,
  trans: TranslationBundle
): Promise<void> {
  const current = tracker?.currentWidget ?? null;
  const shown = current && current === app.shell.currentWidget && current.content.model;
  if (shown && runsSql(current)) {
    // An empty cell is what the user would type into.
    if (!isEmpty(current)) {
      NotebookActions.insertBelow(current.content);
    }
    await showCell(app, current, text);
    return;
  }
  const specs = app.serviceManager.kernelspecs;
  await specs.ready;
  if (!specs.specs?.kernelspecs[KERNEL]) {
    notify(
      trans,
      'error',
      trans.__(
        'No kernel here can run the query: “Workbench Python” is not installed. Ask an administrator to install it.'
      )
    );
    return;
  }
  const panel = (await app.commands.execute('notebook:create-new', {
    kernelName: KERNEL,
    activate: true
  })) as NotebookPanel | undefined;
  if (!panel) {
    return;
  }
  await panel.revealed;
  await panel.context.ready;
  await showCell(app, panel, text);
  if (shown) {
    notify(trans, 'info', whyNew(current, trans), { autoClose: 8_000 });
  }
}

/** Whether cells of a notebook can run `%%sql`, once a kernel that is starting has started. */
function runsSql(panel: NotebookPanel): boolean {
  const { hasNoKernel, kernelDisplayName, kernelPreference, specsManager } = panel.sessionContext;
  const runs = hasNoKernel
    ? kernelPreference.name === KERNEL
    : kernelDisplayName === specsManager.specs?.kernelspecs[KERNEL]?.display_name;
  return runs && !panel.content.model?.readOnly;
}

function whyNew(panel: NotebookPanel, trans: TranslationBundle): string {
  const name = panel.title.label;
  const { session, kernelDisplayName } = panel.sessionContext;
  if (panel.content.model?.readOnly) {
    return trans.__('“%1” is read-only, so the query is in a new notebook.', name);
  }
  return session?.kernel
    ? trans.__(
        '“%1” uses the kernel “%2”, which has no %3. The query is in a new notebook.',
        name,
        kernelDisplayName,
        '%%sql'
      )
    : trans.__('“%1” has no kernel, so the query is in a new notebook.', name);
}

function isEmpty(panel: NotebookPanel): boolean {
  const model = panel.content.activeCell?.model;
  return model?.type === 'code' && model.sharedModel.getSource() === '';
}

async function showCell(app: JupyterFrontEnd, panel: NotebookPanel, text: string): Promise<void> {
  const notebook = panel.content;
  // New cells have the type of the user's choice.
  if (notebook.activeCell?.model.type !== 'code') {
    NotebookActions.changeCellType(notebook, 'code');
  }
  notebook.activeCell?.model.sharedModel.setSource(text);
  app.shell.activateById(panel.id);
  await notebook.scrollToItem(notebook.activeCellIndex);
  notebook.deselectAll();
  await NotebookActions.focusActiveCell(notebook);
}
