import type {
  CompletionHandler,
  ICompletionContext,
  ICompletionProvider
} from '@jupyterlab/completer';
import { Text } from '@jupyterlab/coreutils';
import type { JSONObject } from '@lumino/coreutils';
import type { Widget } from '@lumino/widgets';

import type { Suggestion } from './complete';
import { complete } from './complete';
import type { PipelineFile } from './model';

export interface CompleterOptions {
  /** The file that a widget edits; null for others. */
  fileOf: (widget: Widget) => PipelineFile | null;
  schema: () => Promise<JSONObject>;
  connections: () => Promise<readonly string[]>;
}

const TYPES: Record<Suggestion['kind'], string> = {
  key: 'property',
  value: 'value',
  name: 'variable'
};

/** Offers keys and values in pipeline files, in Lab's own completer. */
export class PipelineCompleter implements ICompletionProvider {
  constructor(private readonly options: CompleterOptions) {}

  readonly identifier = 'CompletionProvider:workbench-pipeline';
  readonly rank = 1_000;
  readonly renderer = null;

  isApplicable(context: ICompletionContext): Promise<boolean> {
    return Promise.resolve(this.options.fileOf(context.widget) !== null);
  }

  async fetch(
    request: CompletionHandler.IRequest,
    context: ICompletionContext
  ): Promise<CompletionHandler.ICompletionItemsReply> {
    const file = this.options.fileOf(context.widget);
    const { text } = request;
    const offset = Text.charIndexToJsIndex(request.offset, text);
    const [schema, connection, notebook] = await Promise.all([
      this.options.schema(),
      this.options.connections(),
      file?.notebooks() ?? []
    ]);
    const { start, suggestions } = complete(text, offset, schema, { connection, notebook });
    const typed = text.slice(start, offset).toLowerCase();
    return {
      start: Text.jsIndexToCharIndex(start, text),
      end: request.offset,
      items: suggestions
        .filter(item => item.label.toLowerCase().startsWith(typed.replace(/^["']/, '')))
        .map(item => ({
          label: item.label,
          insertText: item.insert,
          type: TYPES[item.kind],
          documentation: item.help || undefined
        }))
    };
  }
}
