import type { IStateDB } from '@jupyterlab/statedb';

const KEY = 'workbench:pipeline-files';

/** The paths of the files that pipelines were saved from in this browser. */
export class PipelineFiles {
  constructor(private readonly state: IStateDB | null) {}

  async pathOf(pipeline: string): Promise<string | null> {
    const path = (await this.all())[pipeline];
    return typeof path === 'string' ? path : null;
  }

  async remember(pipeline: string, path: string): Promise<void> {
    await this.state?.save(KEY, { ...(await this.all()), [pipeline]: path });
  }

  private async all(): Promise<Record<string, string>> {
    return ((await this.state?.fetch(KEY)) ?? {}) as Record<string, string>;
  }
}
