import { LabIcon } from '@jupyterlab/ui-components';

/** `jp-icon3` and no fixed colour, so that the theme colours it like JupyterLab's own icons. */
const svg = (size: number, content: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 ${size} ${size}">` +
  `<g class="jp-icon3 jp-icon-selectable" fill="#616161">${content}</g></svg>`;

/** A database cylinder: the connections panel. */
export const connectionsIcon = new LabIcon({
  name: 'workbench:connections',
  svgstr: svg(
    24,
    '<path d="M12 2C7.58 2 4 3.57 4 5.5S7.58 9 12 9s8-1.57 8-3.5S16.42 2 12 2z"/>' +
      '<path d="M4 8.1v3.4C4 13.43 7.58 15 12 15s8-1.57 8-3.5V8.1C18.5 9.66 15.4 10.6 12 10.6S5.5 9.66 4 8.1z"/>' +
      '<path d="M4 14.1v4.4C4 20.43 7.58 22 12 22s8-1.57 8-3.5v-4.4c-1.5 1.56-4.6 2.5-8 2.5s-6.5-.94-8-2.5z"/>'
  )
});

export const schemaIcon = new LabIcon({
  name: 'workbench:schema',
  svgstr: svg(
    24,
    '<path d="M3 3h8v6H8v2h5V9h8v6h-8v-2H8v5h5v-2h8v6h-8v-2H6V9H3V3zm2 2v2h4V5H5zm10 6v2h4v-2h-4zm0 7v2h4v-2h-4z"/>'
  )
});

export const tableIcon = new LabIcon({
  name: 'workbench:table',
  svgstr: svg(
    24,
    '<path d="M3 4v16h18V4H3zm2 2h14v3H5V6zm0 5h4v3H5v-3zm6 0h8v3h-8v-3zm-6 5h4v2H5v-2zm6 0h8v2h-8v-2z"/>'
  )
});

export const viewIcon = new LabIcon({
  name: 'workbench:view',
  svgstr: svg(
    24,
    '<path d="M12 5C7 5 2.7 8.1 1 12.5 2.7 16.9 7 20 12 20s9.3-3.1 11-7.5C21.3 8.1 17 5 12 5zm0 12.5a5 5 0 1 1 0-10 5 5 0 0 1 0 10zm0-8a3 3 0 1 0 0 6 3 3 0 0 0 0-6z"/>'
  )
});

/** A cell with a prompt: insert a query into a notebook. */
export const queryIcon = new LabIcon({
  name: 'workbench:query',
  svgstr: svg(
    24,
    '<path d="M3 4h18v16H3V4zm2 2v12h14V6H5zm2.2 2.4L11 12l-3.8 3.6-1.3-1.4L8.2 12 5.9 9.8l1.3-1.4zM12 14h5v2h-5v-2z"/>'
  )
});

/** A plug: test whether the source answers. */
export const testIcon = new LabIcon({
  name: 'workbench:test',
  svgstr: svg(
    24,
    '<path d="M8 2h2v5h4V2h2v5h2v5a6 6 0 0 1-5 5.9V22h-2v-4.1A6 6 0 0 1 6 12V7h2V2zm0 7v3a4 4 0 0 0 8 0V9H8z"/>'
  )
});

/** A key: personal credentials. */
export const keyIcon = new LabIcon({
  name: 'workbench:key',
  svgstr: svg(
    24,
    '<path d="M7 7a5 5 0 1 0 4.58 7H14v3h4v-3h4v-4H11.58A5 5 0 0 0 7 7zm0 3a2 2 0 1 1 0 4 2 2 0 0 1 0-4z"/>'
  )
});

/** A clock turned back: the user's activity. */
export const activityIcon = new LabIcon({
  name: 'workbench:activity',
  svgstr: svg(
    24,
    '<path d="M13 3a9 9 0 0 0-9 9H1l4 4 4-4H6a7 7 0 1 1 2.05 4.95l-1.42 1.42A9 9 0 1 0 13 3zm-1 5v5l4.25 2.52.77-1.28-3.52-2.09V8H12z"/>'
  )
});

/** Lines with a play sign: running queries. */
export const queriesIcon = new LabIcon({
  name: 'workbench:queries',
  svgstr: svg(
    24,
    '<path d="M3 5h12v2H3V5zm0 4h12v2H3V9zm0 4h8v2H3v-2zm0 4h8v2H3v-2zm11-4 7 4.5-7 4.5v-9z"/>'
  )
});

/** Connected boxes: pipelines. */
export const pipelinesIcon = new LabIcon({
  name: 'workbench:pipelines',
  svgstr: svg(
    24,
    '<path d="M3 4h7v6H3V4zm2 2v2h3V6H5zm9 8h7v6h-7v-6zm2 2v2h3v-2h-3zM3 14h7v6H3v-6zm2 2v2h3v-2H5zm5-10h4a3 3 0 0 1 3 3v3h1.8L16.5 15.2 13.2 12H15V9a1 1 0 0 0-1-1h-4V6zm0 10h4v2h-4v-2z"/>'
  )
});

/** An open book: the documentation. */
export const helpIcon = new LabIcon({
  name: 'workbench:help',
  svgstr: svg(
    24,
    '<path d="M12 6.5C10.6 5.2 8.3 4.5 5.5 4.5c-1.2 0-2.4.1-3.5.5v14c1.1-.3 2.3-.5 3.5-.5 2.6 0 4.9.7 6.5 2 1.6-1.3 3.9-2 6.5-2 1.2 0 2.4.2 3.5.5V5c-1.1-.4-2.3-.5-3.5-.5-2.8 0-5.1.7-6.5 2zM20 16.7c-.5-.1-1-.1-1.5-.1-2.2 0-4 .4-5.5 1.2V8.1c1-1 3-1.6 5.5-1.6.5 0 1 0 1.5.1v10.1z"/>'
  )
});
