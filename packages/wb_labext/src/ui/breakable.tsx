import React from 'react';

/** A name that wraps after an underscore or a dot, where it has no room. */
export function breakable(name: string): React.ReactNode {
  return name
    .split(/(?<=[_.])(?=[^_.])/)
    .flatMap((part, place) => (place === 0 ? [part] : [<wbr key={place} />, part]));
}
