import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { Lookup } from './lookup';
import { useModelState } from './signal';
import { Spinner } from './states';

export interface ComboboxProps<T> {
  lookup: Lookup<T>;
  /** The input's id, for its label; the ids of the list and the options are derived from it. */
  id: string;
  label: string;
  placeholder: string;
  keyOf: (item: T) => string;
  nameOf: (item: T) => string;
  /** A word shown beside the name, such as the item's kind. */
  detailOf: (item: T) => string;
  iconOf: (item: T) => LabIcon;
  onChoose: (item: T) => void;
  disabled?: boolean;
  autoFocus?: boolean;
  trans: TranslationBundle;
  testId: string;
}

/** A search box with a list below it, following the ARIA combobox pattern. */
export function Combobox<T>(props: ComboboxProps<T>): JSX.Element {
  const { lookup, id, trans } = props;
  const state = useModelState(lookup);
  const listId = `${id}-list`;
  const optionId = (index: number): string => `${id}-option-${index}`;

  const choose = (item: T): void => {
    lookup.clear();
    props.onChoose(item);
  };

  const onKeyDown = (event: React.KeyboardEvent): void => {
    switch (event.key) {
      case 'ArrowDown':
      case 'ArrowUp':
        if (state.open) {
          lookup.move(event.key === 'ArrowDown' ? 1 : -1);
        } else {
          lookup.open();
        }
        break;
      case 'Enter': {
        const choice = lookup.choice;
        if (choice !== undefined) {
          choose(choice);
        }
        break;
      }
      case 'Escape':
        if (!state.open) {
          return;
        }
        lookup.close();
        break;
      default:
        return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  React.useEffect(() => {
    document.getElementById(optionId(state.active))?.scrollIntoView({ block: 'nearest' });
  });

  return (
    <div className="wb-Combobox">
      <input
        id={id}
        className="jp-mod-styled"
        type="text"
        role="combobox"
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        // The dialog first focuses its button.
        autoFocus={props.autoFocus}
        aria-label={props.label}
        aria-expanded={state.open}
        aria-controls={listId}
        aria-autocomplete="list"
        aria-activedescendant={state.active >= 0 ? optionId(state.active) : undefined}
        placeholder={props.placeholder}
        disabled={props.disabled}
        value={state.text}
        data-testid={props.testId}
        onChange={event => lookup.setText(event.target.value)}
        onClick={() => lookup.open()}
        onKeyDown={onKeyDown}
        onBlur={() => lookup.close()}
      />
      <div
        className="wb-Combobox-list"
        hidden={!state.open}
        // The box keeps the focus when the list is clicked.
        onMouseDown={event => event.preventDefault()}
      >
        <ul id={listId} role="listbox" aria-label={props.label}>
          {state.items.map((item, index) => {
            const Icon = props.iconOf(item);
            return (
              <li
                key={props.keyOf(item)}
                id={optionId(index)}
                role="option"
                aria-selected={index === state.active}
                className={`wb-Combobox-option${index === state.active ? ' wb-mod-active' : ''}`}
                data-testid={`${props.testId}-option`}
                data-name={props.nameOf(item)}
                onMouseMove={() => index !== state.active && lookup.point(index)}
                onClick={() => choose(item)}
              >
                <Icon.react tag="span" className="wb-Combobox-icon" />
                <span className="wb-Combobox-name">{props.nameOf(item)}</span>
                <span className="wb-Combobox-detail">{props.detailOf(item)}</span>
              </li>
            );
          })}
        </ul>
        <div role="status" className="wb-Combobox-status">
          {state.phase === 'loading' && state.items.length === 0 ? (
            <>
              <Spinner /> {trans.__('Searching…')}
            </>
          ) : state.phase === 'failed' ? (
            <span className="wb-mod-failed">{state.error}</span>
          ) : state.phase === 'ready' && state.items.length === 0 ? (
            state.text.trim() ? (
              trans.__('Nothing else matches “%1”.', state.text.trim())
            ) : (
              trans.__('Nothing else to choose.')
            )
          ) : state.more ? (
            trans.__('More results: keep typing to narrow them down.')
          ) : null}
        </div>
      </div>
    </div>
  );
}
