import type { TranslationBundle } from '@jupyterlab/translation';

import type { EventStream } from '../api/events';
import type { PipelinesApi } from '../api/pipelines';
import type { PipelineView } from '../api/types';
import type { OwnedState } from '../sharing/ownedmodel';
import { NOTHING, OwnedModel } from '../sharing/ownedmodel';

/** The state of the pipelines panel, and its requests to the server. */
export class PipelinesModel extends OwnedModel<
  PipelineView,
  OwnedState<PipelineView>,
  PipelinesApi
> {
  constructor(api: PipelinesApi, events: EventStream, trans: TranslationBundle) {
    super(trans, events, ['pipelines', 'runs', 'me'], api, 'pipeline', NOTHING);
  }

  /** The pipelines that match the search, by name. */
  get found(): readonly PipelineView[] {
    const words = this.state.search.trim().toLowerCase().split(/\s+/);
    return this.state.items.filter(pipeline => {
      const text = [pipeline.name, pipeline.description, pipeline.owner.name, ...pipeline.labels]
        .join('\n')
        .toLowerCase();
      return words.every(word => text.includes(word));
    });
  }

  get keys(): readonly string[] {
    return this.found.map(pipeline => pipeline.id);
  }

  async pause(id: string, paused: boolean): Promise<void> {
    await this.api.pause(id, paused);
    await this.refresh();
  }
}
