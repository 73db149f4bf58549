import React from 'react';

/** A choice among a few options, each with a title and a line of help. */
export function RadioCards<V extends string>(props: {
  /** The name of the group, and of its test ids. */
  name: string;
  legend: string;
  options: readonly { value: V; title: string; help: string }[];
  value: V;
  disabled: boolean;
  onChange: (value: V) => void;
  /** What follows from the choice. */
  children?: React.ReactNode;
}): JSX.Element {
  const { name, value: chosen } = props;
  return (
    <fieldset className="wb-Cards" disabled={props.disabled}>
      <legend className="wb-Field-label">{props.legend}</legend>
      <div className="wb-Cards-list">
        {props.options.map(({ value, title, help }) => (
          <label key={value} className={`wb-Card${value === chosen ? ' wb-mod-chosen' : ''}`}>
            <input
              type="radio"
              name={`wb-${name}`}
              value={value}
              aria-label={title}
              checked={value === chosen}
              onChange={() => props.onChange(value)}
              data-testid={`wb-${name}-${value}`}
            />
            <CardWords title={title} help={help} />
          </label>
        ))}
      </div>
      {props.children}
    </fieldset>
  );
}

/** A choice that can't be changed any more. */
export function FixedCard(props: { title: string; help: string }): JSX.Element {
  return (
    <div className="wb-Card wb-mod-fixed">
      <CardWords {...props} />
    </div>
  );
}

function CardWords(props: { title: string; help: string }): JSX.Element {
  return (
    <span className="wb-Card-words">
      <span className="wb-Card-title">{props.title}</span>
      <span className="wb-Field-help">{props.help}</span>
    </span>
  );
}
