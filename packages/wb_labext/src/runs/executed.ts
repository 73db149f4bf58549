import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { WidgetTracker } from '@jupyterlab/apputils';
import type { IEditorServices } from '@jupyterlab/codeeditor';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import { isCodeCellModel } from '@jupyterlab/cells';
import type * as nbformat from '@jupyterlab/nbformat';
import type { INotebookModel, NotebookPanel } from '@jupyterlab/notebook';
import { NotebookWidgetFactory, StaticNotebook } from '@jupyterlab/notebook';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import { notebookIcon } from '@jupyterlab/ui-components';
import { JSONExt } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';

import { asRecord, attemptPath } from './drive';

/** The name of the factory that shows executed notebooks. */
export const FACTORY = 'Executed Notebook';

/** Lab's class of outputs; a cell's error is its last output. */
const OUTPUT_CLASS = 'jp-OutputArea-output';

/** A cell that has not moved for this many frames counts as laid out. */
const STILL_FRAMES = 10;
/** After this many frames, a few seconds, the user may have started to read. */
const MOST_FRAMES = 180;

/** The shortest interval for fetching a running attempt's notebook, in milliseconds; it grows over time. */
const FOLLOW_LEAST = 1_000;
const FOLLOW_MOST = 10_000;

/** An attempt whose notebook is shown. */
export interface ExecutedAttempt {
  id: string;
  title: string;
  /** Whether it has ended by now. */
  ended: () => Promise<boolean>;
}

export interface ExecutedOptions {
  /** Signalled when something about a run may have changed. */
  changed: ISignal<unknown, void>;
  notebook: (attempt: string) => Promise<nbformat.INotebookContent>;
  app: JupyterFrontEnd;
  documents: IDocumentManager;
  rendermime: IRenderMimeRegistry;
  contentFactory: NotebookPanel.IContentFactory;
  editorServices: IEditorServices;
  restorer: ILayoutRestorer | null;
  trans: TranslationBundle;
}

/** The index of the first cell that failed; null if none did. */
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
 * Adds new outputs to an open notebook in place, so that the reader keeps their position. False if the
 * cells are not the same.
 */
export function bringUpToDate(model: INotebookModel, content: nbformat.INotebookContent): boolean {
  const same = content.cells.every(
    (cell, index) => model.cells.get(index)?.id === (cell as { id?: string }).id
  );
  if (!same || model.cells.length !== content.cells.length) {
    return false;
  }
  content.cells.forEach((cell, index) => {
    const known = model.cells.get(index);
    if (isCodeCellModel(known)) {
      const outputs = cell.outputs as nbformat.IOutput[];
      if (!JSONExt.deepEqual(known.outputs.toJSON(), outputs)) {
        known.outputs.fromJSON(outputs);
      }
      known.executionCount = cell.execution_count as nbformat.ExecutionCount;
    }
  });
  model.dirty = false;
  return true;
}

/**
 * Shows the executed notebook of an attempt in Lab's own notebook widget: without a kernel, and
 * read-only.
 *
 * A separate factory and tracker hide it from commands that run or change cells.
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
      // Render all cells up front, so that none is inserted while scrolling.
      notebookConfig: { ...StaticNotebook.defaultNotebookConfig, windowingMode: 'none' },
      mimeTypeService: editorServices.mimeTypeService
    });
    app.docRegistry.addWidgetFactory(factory);
    const tracker = new WidgetTracker<NotebookPanel>({ namespace: 'workbench-executed' });
    factory.widgetCreated.connect((_, panel) => {
      panel.addClass('wb-Executed');
      panel.node.dataset.testid = 'wb-executed';
      panel.title.icon = notebookIcon;
      panel.title.caption = trans.__('As it was executed; read-only');
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

  /** Opens it, or updates it if it is open, and follows it until the attempt ends. */
  async open(attempt: ExecutedAttempt): Promise<void> {
    const path = attemptPath(attempt.id, attempt.title);
    const { app, documents } = this.options;
    const open = this.find(path);
    if (open) {
      app.shell.activateById(open.id);
      await open.context.revert();
      await this.showFailure(open);
    } else {
      documents.openOrReveal(path, FACTORY);
    }
    const panel = this.find(path);
    if (panel && !this.followed.has(path) && !(await attempt.ended())) {
      this.follow(path, panel, attempt);
    }
  }

  private follow(path: string, panel: NotebookPanel, attempt: ExecutedAttempt): void {
    const { changed, notebook } = this.options;
    const began = Date.now();
    let waiting = false;
    const look = async (): Promise<void> => {
      // What it shows after its end is final.
      const ended = await attempt.ended();
      await panel.context.ready;
      const content = asRecord(await notebook(attempt.id));
      if (panel.isDisposed || !panel.content.model) {
        return;
      }
      if (!bringUpToDate(panel.content.model, content)) {
        await panel.context.revert();
      }
      if (ended) {
        stop();
        await this.showFailure(panel);
      }
    };
    const onChanged = (): void => {
      if (!waiting) {
        waiting = true;
        setTimeout(
          () => {
            waiting = false;
            // The next change tries again.
            void look().catch(() => undefined);
          },
          Math.min(FOLLOW_MOST, Math.max(FOLLOW_LEAST, (Date.now() - began) / 10))
        );
      }
    };
    const stop = (): void => {
      changed.disconnect(onChanged);
      this.followed.delete(path);
    };
    this.followed.add(path);
    changed.connect(onChanged);
    panel.disposed.connect(stop);
    onChanged();
  }

  /** Scrolls to the end of the cell that failed, which has the error. */
  private async showFailure(panel: NotebookPanel): Promise<void> {
    await panel.revealed;
    const { content } = panel;
    const index = content.model && failedCell(content.model);
    if (index === null || index === undefined) {
      return;
    }
    content.activeCellIndex = index;
    // Cells are rendered one after the other, and those above move this one away again.
    let still = 0;
    for (let frame = 0; frame < MOST_FRAMES && still < STILL_FRAMES; frame++) {
      await new Promise(requestAnimationFrame);
      const cell = panel.isDisposed ? undefined : content.widgets.at(index);
      if (!cell) {
        return;
      }
      const outputs = cell.node.getElementsByClassName(OUTPUT_CLASS);
      const last = outputs.item(outputs.length - 1);
      const before = last?.getBoundingClientRect().bottom;
      (last ?? cell.node).scrollIntoView({ block: 'end' });
      still = last && before === last.getBoundingClientRect().bottom ? still + 1 : 0;
    }
  }

  private readonly followed = new Set<string>();
  private readonly find: (path: string) => NotebookPanel | undefined;
}
