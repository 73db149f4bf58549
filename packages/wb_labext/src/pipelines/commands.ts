import type { JupyterFrontEnd } from '@jupyterlab/application';
import { InputDialog } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import type { TranslationBundle } from '@jupyterlab/translation';
import {
  addIcon,
  editIcon,
  historyIcon,
  listIcon,
  pauseIcon,
  refreshIcon,
  runIcon
} from '@jupyterlab/ui-components';

import { notify } from '../ui/notify';
import type { PipelineView } from '../api/types';
import { FIRST_NOTEBOOK, SUFFIX, nameFrom, starterText } from '../pipelinefile/document';
import type { Folders } from '../pipelinefile/folder';
import type { PipelineFiles } from '../pipelinefile/remember';
import { RunCommandIDs } from '../runs/commandids';
import { pipelinePath, versionPath } from '../runs/drive';
import { addOwnedCommands } from '../sharing/commands';
import { NO_ARGS, about } from '../ui/commands';
import { pipelinesIcon } from '../ui/icons';
import { CommandIDs } from './commandids';
import type { PipelinesModel } from './model';
import { runSaved } from './startrun';
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
    notify(trans, 'error', model.message(error));
  }

  function target(args: object, action: string): PipelineView | null {
    const { pipeline: id } = args as { pipeline?: string };
    const pipeline = model.item(id ?? model.state.active);
    return pipeline && model.may(pipeline, action) ? pipeline : null;
  }

  const describedBy = {
    args: {
      type: 'object',
      properties: { pipeline: { type: 'string', description: trans.__("The pipeline's id") } }
    }
  } as const;

  commands.addCommand(CommandIDs.open, {
    label: trans.__('Pipelines'),
    caption: trans.__('Show the pipelines, their last runs and their schedules'),
    icon: pipelinesIcon,
    describedBy: NO_ARGS,
    execute: () => app.shell.activateById(panelId)
  });

  commands.addCommand(CommandIDs.refresh, {
    label: trans.__('Refresh Pipelines'),
    caption: trans.__('Refresh pipelines'),
    icon: refreshIcon,
    describedBy: NO_ARGS,
    execute: () => model.refresh()
  });

  commands.addCommand(CommandIDs.allRuns, {
    label: trans.__('All Runs'),
    caption: trans.__('Show the runs of all pipelines'),
    icon: listIcon,
    describedBy: NO_ARGS,
    execute: () => commands.execute(RunCommandIDs.list)
  });

  commands.addCommand(CommandIDs.create, {
    label: args => (args.isMenu ? trans.__('Pipeline File…') : trans.__('New Pipeline File…')),
    caption: trans.__('Create a folder with a pipeline file and a notebook'),
    icon: args => (args.isMenu || args.isLauncher ? pipelinesIcon : addIcon),
    describedBy: NO_ARGS,
    isEnabled: () => model.state.phase !== 'ready' || model.mayCreate,
    execute: async () => {
      const { button, value } = await InputDialog.getText({
        title: trans.__('New pipeline'),
        label: trans.__('Its name, in lower-case letters, digits and underscores'),
        text: 'new_pipeline',
        okLabel: trans.__('Create')
      });
      if (!button.accept || !value?.trim()) {
        return;
      }
      try {
        const name = nameFrom(value);
        // A folder of its own: everything in it is saved with the pipeline.
        const folder = await folders.freePath(browser?.model.path ?? '', name, '');
        const comment = [
          trans.__('List the tasks of the pipeline. Press Tab to complete; errors are marked.'),
          trans.__('Click “Save to Workbench” above to create the pipeline.')
        ];
        await folders.makeFolder(folder);
        const path = PathExt.join(folder, name + SUFFIX);
        await folders.writeNotebook(PathExt.join(folder, FIRST_NOTEBOOK));
        await folders.write(path, starterText(name, comment));
        documents.openOrReveal(path, 'Editor');
        await browser?.model.cd(`/${folder}`);
      } catch (error) {
        fail(error);
      }
    }
  });

  commands.addCommand(CommandIDs.run, {
    label: trans.__('Run Pipeline…'),
    caption: trans.__('Enter the parameters and start a run'),
    icon: runIcon,
    describedBy,
    isEnabled: args => target(args, 'run') !== null,
    isVisible: args => target(args, 'run') !== null,
    execute: async args => {
      const { pipeline: id } = args as { pipeline?: string };
      // A file that was just saved isn't in the list yet.
      const pipeline = target(args, 'run') ?? (id ? await model.api.get(id) : null);
      const run = pipeline && (await runSaved(model, trans, pipeline));
      if (run) {
        await commands.execute(RunCommandIDs.open, { run: run.id });
      }
    }
  });

  commands.addCommand(CommandIDs.lastRun, {
    label: trans.__('Open Last Run'),
    caption: trans.__('Show the latest run of the pipeline'),
    icon: pipelinesIcon,
    describedBy,
    ...about(
      args => target(args, 'see')?.last_run ?? null,
      async ({ id }) => {
        await commands.execute(RunCommandIDs.open, { run: id });
      }
    )
  });

  commands.addCommand(CommandIDs.runs, {
    label: trans.__('Runs'),
    caption: trans.__('Show the runs of the pipeline'),
    icon: listIcon,
    describedBy,
    ...about(
      args => target(args, 'see'),
      async ({ id, name }) => {
        await commands.execute(RunCommandIDs.list, { pipeline: id, name });
      }
    )
  });

  commands.addCommand(CommandIDs.pause, {
    caption: trans.__('Pause the schedule without deleting it, or resume it'),
    icon: pauseIcon,
    describedBy,
    ...about(
      args => {
        const pipeline = target(args, 'update');
        return pipeline && hasSchedule(pipeline) ? pipeline : null;
      },
      ({ id, paused }) => model.pause(id, !paused),
      fail
    ),
    label: args =>
      target(args, 'update')?.paused ? trans.__('Resume Schedule') : trans.__('Pause Schedule')
  });

  commands.addCommand(CommandIDs.edit, {
    label: args =>
      target(args, 'update') ? trans.__('Edit Pipeline') : trans.__('Open Pipeline File'),
    caption: trans.__('Open the file it was saved from, or its newest version'),
    icon: editIcon,
    describedBy,
    ...about(
      args => target(args, 'see'),
      async pipeline => {
        const own = await files.pathOf(pipeline.id);
        const path = own && (await folders.exists(own)) ? own : pipelinePath(pipeline);
        documents.openOrReveal(path, 'Editor');
      }
    )
  });

  commands.addCommand(CommandIDs.versions, {
    label: trans.__('Versions…'),
    caption: trans.__('See what changed, restore a version, approve the newest one'),
    icon: historyIcon,
    describedBy,
    ...about(
      args => target(args, 'see'),
      pipeline =>
        openVersionsDialog(model, trans, pipeline, number => {
          documents.openOrReveal(versionPath(pipeline, number), 'Editor');
        })
    )
  });

  addOwnedCommands({
    commands,
    model,
    ids: CommandIDs,
    describedBy,
    find: target,
    texts: {
      share: trans.__('Share Pipeline…'),
      shareCaption: trans.__('See and change who can view, run and edit the pipeline'),
      delete: trans.__('Delete Pipeline'),
      deleteCaption: trans.__('Delete the pipeline and cancel its runs; you can undo the deletion'),
      deleted: name => trans.__('Pipeline “%1” was deleted.', name),
      restore: trans.__('Restore the pipeline'),
      restored: name => trans.__('Pipeline “%1” was restored.', name),
      taken: name =>
        trans.__(
          'The name “%1” is now used by another pipeline. Rename or delete that one, then undo again.',
          name
        )
    },
    trans
  });

  model.changed.connect(() => {
    for (const id of Object.values(CommandIDs)) {
      commands.notifyCommandChanged(id);
    }
  });
}
