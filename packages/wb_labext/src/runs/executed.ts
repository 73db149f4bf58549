import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { WidgetTracker } from '@jupyterlab/apputils';
import type { IEditorServices } from '@jupyterlab/codeeditor';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { INotebookModel, NotebookPanel } from '@jupyterlab/notebook';
import { NotebookWidgetFactory } from '@jupyterlab/notebook';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import { notebookIcon } from '@jupyterlab/ui-components';

import { attemptPath } from './drive';

/** The name of the factory that shows executed notebooks. */
export const FACTORY = 'Executed Notebook';

/** Lab's own class of outputs; a cell's error is its last one. */
const OUTPUT_CLASS = 'jp-OutputArea-output';

export interface ExecutedOptions {
  app: JupyterFrontEnd;
  documents: IDocumentManager;
  rendermime: IRenderMimeRegistry;
  contentFactory: NotebookPanel.IContentFactory;
  editorServices: IEditorServices;
  restorer: ILayoutRestorer | null;
  trans: TranslationBundle;
}

/** The place of the first cell that failed; null where none did. */
export function failedCell(model: INotebookModel): number | null {
  for (let index = 0; index < model.cells.length; index++) {
    const cell = model.cells.get(index).toJSON();
    const outputs = Array.isArray(cell.outputs) ? (cell.outputs as { output_type?: string }[]) : [];
    if (outputs.some(output => output.output_type === 'error')) {
      return index;
    }
  }
  return null;
}

/**
 * Shows the executed notebook of an attempt by Lab's own notebook: without a kernel, and not to be
 * changed.
 *
 * A factory and a tracker of its own keep it apart from notebooks: commands that run or change cells
 * don't see it.
 */
export class ExecutedNotebooks {
  constructor(private readonly options: ExecutedOptions) {
    const { app, documents, rendermime, contentFactory, editorServices, restorer, trans } = options;
    const factory = new NotebookWidgetFactory({
      name: FACTORY,
      label: trans.__('Executed Notebook'),
      fileTypes: [],
      modelName: 'notebook',
      preferKernel: false,
      canStartKernel: false,
      autoStartDefault: false,
      readOnly: true,
      rendermime,
      contentFactory,
      mimeTypeService: editorServices.mimeTypeService
    });
    app.docRegistry.addWidgetFactory(factory);
    const tracker = new WidgetTracker<NotebookPanel>({ namespace: 'workbench-executed' });
    factory.widgetCreated.connect((_, panel) => {
      panel.addClass('wb-Executed');
      panel.node.dataset.testid = 'wb-executed';
      panel.title.icon = notebookIcon;
      panel.title.caption = trans.__('As it was executed; it can’t be changed here');
      void tracker.add(panel);
      void panel.context.ready.then(() => this.showFailure(panel));
    });
    if (restorer) {
      void restorer.restore(tracker, {
        command: 'docmanager:open',
        args: panel => ({ path: panel.context.path, factory: FACTORY }),
        name: panel => panel.context.path
      });
    }
    this.find = path => documents.findWidget(path, FACTORY) as NotebookPanel | undefined;
  }

  /** Opens it, or brings it up to date where it is open. */
  async open(attempt: string, title: string): Promise<void> {
    const path = attemptPath(attempt, title);
    const { app, documents } = this.options;
    const open = this.find(path);
    if (open) {
      app.shell.activateById(open.id);
      await open.context.revert();
      await this.showFailure(open);
    } else {
      documents.openOrReveal(path, FACTORY);
    }
  }

  /** Scrolls to the cell that failed. */
  private async showFailure(panel: NotebookPanel): Promise<void> {
    await panel.revealed;
    const { model } = panel.content;
    const index = model && failedCell(model);
    if (index !== null && index !== undefined) {
      panel.content.activeCellIndex = index;
      await panel.content.scrollToItem(index, 'start');
      // A long cell's error lies far below its start.
      const outputs = panel.content.widgets[index].node.getElementsByClassName(OUTPUT_CLASS);
      outputs.item(outputs.length - 1)?.scrollIntoView({ block: 'end' });
    }
  }

  private readonly find: (path: string) => NotebookPanel | undefined;
}
