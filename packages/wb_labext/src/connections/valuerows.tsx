import React from 'react';

import type { TableRows } from '../api/types';

/** The body of a table of values. */
export function ValueRows(props: { rows: TableRows['rows'] }): JSX.Element {
  return (
    <tbody>
      {props.rows.map((row, number) => (
        <tr key={number}>
          {row.map((value, place) => (
            <td key={place} title={value ?? undefined}>
              {value ?? <span className="wb-Null">NULL</span>}
            </td>
          ))}
        </tr>
      ))}
    </tbody>
  );
}
