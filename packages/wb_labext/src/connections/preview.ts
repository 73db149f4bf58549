import type { TranslationBundle } from '@jupyterlab/translation';
import type { JSONObject } from '@lumino/coreutils';
import { JSONExt } from '@lumino/coreutils';

import type { ConnectionPreview, PreviewResult } from '../api/types';
import { errorMessage } from '../ui/errors';
import { StateModel } from '../ui/statemodel';

export interface PreviewState {
  running: boolean;
  result: PreviewResult | null;
  /** Why the settings can't be used. */
  problem: string | null;
  /** Whether the settings have changed since. */
  stale: boolean;
}

const NOTHING: PreviewState = { running: false, result: null, problem: null, stale: false };

/** The first rows of a table, as a form's settings read them. */
export class PreviewModel extends StateModel<PreviewState> {
  constructor(
    private readonly request: (body: ConnectionPreview) => Promise<PreviewResult>,
    private readonly trans: TranslationBundle
  ) {
    super(NOTHING);
  }

  /**
   * Asks for the rows.
   *
   * @param table - the table; the one shown before if left out
   * @param refuse - shows an error at its field, if it has one
   */
  async show(
    body: ConnectionPreview,
    table: string | null,
    refuse: (error: unknown) => boolean
  ): Promise<void> {
    const asked = ++this.asked;
    this.config = body.config as JSONObject;
    this.set({ running: true, problem: null, stale: false });
    let state: Partial<PreviewState>;
    try {
      this.table = table ?? this.table;
      const result = await this.request({ ...body, table: this.table });
      this.table = result.table ?? this.table;
      state = { result };
    } catch (error) {
      const said = asked === this.asked && refuse(error);
      state = { stale: true, problem: said ? null : errorMessage(error, this.trans) };
    }
    // An answer that was overtaken by another request is of no use.
    if (asked === this.asked) {
      this.set({ ...state, running: false });
    }
  }

  /** Notes that the settings are other ones now. */
  settingsAre(config: JSONObject): void {
    if (this.config !== null) {
      this.set({ stale: !JSONExt.deepEqual(config, this.config) });
    }
  }

  /** Forgets what was shown: the settings are of another connector. */
  forget(): void {
    this.asked++;
    this.config = this.table = null;
    this.set(NOTHING);
  }

  private asked = 0;
  private config: JSONObject | null = null;
  private table: string | null = null;
}
