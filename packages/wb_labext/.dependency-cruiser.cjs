/** Which folder may import which; `npm run lint` checks it, including type imports. */
module.exports = {
  forbidden: [
    {
      name: 'no-circle-of-files',
      severity: 'error',
      from: {},
      to: { circular: true }
    },
    {
      name: 'no-circle-of-folders',
      severity: 'error',
      scope: 'folder',
      from: {},
      to: { circular: true }
    },
    {
      name: 'what-rooms-share-knows-no-room',
      severity: 'error',
      from: { path: '^src/(api|ui)/' },
      to: { path: '^src/', pathNot: '^src/(api|ui)/' }
    },
    {
      name: 'the-api-knows-no-view',
      severity: 'error',
      from: { path: '^src/api/' },
      to: { path: '^src/', pathNot: '^src/api/' }
    }
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' }
  }
};
