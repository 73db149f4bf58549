import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    environment: 'node',
    // Importing JupyterLab's packages once for all files takes a third of the time.
    isolate: false,
    // JupyterLab's packages are ES modules that don't declare it, which node can't load.
    server: { deps: { inline: [/@jupyterlab/, /@jupyter\//, /@lumino/, /@rjsf/] } },
    include: ['src/**/__tests__/**/*.spec.ts']
  }
});
