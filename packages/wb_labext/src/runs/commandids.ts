export const RunCommandIDs = {
  /** `{ run: id }` */
  open: 'workbench:runs-open',
  /** `{ pipeline: id, name? }` */
  list: 'workbench:runs-list'
} as const;
