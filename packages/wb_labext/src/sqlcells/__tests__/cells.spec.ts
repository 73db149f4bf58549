import type { ISharedCell } from '@jupyter/ydoc';
import { YNotebook } from '@jupyter/ydoc';
import { CodeEditor } from '@jupyterlab/codeeditor/lib/editor';
import { Signal } from '@lumino/signaling';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import type { IConnectionKinds } from '../../connections/tokens';
import type { ILanguages, INotebook } from '../cells';

const SQL = 'text/x-sql';
import { SqlCells } from '../cells';

// ydoc reads the text of a new cell before the cell is in a document, which Yjs warns about.
vi.spyOn(console, 'warn').mockImplementation(() => undefined);

const PYTHON = 'text/x-ipython';
const R = 'text/x-rsrc';
const QUERY = "%%sql sample\nSELECT 'it''s'";

/** A cell's model, with JupyterLab's own shared model and language handling. */
class Cell extends CodeEditor.Model {
  constructor(readonly cell: ISharedCell) {
    super({ sharedModel: cell });
    cell.disposed.connect(() => this.dispose());
  }

  get type(): string {
    return this.cell.cell_type;
  }
}

/**
 * The widget `Notebook`, as far as languages go: JupyterLab's needs a browser. The models of cells
 * come and go with the shared cells, and each new code cell gets the code's language.
 */
class FakeNotebook {
  readonly shared = new YNotebook();
  readonly modelChanged = new Signal<this, void>(this);
  readonly disposed = new Signal<this, void>(this);
  readonly list: Cell[] = [];
  readonly changed = new Signal<this, object>(this);
  codeMimetype = PYTHON;

  constructor(...sources: string[]) {
    this.shared.changed.connect((_, { cellsChange }) => {
      let index = 0;
      for (const { retain, insert, delete: deleted } of cellsChange ?? []) {
        index += retain ?? 0;
        this.list.splice(index, deleted ?? 0);
        if (insert) {
          const newValues = insert.map(cell => new Cell(cell));
          this.list.splice(index, 0, ...newValues);
          index += insert.length;
          newValues.forEach(cell => this.greet(cell));
          this.changed.emit({ type: 'add', newValues });
        } else if (deleted) {
          this.changed.emit({ type: 'remove', newValues: [] });
        }
      }
    });
    sources.forEach((source, index) => this.insert(index, source));
  }

  get model(): object {
    return { cells: Object.assign([...this.list], { changed: this.changed }) };
  }

  insert(index: number, source: string, cell_type = 'code'): void {
    this.shared.insertCell(index, { cell_type, source });
  }

  setCodeMimetype(mimeType: string): void {
    this.codeMimetype = mimeType;
    this.list.forEach(cell => this.greet(cell));
  }

  get languages(): string[] {
    return this.list.map(cell => cell.mimeType);
  }

  private greet(cell: Cell): void {
    if (cell.type === 'code') {
      cell.mimeType = this.codeMimetype;
    }
  }
}

function watch(
  notebook: FakeNotebook,
  languages: ILanguages | null = null,
  kinds: IConnectionKinds | null = null
): SqlCells {
  return new SqlCells(notebook as unknown as INotebook, languages, kinds);
}

