import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, closeIcon, userIcon, usersIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { Access, Level, Person, Share } from '../api/types';
import { Combobox } from '../ui/combobox';
import { Fetched } from '../ui/fetched';
import { IconButton } from '../ui/iconbutton';
import { LiveDialog } from '../ui/livedialog';
import { Lookup } from '../ui/lookup';
import { Select } from '../ui/select';
import { useModelState } from '../ui/signal';
import { Problem } from '../ui/states';
import { offerUndo } from '../ui/undo';
import { AccessList } from './accesslist';
import type { SharedThing, SharingHost } from './model';
import { SharingModel } from './model';
import { isRole, levelHelp, levelName } from './words';

/** Opens the dialog that shows and changes whom a thing is shared with. */
export async function openSharingDialog(
  host: SharingHost,
  trans: TranslationBundle,
  thing: SharedThing
): Promise<void> {
  const sharing = new SharingModel(host, thing, trans);
  const body = ReactWidget.create(<Sharing sharing={sharing} trans={trans} />);
  body.addClass('wb-Sharing');
  const dialog = new LiveDialog({
    title: trans.__('Share “%1”', thing.name),
    body,
    closeLabel: trans.__('Done'),
    testId: 'wb-sharing'
  });
  void sharing.start();
  try {
    await dialog.launch();
  } finally {
    sharing.dispose();
  }
}

interface SharingProps {
  sharing: SharingModel;
  trans: TranslationBundle;
}

function personIcon(person: Person): typeof userIcon {
  return person.kind === 'group' ? usersIcon : userIcon;
}

function kindName(kind: Share['kind'], trans: TranslationBundle): string {
  return kind === 'group' ? trans.__('group') : trans.__('user');
}

/** The kind of a user or group. Roles are groups too, which their names don't show. */
function personDetail(person: Person, trans: TranslationBundle): string {
  if (person.kind === 'group' && isRole(person.name)) {
    return person.name === 'viewer' ? trans.__('role: everyone') : trans.__('role');
  }
  return kindName(person.kind, trans);
}

