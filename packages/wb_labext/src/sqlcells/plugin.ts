import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { INotebookTracker } from '@jupyterlab/notebook';

import { SqlCells } from './cells';

/** SQL looks like SQL in cells that start with `%%sql`. */
export const sqlCellsPlugin: JupyterFrontEndPlugin<void> = {
  id: '@workbench/labext:sql-cells',
  description: 'Highlights notebook cells that start with %%sql as SQL.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [IEditorLanguageRegistry],
  activate: (
    _: JupyterFrontEnd,
    tracker: INotebookTracker,
    languages: IEditorLanguageRegistry | null
  ): void => {
    const watch = ({ content }: { content: SqlCells['notebook'] }) =>
      new SqlCells(content, languages);
    tracker.forEach(watch);
    tracker.widgetAdded.connect((_, panel) => void watch(panel));
  }
};
