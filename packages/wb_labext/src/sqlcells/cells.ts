import type { ICellModel } from '@jupyterlab/cells';
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { Notebook } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';

import type { IConnectionKinds } from '../connections/tokens';
import { isBehindMagic, languageOf } from './magic';

/** The parts of a notebook that are used here. */
export type INotebook = Pick<Notebook, 'model' | 'modelChanged' | 'disposed' | 'codeMimetype'>;

/** The parts of the language registry that are used here. */
export type ILanguages = Pick<IEditorLanguageRegistry, 'findBest' | 'getLanguage'>;

/**
 * Highlights the cells of a notebook that start with `%%sql` as SQL, in their connection's dialect.
 *
 * The notebook gives all code cells the kernel's language: each cell when it is added, and all of them
 * when the kernel reports its language. Cells with the magic get SQL back as soon as that happens. The
 * language belongs to the cell's model, which exists before the cell is rendered; it isn't saved.
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

  /** Lasts until the cell is removed: a changed cell type or a restored cell has a new model. */
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

    // The first use of a language loads it, and an editor shows the one that loaded last. If the
    // previous language is still loading, the editor must be set again once it has loaded.
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
      () => undefined // the editor reports the error
    );
  }

  private disposed = false;

  /** The cells that got SQL from here, and which; other extensions may set a language too. */
  private readonly ours = new WeakMap<ICellModel, string>();
}
