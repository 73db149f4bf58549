// What the builder doesn't know: TypeScript is read as it lies, without a step of its own. Types are
// checked by `npm run typecheck`, so that whoever only runs the Workbench needs neither the compiler
// nor the packages that it would read types from.
module.exports = {
  resolve: { extensions: ['.ts', '.tsx', '...'] },
  module: {
    rules: [
      {
        test: /\.tsx?$/,
        exclude: /node_modules/,
        loader: 'builtin:swc-loader',
        options: {
          jsc: {
            parser: { syntax: 'typescript', tsx: true },
            target: 'es2022',
            transform: { react: { runtime: 'classic' } }
          }
        },
        type: 'javascript/auto'
      }
    ]
  }
};
