// Additions to the builder's configuration: TypeScript is compiled in place, without a separate step.
// `npm run typecheck` checks types, so that those who only run the Workbench need neither the compiler
// nor the packages that it reads types from.
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
