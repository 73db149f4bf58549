import type { ICellModel } from '@jupyterlab/cells';
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { Notebook } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';

import type { IConnectionKinds } from '../connections/tokens';
import { isBehindMagic, languageOf } from './magic';

/** What is used of a notebook. */
export type INotebook = Pick<Notebook, 'model' | 'modelChanged' | 'disposed' | 'codeMimetype'>;

/** What is used of the editor's languages. */
export type ILanguages = Pick<IEditorLanguageRegistry, 'findBest' | 'getLanguage'>;

/**
 * Keeps the cells of a notebook that start with `%%sql` in SQL, in the dialect of their connection.
 *
 * The notebook gives all code cells the kernel's language: a cell when it comes in, all of them when
 * the kernel tells its language. Cells with the magic get SQL back as soon as that happens. The
 * language belongs to the cell's model, which exists before the cell is drawn; it isn't saved.
 */
export class SqlCells implements IDisposable {
  constructor(
    private readonly notebook: INotebook,
    private readonly languages: ILanguages | null,
    private readonly kinds: IConnectionKinds | null = null
  ) {
    notebook.disposed.connect(this.dispose, this);
    notebook.modelChanged.connect(this.watchModel, this);
    kinds?.changed.connect(this.checkAll, this);
    this.watchModel();
  }

  get isDisposed(): boolean {
    return this.disposed;
  }

  dispose(): void {
    this.disposed = true;
    Signal.clearData(this);
  }

  private watchModel(): void {
    const cells = this.notebook.model?.cells;
    if (!cells) {
      return;
    }
    for (const cell of cells) {
      this.watchCell(cell);
    }
    cells.changed.connect((_, change) => {
      if (change.type === 'add') {
        change.newValues.forEach(cell => this.watchCell(cell));
      }
    }, this);
  }

  /** Until the cell goes: another type of cell, and a cell that comes back, have a new model. */
  private watchCell(cell: ICellModel): void {
    if (cell.type !== 'code') {
      return;
    }
    cell.mimeTypeChanged.connect(() => this.check(cell), this);
    cell.sharedModel.changed.connect((_, { sourceChange }) => {
      if (sourceChange && !isBehindMagic(sourceChange)) {
        this.check(cell);
      }
    }, this);
    this.check(cell);
  }

  private checkAll(): void {
    for (const cell of this.notebook.model?.cells ?? []) {
      if (this.ours.has(cell)) {
        this.check(cell);
      }
    }
  }

  private check(cell: ICellModel): void {
    const language = languageOf(cell.sharedModel.getSource(), name => this.kinds?.languageOf(name));
    if (language) {
      this.ours.set(cell, language);
      this.setLanguage(cell, language);
      return;
    }
    const before = this.ours.get(cell);
    this.ours.delete(cell);
    if (before && cell.mimeType === before) {
      this.setLanguage(cell, this.notebook.codeMimetype);
    }
  }

  private setLanguage(cell: ICellModel, mimeType: string): void {
    const before = cell.mimeType;
    if (before === mimeType) {
      return;
    }
    cell.mimeType = mimeType;

    // The first use of a language loads it, and an editor shows what has come last. If the language
    // before is still on its way, the editor must be told again when it is here.
    const languages = this.languages;
    if (!languages || languages.findBest(before)?.support) {
      return;
    }
    languages.getLanguage(before).then(
      language => {
        if (language?.support && !cell.isDisposed && cell.mimeType === mimeType) {
          cell.mimeType = before;
          cell.mimeType = mimeType;
        }
      },
      () => undefined // The editor reports it.
    );
  }

  private disposed = false;

  /** The cells with their SQL from here, and which; another extension may have reasons of its own. */
  private readonly ours = new WeakMap<ICellModel, string>();
}
