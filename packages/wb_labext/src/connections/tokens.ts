import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';

/** What is known of the sources that connections lead to. */
export interface IConnectionKinds {
  /** The language of a connection's SQL in an editor; undefined until it is known. Asking fetches it. */
  languageOf(name: string): string | undefined;
  /** Something may have another answer now. */
  readonly changed: ISignal<unknown, void>;
}

export const IConnectionKinds = new Token<IConnectionKinds>(
  '@workbench/labext:IConnectionKinds',
  'The language of the SQL of a connection, by its name: for editors that show it.'
);