/** The search over users and groups. */
function PeopleBox(props: {
  sharing: SharingModel;
  search: 'people' | 'owners';
  id: string;
  label: string;
  placeholder: string;
  disabled?: boolean;
  autoFocus?: boolean;
  onChoose: (person: Person) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { sharing, search, trans } = props;
  const [lookup] = React.useState(
    () =>
      new Lookup<Person>(
        text => (search === 'people' ? sharing.searchPeople(text) : sharing.searchOwners(text)),
        error => sharing.message(error)
      )
  );
  return (
    <Combobox
      lookup={lookup}
      id={props.id}
      label={props.label}
      placeholder={props.placeholder}
      keyOf={person => `${person.kind}/${person.name}`}
      nameOf={person => person.name}
      detailOf={person => personDetail(person, trans)}
      iconOf={personIcon}
      disabled={props.disabled}
      autoFocus={props.autoFocus}
      onChoose={props.onChoose}
      trans={trans}
      testId={props.id}
    />
  );
}

function Sharing(props: SharingProps): JSX.Element {
  const { sharing, trans } = props;
  const { access } = useModelState(sharing);
  return (
    <Fetched
      model={sharing}
      name="sharing"
      loading={trans.__('Loading shares…')}
      failed={trans.__('Could not load the shares')}
      trans={trans}
    >
      {access && <Shares {...props} access={access} />}
    </Fetched>
  );
}

function Shares(props: SharingProps & { access: Access }): JSX.Element {
  const { sharing, access, trans } = props;
  const state = useModelState(sharing);
  const ref = React.useRef<HTMLDivElement>(null);
  React.useEffect(() => {
    ref.current?.querySelector<HTMLElement>('#wb-share-search')?.focus();
  }, []);
  return (
    <>
      <div aria-live="assertive">
        {state.problem && <Problem text={state.problem} testId="wb-sharing-problem" />}
      </div>
      <div className="wb-Dialog-scroll" ref={ref}>
        <OwnerSection {...props} />
        <section aria-label={trans.__('Shared with')}>
          <label className="wb-Section-title" htmlFor="wb-share-search">
            {trans.__('Share with')}
          </label>
          <div className="wb-Sharing-add">
            <PeopleBox
              sharing={sharing}
              search="people"
              id="wb-share-search"
              label={trans.__('Share with a user or group')}
              placeholder={trans.__('Search users and groups')}
              onChoose={person => void sharing.share(person)}
              trans={trans}
            />
            <LevelSelect
              level={state.level}
              levels={sharing.levels}
              label={trans.__('Access level for the new share')}
              onChange={level => sharing.setLevel(level)}
              trans={trans}
              testId="wb-share-level"
            />
          </div>
          <dl className="wb-Sharing-levels">
            {sharing.levels.map(level => (
              <div key={level}>
                <dt>{levelName(level, trans)}</dt>
                <dd>{levelHelp(sharing.thing.kind, level, trans)}</dd>
              </div>
            ))}
          </dl>
          <ShareList {...props} />
        </section>
        <AccessList people={access.people} me={sharing.me} trans={trans} />
      </div>
    </>
  );
}

function OwnerSection(props: SharingProps & { access: Access }): JSX.Element {
  const { sharing, access, trans } = props;
  const { transferring, busy } = useModelState(sharing);
  const { owner, shares } = access;
  const transfer = async (person: Person): Promise<void> => {
    const share = shares.find(item => item.kind === person.kind && item.name === person.name);
    if (await sharing.transfer(person)) {
      const { name, kind } = sharing.thing;
      offerUndo({
        trans,
        message:
          kind === 'pipeline'
            ? trans.__('“%1” now belongs to %2. It runs after they approve it.', name, person.name)
            : trans.__('“%1” now belongs to %2.', name, person.name),
        caption: trans.__('Return it to %1', owner.name),
        undo: () => sharing.transferBack(owner, share ?? null),
        done: trans.__('“%1” belongs to %2 again.', name, owner.name),
        failed: error => sharing.message(error)
      });
    }
  };
  const Icon = owner.kind === 'team' ? usersIcon : userIcon;
  return (
    <section aria-label={trans.__('Owner')}>
      <h3 className="wb-Section-title">{trans.__('Owner')}</h3>
      <div className="wb-Person" data-testid="wb-sharing-owner" data-name={owner.name}>
        <Icon.react tag="span" className="wb-Person-icon" />
        <span className="wb-Person-name">{owner.name}</span>
        <span className="wb-Person-detail">
          {owner.kind === 'team' ? trans.__('team') : trans.__('user')}
        </span>
        {sharing.thing.mayTransfer && !transferring && (
          <button
            type="button"
            className="wb-LinkButton"
            disabled={busy}
            data-testid="wb-transfer"
            onClick={() => sharing.askOwner(true)}
          >
            {trans.__('Transfer…')}
          </button>
        )}
      </div>
      {transferring && sharing.thing.kind === 'pipeline' && (
        <p className="wb-Sharing-note" data-testid="wb-transfer-note">
          {trans.__(
            'It will run with the permissions of its new owner, so it does not run until they approve it. Active runs are cancelled.'
          )}
        </p>
      )}
      {transferring && (
        <div
          className="wb-Sharing-transfer"
          data-wb-escape=""
          onKeyDown={event => {
            if (event.key === 'Escape') {
              sharing.askOwner(false);
              requestAnimationFrame(() => {
                document.querySelector<HTMLElement>('[data-testid="wb-transfer"]')?.focus();
              });
            }
          }}
        >
          <PeopleBox
            sharing={sharing}
            search="owners"
            id="wb-transfer-search"
            label={trans.__('New owner')}
            placeholder={trans.__('Search users and groups')}
            autoFocus
            onChoose={person => void transfer(person)}
            trans={trans}
          />
          <button
            type="button"
            className="wb-LinkButton"
            onClick={() => sharing.askOwner(false)}
            data-testid="wb-transfer-cancel"
          >
            {trans.__('Cancel')}
          </button>
        </div>
      )}
    </section>
  );
}

function ShareList(props: SharingProps & { access: Access }): JSX.Element {
  const { sharing, access, trans } = props;
  const { name } = sharing.thing;
  const list = React.useRef<HTMLUListElement>(null);

  const giveBack = (share: Share, message: string): void =>
    offerUndo({
      trans,
      message,
      caption: trans.__('Restore the access of %1', share.name),
      undo: () => sharing.restore(share),
      done: trans.__('%1 has access to “%2” again.', share.name, name),
      failed: error => sharing.message(error)
    });

  const remove = async (share: Share, index: number): Promise<void> => {
    if (await sharing.unshare(share)) {
      giveBack(share, trans.__('“%1” is no longer shared with %2.', name, share.name));
      // The button is gone, so focus the next row or the search.
      requestAnimationFrame(() => {
        const rows = list.current?.querySelectorAll<HTMLElement>('[data-testid="wb-unshare"]');
        const next = rows?.[Math.min(index, rows.length - 1)];
        (next ?? document.getElementById('wb-share-search'))?.focus();
      });
    }
  };

  const setLevel = async (share: Share, level: Level): Promise<void> => {
    const less = sharing.levels.indexOf(level) < sharing.levels.indexOf(share.level);
    if ((await sharing.share(share, level)) && less) {
      giveBack(
        share,
        trans.__(
          '%1 now has only the level “%2” on “%3”.',
          share.name,
          levelName(level, trans),
          name
        )
      );
    }
  };

  if (access.shares.length === 0) {
    return (
      <p className="wb-Sharing-none" data-testid="wb-shares-none">
        {trans.__('Not shared with anyone yet.')}
      </p>
    );
  }
  return (
    <ul className="wb-People" ref={list} data-testid="wb-shares">
      {access.shares.map((share, index) => {
        const Icon = personIcon(share);
        return (
          <li
            key={`${share.kind}/${share.name}`}
            className="wb-Person"
            data-testid="wb-share-row"
            data-name={share.name}
          >
            <Icon.react tag="span" className="wb-Person-icon" />
            <span className="wb-Person-name">{share.name}</span>
            <span className="wb-Person-detail">{personDetail(share, trans)}</span>
            <LevelSelect
              level={share.level}
              levels={sharing.levels}
              label={trans.__('Access level of %1', share.name)}
              onChange={level => void setLevel(share, level)}
              trans={trans}
              testId="wb-share-row-level"
            />
            <IconButton
              icon={closeIcon}
              label={trans.__('Stop sharing with %1', share.name)}
              testId="wb-unshare"
              onClick={() => void remove(share, index)}
            />
          </li>
        );
      })}
    </ul>
  );
}

function LevelSelect(props: {
  level: Level;
  levels: readonly Level[];
  label: string;
  onChange: (level: Level) => void;
  trans: TranslationBundle;
  testId: string;
}): JSX.Element {
  return (
    <Select
      value={props.level}
      label={props.label}
      options={props.levels.map(level => ({ value: level, label: levelName(level, props.trans) }))}
      onChange={props.onChange}
      testId={props.testId}
    />
  );
}
