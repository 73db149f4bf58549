import type { TranslationBundle } from '@jupyterlab/translation';
import { userIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { PersonAccess } from '../api/types';
import { Mark } from '../ui/states';
import { levelName, reasonWords } from './words';

/** How many users are listed initially. */
const SHOWN = 50;

/** Who has access to a thing, and why. */
export function AccessList(props: {
  people: readonly PersonAccess[];
  me: string;
  trans: TranslationBundle;
}): JSX.Element {
  const { people, me, trans } = props;
  const [all, setAll] = React.useState(false);
  const shown = all ? people : people.slice(0, SHOWN);
  return (
    <section aria-label={trans.__('Who has access, and why')}>
      <h3 className="wb-Section-title">
        {trans.__('Who has access, and why')}
        <span className="wb-Section-count">{people.length}</span>
      </h3>
      <table className="wb-Table wb-Access" data-testid="wb-access">
        <thead>
          <tr>
            <th scope="col">{trans.__('User')}</th>
            <th scope="col">{trans.__('Level')}</th>
            <th scope="col">{trans.__('Reason')}</th>
          </tr>
        </thead>
        <tbody>
          {shown.map(person => (
            <tr key={person.name} data-testid="wb-access-row" data-name={person.name}>
              <th scope="row">
                <span className="wb-Access-name">
                  <userIcon.react tag="span" className="wb-Person-icon" />
                  <span className="wb-Person-name">{person.name}</span>
                  {person.name === me && (
                    <span className="wb-Person-detail">{trans.__('you')}</span>
                  )}
                </span>
              </th>
              <td>{levelName(person.level, trans)}</td>
              <td>
                {person.reasons.map(reason => reasonWords(reason, trans)).join(', ')}
                {!person.may_use && (
                  <span
                    className="wb-Access-cannot"
                    title={trans.__(
                      'A share has no effect without a role: viewer, analyst or engineer. An administrator can assign one.'
                    )}
                    data-testid="wb-access-norole"
                  >
                    <Mark kind="warning" /> {trans.__('no role yet, so no access')}
                  </span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {shown.length < people.length && (
        <button type="button" className="wb-LinkButton" onClick={() => setAll(true)}>
          {trans.__('Show all %1', people.length)}
        </button>
      )}
    </section>
  );
}
