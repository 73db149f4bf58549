import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';

/** What is known about the sources of connections. */
export interface IConnectionKinds {
  /** The editor language of a connection's SQL; undefined until it is known. A call fetches it. */
  languageOf(name: string): string | undefined;
  /** Signalled when an answer may have changed. */
  readonly changed: ISignal<unknown, void>;
}

export const IConnectionKinds = new Token<IConnectionKinds>(
  '@workbench/labext:IConnectionKinds',
  'The language of a connection’s SQL, by its name: for editors that show it.'
);
