import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';

/** What kind of source each connection leads to. */
export interface IConnectionKinds {
  /** The connector of a connection; undefined until it is known. Asking fetches it. */
  connectorOf(name: string): string | undefined;
  /** Something may have another answer now. */
  readonly changed: ISignal<unknown, void>;
}

export const IConnectionKinds = new Token<IConnectionKinds>(
  '@workbench/labext:IConnectionKinds',
  'Which connector a connection has, by its name: for editors that show its dialect of SQL.'
);
