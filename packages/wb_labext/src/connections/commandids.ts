export const CommandIDs = {
  open: 'workbench:connections-open',
  refresh: 'workbench:connections-refresh',
  add: 'workbench:connections-add',
  query: 'workbench:connections-query',
  load: 'workbench:connections-load',
  loadFile: 'workbench:file-load',
  preview: 'workbench:table-preview',
  definition: 'workbench:table-definition',
  count: 'workbench:table-count',
  copyName: 'workbench:name-copy',
  insertName: 'workbench:name-insert',
  test: 'workbench:connections-test',
  edit: 'workbench:connections-edit',
  delete: 'workbench:connections-delete',
  share: 'workbench:connections-share',
  signIn: 'workbench:connections-signin',
  routines: 'workbench:connections-routines'
} as const;
