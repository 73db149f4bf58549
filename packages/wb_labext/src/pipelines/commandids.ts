export const CommandIDs = {
  open: 'workbench:pipelines-open',
  allRuns: 'workbench:pipelines-allruns',
  refresh: 'workbench:pipelines-refresh',
  create: 'workbench:pipelines-create',
  run: 'workbench:pipelines-run',
  runs: 'workbench:pipelines-runs',
  lastRun: 'workbench:pipelines-lastrun',
  pause: 'workbench:pipelines-pause',
  edit: 'workbench:pipelines-edit',
  versions: 'workbench:pipelines-versions',
  share: 'workbench:pipelines-share',
  delete: 'workbench:pipelines-delete'
} as const;
