export const CommandIDs = {
  open: 'workbench:connections-open',
  refresh: 'workbench:connections-refresh',
  add: 'workbench:connections-add',
  query: 'workbench:connections-query',
  test: 'workbench:connections-test',
  edit: 'workbench:connections-edit',
  delete: 'workbench:connections-delete',
  share: 'workbench:connections-share',
  signIn: 'workbench:connections-signin'
} as const;
