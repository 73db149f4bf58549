import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import type { TranslationBundle } from '@jupyterlab/translation';
import {
  addIcon,
  deleteIcon,
  editIcon,
  historyIcon,
  listIcon,
  pauseIcon,
  refreshIcon,
  runIcon,
  usersIcon
} from '@jupyterlab/ui-components';

import { ApiError } from '../api/request';
import type { PipelineView } from '../api/types';
import { SUFFIX, starterText } from '../pipelinefile/document';
import type { Folders } from '../pipelinefile/folder';
import { pipelinePath, versionPath } from '../runs/drive';
import { RunCommandIDs } from '../runs/plugin';
import { openSharingDialog } from '../sharing/dialog';
import { pipelinesIcon } from '../ui/icons';
import { offerUndo } from '../ui/undo';
import { CommandIDs } from './commandids';
import type { PipelinesModel } from './model';
import type { PipelineFiles } from './remember';
import { openRunDialog } from './rundialog';
import { openVersionsDialog } from './versionsdialog';
import { hasSchedule } from './words';

export interface CommandOptions {
  app: JupyterFrontEnd;
  model: PipelinesModel;
  documents: IDocumentManager;
  folders: Folders;
  files: PipelineFiles;
  browser: IDefaultFileBrowser | null;
  trans: TranslationBundle;
  /** The panel's id in the shell. */
  panelId: string;
}

