export const RunCommandIDs = {
  /** `{ run: id }` */
  open: 'workbench:runs-open',
  /** `{ pipeline: id, name? }`; of all pipelines without them */
  list: 'workbench:runs-list'
} as const;
