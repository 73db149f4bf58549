/** The additions to an editor of a `*.pipeline.yaml`: error marks, completion, status and buttons. */
import type { Diagnostic } from '@codemirror/lint';
import { closeLintPanel, forceLinting, lintGutter, linter, openLintPanel } from '@codemirror/lint';
import type { Extension } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import type { CodeMirrorEditor } from '@jupyterlab/codemirror';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, runIcon, saveIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { Problem } from '../api/types';
import { ToolButton } from '../ui/iconbutton';
import { useModelState } from '../ui/signal';
import { Mark, Spinner } from '../ui/states';
import { marksOf } from './marks';
import type { PipelineFile, PipelineFileState } from './model';

/** How long a pause in typing must be before the server checks the file, in milliseconds. */
const PAUSE = 500;

/** Marks the errors that the server reports. */
export function marks(file: PipelineFile, trans: TranslationBundle): Extension {
  return [
    linter(
      async (view): Promise<Diagnostic[]> => {
        const text = view.state.doc.toString();
        await file.check();
        const { problems, warnings } = file.state;
        const marked = (
          found: readonly Problem[],
          severity: Diagnostic['severity']
        ): Diagnostic[] =>
          marksOf(text, found).map(({ from, to, message }) => ({
            from,
            to,
            message,
            severity,
            source: trans.__('line %1', view.state.doc.lineAt(from).number)
          }));
        return [...marked(problems, 'error'), ...marked(warnings, 'warning')];
      },
      { delay: PAUSE }
    ),
    lintGutter()
  ];
}

/** Checks the file again, because something that it depends on changed. */
export function checkAgain(editor: CodeMirrorEditor): void {
  forceLinting(editor.editor);
}

/** Lists the errors below the editor; a second call closes the list. */
export function listErrors(editor: CodeMirrorEditor, stay = false): void {
  const view = editor.editor;
  if (!stay && view.dom.querySelector('.cm-panel-lint')) {
    closeLintPanel(view);
  } else {
    openLintPanel(view);
  }
}

/** Calls `call` after the user typed something that can be completed. */
export function afterTyping(call: () => void): Extension {
  return EditorView.updateListener.of(update => {
    const typed = update.transactions.some(transaction => transaction.isUserEvent('input.type'));
    if (typed) {
      const { head } = update.state.selection.main;
      const line = update.state.doc.lineAt(head);
      if (/[\w.-]$|[:,[] $|\{\{ ?$/.test(line.text.slice(0, head - line.from))) {
        call();
      }
    }
  });
}

export interface ToolbarProps {
  file: PipelineFile;
  trans: TranslationBundle;
  save: () => void;
  run: () => void;
  /** Lists the errors below the editor, or closes the list. */
  listErrors: () => void;
}

export function statusWords(state: PipelineFileState, trans: TranslationBundle): string {
  const head = state.pipeline?.head ?? 0;
  switch (state.state) {
    case 'asking':
      return '';
    case 'new':
      return trans.__('Not saved to the Workbench');
    case 'saved':
      return state.pipeline?.approved === head
        ? trans.__('Version %1', head)
        : trans.__('Version %1, awaiting approval', head);
    case 'changed':
      return trans.__('Differs from version %1', head);
    case 'overtaken':
      return trans.__('Version %1 was saved by someone else', head);
    case 'version':
      return trans.__('Older version, read-only');
  }
}

function Toolbar(props: ToolbarProps): JSX.Element {
  const { file, trans } = props;
  const state = useModelState(file);
  const { problems, warnings, pipeline, saving } = state;
  const isVersion = state.state === 'version';
  const mayRun = !pipeline || pipeline.actions.includes('pipeline.run');
  return (
    <div className="wb-FileBar" data-testid="wb-file-bar" data-state={state.state}>
      {problems.length > 0 && (
        <button
          type="button"
          className="wb-LinkButton wb-FileBar-errors"
          title={trans.__('List the errors below the editor')}
          data-testid="wb-file-errors"
          onClick={props.listErrors}
        >
          <Mark kind="error" />
          {trans._n('%1 error', '%1 errors', problems.length)}
        </button>
      )}
      {warnings.length > 0 && (
        <button
          type="button"
          className="wb-LinkButton wb-FileBar-errors"
          title={warnings[0].message}
          data-testid="wb-file-warnings"
          onClick={props.listErrors}
        >
          <Mark kind="warning" />
          {trans._n('%1 warning', '%1 warnings', warnings.length)}
        </button>
      )}
      {state.unchecked && (
        <span className="wb-FileBar-status" title={state.unchecked}>
          <Mark kind="warning" /> {trans.__('not checked')}
        </span>
      )}
      <span className="wb-FileBar-status" role="status" data-testid="wb-file-status">
        {saving ? (
          <>
            <Spinner /> {trans.__('Saving…')}
          </>
        ) : (
          statusWords(state, trans)
        )}
      </span>
      {!isVersion && (
        <>
          <ToolButton
            icon={saveIcon}
            label={trans.__('Save to Workbench')}
            title={trans.__('Save the file, and a new version of the pipeline with its folder')}
            disabled={saving || state.state === 'asking'}
            testId="wb-file-save"
            onClick={props.save}
          />
          {mayRun && (
            <ToolButton
              icon={runIcon}
              label={trans.__('Run…')}
              title={trans.__('Save your changes, then run the pipeline')}
              disabled={saving || state.state === 'asking'}
              testId="wb-file-run"
              onClick={props.run}
            />
          )}
        </>
      )}
    </div>
  );
}

export function fileToolbar(props: ToolbarProps): ReactWidget {
  const widget = ReactWidget.create(<Toolbar {...props} />);
  widget.addClass('wb-FileBar-widget');
  return widget;
}
