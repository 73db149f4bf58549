import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { NotebookActions } from '@jupyterlab/notebook';

/** The kernel that has `%%sql` from the start. */
export const KERNEL = 'workbench-python';

/**
 * Inserts a code cell with this text into the current notebook, below its active cell, or into a new
 * notebook if there is none. Doesn't run it.
 */
export async function insertCell(
  app: JupyterFrontEnd,
  tracker: INotebookTracker | null,
  text: string
): Promise<void> {
  const current = tracker?.currentWidget ?? null;
  if (current && current === app.shell.currentWidget && current.content.model) {
    NotebookActions.insertBelow(current.content);
    await showCell(app, current, text);
    return;
  }
  const specs = app.serviceManager.kernelspecs;
  await specs.ready;
  // Without the Workbench's kernel, JupyterLab asks which one to use.
  const kernelName = specs.specs?.kernelspecs[KERNEL] ? KERNEL : undefined;
  const panel = (await app.commands.execute('notebook:create-new', {
    ...(kernelName ? { kernelName } : {}),
    activate: true
  })) as NotebookPanel | undefined;
  if (!panel) {
    return;
  }
  await panel.revealed;
  await panel.context.ready;
  await showCell(app, panel, text);
}

async function showCell(app: JupyterFrontEnd, panel: NotebookPanel, text: string): Promise<void> {
  const notebook = panel.content;
  notebook.activeCell?.model.sharedModel.setSource(text);
  app.shell.activateById(panel.id);
  await notebook.scrollToItem(notebook.activeCellIndex);
  notebook.deselectAll();
  await NotebookActions.focusActiveCell(notebook);
}
