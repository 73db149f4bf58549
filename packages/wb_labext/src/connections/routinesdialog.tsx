import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { ConnectionView } from '../api/types';
import { focusWhenThere } from '../ui/focus';
import { openForm } from '../ui/formdialog';
import { FormFrame } from '../ui/formparts';
import { useModelState } from '../ui/signal';
import type { ConnectionsModel } from './model';
import { RoutinesModel } from './routines';

const FIELD_ID = 'wb-routines';

/** Opens the dialog for the functions and procedures that a connection's owner allows. */
export async function openRoutinesDialog(
  model: ConnectionsModel,
  trans: TranslationBundle,
  connection: ConnectionView
): Promise<void> {
  const form = new RoutinesModel(model, trans, connection);
  await openForm({
    form,
    title: trans.__('Allowed functions of “%1”', connection.name),
    submitLabel: trans.__('Save'),
    render: discard => <RoutinesForm form={form} trans={trans} onDiscard={discard} />,
    idOf: () => FIELD_ID,
    trans
  });
}

function RoutinesForm(props: {
  form: RoutinesModel;
  trans: TranslationBundle;
  onDiscard: () => void;
}): JSX.Element {
  const { form, trans, onDiscard } = props;
  const { text, errors, saving } = useModelState(form);
  React.useEffect(() => focusWhenThere(FIELD_ID), []);
  const error = errors.routines;
  return (
    <FormFrame form={form} busy={trans.__('Saving…')} onDiscard={onDiscard} trans={trans}>
      <p className="wb-Credentials-about">
        {trans.__(
          'Statements may call these functions and procedures of the database. They run with the rights of the connection’s sign-in, for everyone who may use the connection.'
        )}
      </p>
      <div className={`wb-Field${error ? ' wb-mod-invalid' : ''}`}>
        <label className="wb-Field-label" htmlFor={FIELD_ID}>
          {trans.__('Functions and procedures')}
        </label>
        <textarea
          id={FIELD_ID}
          className="jp-mod-styled wb-Lines"
          rows={8}
          spellCheck={false}
          value={text}
          disabled={saving}
          placeholder={'etl.load_sales\netl.fx_rate'}
          aria-invalid={error !== undefined}
          aria-describedby={`${FIELD_ID}-help`}
          data-testid="wb-routines"
          onChange={event => form.setText(event.target.value)}
        />
        {error && (
          <div className="wb-Field-error" data-testid="wb-routines-error">
            {error}
          </div>
        )}
        <div className="wb-Field-help" id={`${FIELD_ID}-help`}>
          {trans.__(
            'One name a line, as schema.name. If several have the name, each with its arguments, as in schema.name(text, date). Only the owner of the connection can change the list.'
          )}
        </div>
      </div>
    </FormFrame>
  );
}
