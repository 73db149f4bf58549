import React from 'react';

import type { TableRows } from '../api/types';

/** Types of numbers, of Arrow and of DuckDB. */
const NUMBER =
  /^(u?(tiny|small|big|huge)?int(eger)?\d*|half_?float|float|double|real|decimal\d*)\b/i;

/** The class of a column's cells. */
export function columnClass(type: string): string | undefined {
  return NUMBER.test(type) ? 'wb-mod-number' : undefined;
}

interface Props {
  columns: readonly { type: string }[];
  rows: TableRows['rows'];
}

/** The body of a table of values: a line for each row. */
export function ValueRows(props: Props): JSX.Element {
  const classes = props.columns.map(({ type }) => columnClass(type));
  return (
    <tbody>
      {props.rows.map((row, number) => (
        <tr key={number}>
          {row.map((value, place) => (
            <ValueCell key={place} value={value} className={classes[place]} />
          ))}
        </tr>
      ))}
    </tbody>
  );
}

/** A value of a table. */
export function ValueCell(props: { value: string | null; className?: string }): JSX.Element {
  const { value, className } = props;
  return (
    <td title={value ?? undefined} className={className}>
      {value === null ? <span className="wb-Null">NULL</span> : <Line text={value} />}
    </td>
  );
}

/** A text on one line. */
function Line(props: { text: string }): JSX.Element {
  const [first, ...others] = props.text.split(/\r\n|\r|\n/);
  return (
    <>
      {first}
      {others.map((line, place) => (
        <React.Fragment key={place}>
          <span className="wb-Null">↵</span>
          {line}
        </React.Fragment>
      ))}
    </>
  );
}