/** Registers the room's commands. Those about a pipeline take `{ pipeline: id }`, or the selected row. */
export function addCommands(options: CommandOptions): void {
  const { app, model, documents, folders, files, browser, trans, panelId } = options;
  const { commands } = app;

  function fail(error: unknown): void {
    Notification.error(model.message(error), { autoClose: 8_000 });
  }

  function target(args: object, action: string): PipelineView | null {
    const { pipeline: id } = args as { pipeline?: string };
    const pipeline = model.pipeline(id ?? model.state.active);
    return pipeline && model.may(pipeline, action) ? pipeline : null;
  }

  const args = {
    args: {
      type: 'object',
      properties: { pipeline: { type: 'string', description: trans.__("The pipeline's id") } }
    }
  } as const;
  const none = { args: { type: 'object', properties: {} } } as const;

  commands.addCommand(CommandIDs.open, {
    label: trans.__('Pipelines'),
    caption: trans.__('Show the pipelines, their last runs and their schedules'),
    icon: pipelinesIcon,
    describedBy: none,
    execute: () => app.shell.activateById(panelId)
  });

  commands.addCommand(CommandIDs.refresh, {
    label: trans.__('Refresh Pipelines'),
    caption: trans.__('Refresh pipelines'),
    icon: refreshIcon,
    describedBy: none,
    execute: () => model.refresh()
  });

  commands.addCommand(CommandIDs.create, {
    label: trans.__('New Pipeline File'),
    caption: trans.__('New pipeline file in the folder of the file browser'),
    icon: addIcon,
    describedBy: none,
    isEnabled: () => model.state.phase !== 'ready' || model.mayCreate,
    execute: async () => {
      try {
        const path = await folders.freePath(browser?.model.path ?? '', 'untitled', SUFFIX);
        const name = PathExt.basename(path, SUFFIX);
        const comment = [
          trans.__('Name it, and say what it runs; Tab completes, and mistakes are marked.'),
          trans.__('“Save to Workbench” above makes it a pipeline.')
        ];
        await folders.write(path, starterText(name, comment));
        documents.openOrReveal(path, 'Editor');
      } catch (error) {
        fail(error);
      }
    }
  });

  commands.addCommand(CommandIDs.run, {
    label: trans.__('Run Pipeline…'),
    caption: trans.__('Give the parameters and start a run'),
    icon: runIcon,
    describedBy: args,
    isEnabled: args => target(args, 'run') !== null,
    isVisible: args => target(args, 'run') !== null,
    execute: async args => {
      const { pipeline: id } = args as { pipeline?: string };
      // A file that was just saved is in no list yet.
      const pipeline = target(args, 'run') ?? (id ? await model.api.get(id) : null);
      const run = pipeline && (await openRunDialog(model, trans, pipeline));
      if (run) {
        await commands.execute(RunCommandIDs.open, { run: run.id });
      }
    }
  });

  commands.addCommand(CommandIDs.lastRun, {
    label: trans.__('Open Last Run'),
    caption: trans.__('Show the newest run of the pipeline'),
    icon: pipelinesIcon,
    describedBy: args,
    isEnabled: args => Boolean(target(args, 'see')?.last_run),
    isVisible: args => Boolean(target(args, 'see')?.last_run),
    execute: async args => {
      const run = target(args, 'see')?.last_run;
      if (run) {
        await commands.execute(RunCommandIDs.open, { run: run.id });
      }
    }
  });

  commands.addCommand(CommandIDs.runs, {
    label: trans.__('Runs'),
    caption: trans.__('Show the runs of the pipeline'),
    icon: listIcon,
    describedBy: args,
    isEnabled: args => target(args, 'see') !== null,
    isVisible: args => target(args, 'see') !== null,
    execute: async args => {
      const pipeline = target(args, 'see');
      if (pipeline) {
        const { id, name } = pipeline;
        await commands.execute(RunCommandIDs.list, { pipeline: id, name });
      }
    }
  });

  commands.addCommand(CommandIDs.pause, {
    label: args =>
      target(args, 'update')?.paused ? trans.__('Resume Schedule') : trans.__('Pause Schedule'),
    caption: trans.__('Keep the schedule, but let it start no runs, or let it go on'),
    icon: pauseIcon,
    describedBy: args,
    isEnabled: args => {
      const pipeline = target(args, 'update');
      return pipeline !== null && hasSchedule(pipeline);
    },
    isVisible: args => {
      const pipeline = target(args, 'update');
      return pipeline !== null && hasSchedule(pipeline);
    },
    execute: async args => {
      const pipeline = target(args, 'update');
      if (pipeline) {
        await model.pause(pipeline.id, !pipeline.paused).catch(fail);
      }
    }
  });

  commands.addCommand(CommandIDs.edit, {
    label: args =>
      target(args, 'update') ? trans.__('Edit Pipeline') : trans.__('Open Pipeline File'),
    caption: trans.__('Open the file: the one it was saved from, or the newest version'),
    icon: editIcon,
    describedBy: args,
    isEnabled: args => target(args, 'see') !== null,
    isVisible: args => target(args, 'see') !== null,
    execute: async args => {
      const pipeline = target(args, 'see');
      if (pipeline) {
        const own = await files.pathOf(pipeline.id);
        const path = own && (await folders.exists(own)) ? own : pipelinePath(pipeline);
        documents.openOrReveal(path, 'Editor');
      }
    }
  });

  commands.addCommand(CommandIDs.versions, {
    label: trans.__('Versions…'),
    caption: trans.__('See what changed, restore a version, approve the newest one'),
    icon: historyIcon,
    describedBy: args,
    isEnabled: args => target(args, 'see') !== null,
    isVisible: args => target(args, 'see') !== null,
    execute: async args => {
      const pipeline = target(args, 'see');
      if (pipeline) {
        await openVersionsDialog(model, trans, pipeline, number => {
          documents.openOrReveal(versionPath(pipeline, number), 'Editor');
        });
      }
    }
  });

  const shareTarget = (args: object): PipelineView | null => {
    const pipeline = target(args, 'share');
    return pipeline && model.mayShare(pipeline) ? pipeline : null;
  };

  commands.addCommand(CommandIDs.share, {
    label: trans.__('Share Pipeline…'),
    caption: trans.__('See and change who may see, run and change the pipeline'),
    icon: usersIcon,
    describedBy: args,
    isEnabled: args => shareTarget(args) !== null,
    isVisible: args => shareTarget(args) !== null,
    execute: async args => {
      const pipeline = shareTarget(args);
      if (pipeline) {
        await openSharingDialog(model.sharing, trans, {
          kind: 'pipeline',
          id: pipeline.id,
          name: pipeline.name,
          mayTransfer: model.may(pipeline, 'transfer')
        });
      }
    }
  });

  commands.addCommand(CommandIDs.delete, {
    label: trans.__('Delete Pipeline'),
    caption: trans.__('Delete the pipeline and end its runs; deleting can be undone'),
    icon: deleteIcon,
    describedBy: args,
    isEnabled: args => target(args, 'delete') !== null,
    isVisible: args => target(args, 'delete') !== null,
    execute: async args => {
      const pipeline = target(args, 'delete');
      if (!pipeline) {
        return;
      }
      const { name, id } = pipeline;
      try {
        await model.remove(id);
      } catch (error) {
        fail(error);
        return;
      }
      offerUndo({
        trans,
        message: trans.__('Pipeline “%1” was deleted.', name),
        caption: trans.__('Bring the pipeline back'),
        undo: () => model.restore(id),
        done: trans.__('Pipeline “%1” is back.', name),
        failed: error =>
          error instanceof ApiError && error.status === 409
            ? trans.__(
                'Another pipeline took the name “%1” meanwhile. Rename or delete that one, then undo again.',
                name
              )
            : model.message(error)
      });
    }
  });

  model.changed.connect(() => {
    for (const id of Object.values(CommandIDs)) {
      commands.notifyCommandChanged(id);
    }
  });
}
