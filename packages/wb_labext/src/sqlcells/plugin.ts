import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { INotebookTracker } from '@jupyterlab/notebook';

import { IConnectionKinds } from '../connections/tokens';
import { SqlCells } from './cells';

/** Highlights cells that start with `%%sql` as SQL, in the dialect of their connection. */
export const sqlCellsPlugin: JupyterFrontEndPlugin<void> = {
  id: '@workbench/labext:sql-cells',
  description: 'Highlights notebook cells that start with %%sql as SQL.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [IEditorLanguageRegistry, IConnectionKinds],
  activate: (
    _: JupyterFrontEnd,
    tracker: INotebookTracker,
    languages: IEditorLanguageRegistry | null,
    kinds: IConnectionKinds | null
  ): void => {
    const watch = ({ content }: { content: SqlCells['notebook'] }) =>
      new SqlCells(content, languages, kinds);
    tracker.forEach(watch);
    tracker.widgetAdded.connect((_, panel) => void watch(panel));
  }
};