describe('SqlCells', () => {
  let notebook: FakeNotebook;
  let cells: SqlCells;

  beforeEach(() => {
    notebook = new FakeNotebook('import wb', QUERY, '%sql SELECT 1');
    cells = watch(notebook);
  });

  it('finds existing cells', () => {
    expect(notebook.languages).toEqual([PYTHON, SQL, PYTHON]);
  });

  it('follows typing', () => {
    const { cell } = notebook.list[0];
    const seen = ['%%sq', '%%sql', '%%sqli', '%%sql ', '%%sql s\nSELECT 1'].map(source => {
      cell.setSource(source);
      return notebook.languages[0];
    });
    expect(seen).toEqual([PYTHON, SQL, PYTHON, SQL, SQL]);
    cell.updateSource(0, 1, '');
    expect(notebook.languages[0]).toBe(PYTHON);
    cell.updateSource(0, 0, '%');
    expect(notebook.languages[0]).toBe(SQL);
  });

  it('follows undo and redo', () => {
    const { cell } = notebook.list[1];
    cell.clearUndoHistory();
    cell.setSource('x = 1');
    expect(notebook.languages[1]).toBe(PYTHON);
    cell.undo();
    expect(notebook.languages[1]).toBe(SQL);
    cell.redo();
    expect(notebook.languages[1]).toBe(PYTHON);
  });

  it("doesn't read the text when only what follows the magic changes", () => {
    const { cell } = notebook.list[1];
    const read = vi.spyOn(cell, 'getSource');
    cell.setSource(`${QUERY}\n${' '.repeat(80)}`);
    read.mockClear();
    cell.updateSource(80, 80, 'x');
    expect(read).not.toHaveBeenCalled();
  });

  it('finds cells that are inserted, pasted or restored', () => {
    notebook.insert(1, QUERY);
    expect(notebook.languages).toEqual([PYTHON, SQL, SQL, PYTHON]);
    notebook.shared.clearUndoHistory();
    notebook.shared.deleteCell(1);
    expect(notebook.languages).toEqual([PYTHON, SQL, PYTHON]);
    notebook.shared.undo();
    expect(notebook.languages).toEqual([PYTHON, SQL, SQL, PYTHON]);
    notebook.list[1].cell.setSource('x');
    expect(notebook.languages).toEqual([PYTHON, PYTHON, SQL, PYTHON]);
  });

  it('leaves cells alone that aren’t code', () => {
    notebook.insert(0, QUERY, 'markdown');
    notebook.insert(1, QUERY, 'raw');
    expect(notebook.languages.slice(0, 2)).toEqual(['text/plain', 'text/plain']);
  });

  it('survives a kernel that reports its language', () => {
    notebook.setCodeMimetype(R);
    expect(notebook.languages).toEqual([R, SQL, R]);
    notebook.list[1].cell.setSource('x <- 1');
    expect(notebook.languages).toEqual([R, R, R]);
  });

  it('leaves SQL alone that it did not set', () => {
    notebook.list[0].mimeType = SQL;
    notebook.list[0].cell.setSource('%%duckdb\nSELECT 1');
    expect(notebook.languages[0]).toBe(SQL);
  });

  it('agrees with a second view of the notebook', () => {
    watch(notebook);
    notebook.list[1].cell.setSource('x = 1');
    notebook.list[0].cell.setSource(QUERY);
    expect(notebook.languages).toEqual([SQL, PYTHON, PYTHON]);
    cells.dispose();
    notebook.list[0].cell.setSource('x = 1');
    expect(notebook.languages).toEqual([PYTHON, PYTHON, PYTHON]);
  });

  it("shows the dialect of a cell's connection, when that is known", () => {
    const known = new Map<string, string>();
    const changed = new Signal<object, void>({});
    const fresh = new FakeNotebook('%%sql shop\nSELECT `a b` # all', QUERY, 'x = 1');
    const kinds = watch(fresh, null, { languageOf: name => known.get(name), changed });
    expect(fresh.languages).toEqual([SQL, SQL, PYTHON]);

    known.set('shop', 'text/x-mysql');
    changed.emit();
    expect(fresh.languages).toEqual(['text/x-mysql', SQL, PYTHON]);

    const { cell } = fresh.list[0];
    cell.updateSource(6, 10, 'other');
    expect(fresh.languages[0]).toBe(SQL);
    cell.updateSource(6, 11, 'shop');
    expect(fresh.languages[0]).toBe('text/x-mysql');
    cell.setSource('y = 2');
    expect(fresh.languages[0]).toBe(PYTHON);

    kinds.dispose();
    cell.setSource('%%sql shop');
    changed.emit();
    expect(fresh.languages[0]).toBe(PYTHON);
  });

  it('follows a new model', () => {
    notebook.list.push(
      new Cell(notebook.shared.insertCell(3, { cell_type: 'code', source: QUERY }))
    );
    notebook.modelChanged.emit();
    expect(notebook.languages.at(-1)).toBe(SQL);
  });

  it('changes nothing that is saved', () => {
    const fresh = new FakeNotebook('import wb', QUERY);
    const before = JSON.stringify(fresh.shared.toJSON());
    fresh.shared.dirty = false;
    const changed = vi.fn();
    fresh.shared.changed.connect(changed);
    watch(fresh);
    fresh.setCodeMimetype(R);
    expect(fresh.languages).toEqual([R, SQL]);
    expect(changed).not.toHaveBeenCalled();
    expect(fresh.shared.dirty).toBe(false);
    expect(JSON.stringify(fresh.shared.toJSON())).toBe(before);
  });

  it('ends with the notebook', () => {
    notebook.disposed.emit();
    expect(cells.isDisposed).toBe(true);
    notebook.list[0].cell.setSource(QUERY);
    notebook.insert(0, QUERY);
    expect(notebook.languages).toEqual([PYTHON, PYTHON, SQL, PYTHON]);
  });

  it('wins if the previous language is slow to load', async () => {
    let support: unknown;
    let arrive = (): void => undefined;
    const python = new Promise<object>(resolve => {
      arrive = () => {
        support = {};
        resolve({ support });
      };
    });
    const languages = {
      findBest: (mimeType: string) => ({ support: mimeType === PYTHON ? support : {} }),
      getLanguage: (mimeType: string) => (mimeType === PYTHON ? python : Promise.resolve({}))
    } as unknown as ILanguages;

    // Like JupyterLab's editor, it shows what loaded last.
    const fresh = new FakeNotebook(QUERY);
    let shown = '';
    const show = async (): Promise<void> => {
      const { mimeType } = fresh.list[0];
      await languages.getLanguage(mimeType);
      shown = mimeType;
    };
    fresh.list[0].mimeTypeChanged.connect(() => void show());
    void show();
    watch(fresh, languages);
    await vi.waitFor(() => expect(shown).toBe(SQL));
    arrive();
    await python;
    await new Promise(resolve => setTimeout(resolve));
    expect(shown).toBe(SQL);
    expect(fresh.languages).toEqual([SQL]);
  });
});
