import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';

import type { ConnectionsModel, RowTest } from './model';
import type { Row } from './tree';

/** The class of rows that the context menu opens on. */
export const ROW_CLASS = 'wb-Row';

export interface Tools {
  model: ConnectionsModel;
  commands: CommandRegistry;
  trans: TranslationBundle;
}

export interface RowProps extends Tools {
  row: Row;
  active: boolean;
  selected: boolean;
  /** Whether a file is dragged over it that it takes. */
  dropping: boolean;
  test: RowTest | undefined;
  connectorTitle: string;
}
