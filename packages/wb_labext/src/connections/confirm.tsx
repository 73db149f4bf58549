import { Dialog, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { ConnectionView, Dependent } from '../api/types';
import { ownerWords } from '../sharing/words';

/** How many pipelines are named; of more, the number is given. */
const NAMED = 10;

/** Asks whether to delete a connection that pipelines use, and names them. */
export async function confirmDelete(
  connection: ConnectionView,
  dependents: readonly Dependent[],
  trans: TranslationBundle
): Promise<boolean> {
  if (dependents.length === 0) {
    return true;
  }
  const more = dependents.length - NAMED;
  const { button } = await showDialog({
    title: trans.__('Delete connection “%1”?', connection.name),
    body: (
      <div data-testid="wb-delete-dependents">
        <p>
          {trans._n(
            'A pipeline uses it, and will fail without it:',
            '%1 pipelines use it, and will fail without it:',
            dependents.length
          )}
        </p>
        <ul>
          {dependents.slice(0, NAMED).map(({ id, name, owner }) => (
            <li key={id}>
              {name} <span className="wb-Row-muted">· {ownerWords(owner, trans)}</span>
            </li>
          ))}
        </ul>
        {more > 0 && <p>{trans._n('and one more', 'and %1 more', more)}</p>}
      </div>
    ),
    defaultButton: 0,
    buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Delete') })]
  });
  return button.accept;
}
