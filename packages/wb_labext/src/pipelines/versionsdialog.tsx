import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import type { PipelineView, VersionSummary } from '../api/types';
import { ageWords, exactWords } from '../runs/words';
import { Fetched } from '../ui/fetched';
import { LiveDialog } from '../ui/livedialog';
import { useModelState } from '../ui/signal';
import { Mark, Problem } from '../ui/states';
import type { PipelinesModel } from './model';
import { VersionsModel } from './versionsmodel';
import { approvalWords, approvedWords, approverWords, diffLines, waitsForApproval } from './words';

/**
 * Opens the list of a pipeline's versions, with their changes, to restore and approve them.
 *
 * @param openVersion - opens a version in an editor
 */
export async function openVersionsDialog(
  model: PipelinesModel,
  trans: TranslationBundle,
  pipeline: PipelineView,
  openVersion: (number: number) => void
): Promise<void> {
  const versions = new VersionsModel(model, pipeline, trans);
  const body = ReactWidget.create(
    <Versions
      versions={versions}
      trans={trans}
      onOpen={number => {
        dialog.reject();
        openVersion(number);
      }}
    />
  );
  body.addClass('wb-FormBody');
  const dialog = new LiveDialog({
    title: trans.__('Versions of “%1”', pipeline.name),
    className: 'wb-mod-wideDialog',
    body,
    closeLabel: trans.__('Done'),
    testId: 'wb-versions'
  });
  void versions.start();
  try {
    await dialog.launch();
  } finally {
    versions.dispose();
  }
}

interface VersionsProps {
  versions: VersionsModel;
  trans: TranslationBundle;
  onOpen: (number: number) => void;
}

function Versions(props: VersionsProps): JSX.Element {
  const { versions, trans } = props;
  const state = useModelState(versions);
  const { pipeline } = state;
  const waits = waitsForApproval(pipeline);
  return (
    <Fetched
      model={versions}
      name="versions"
      loading={trans.__('Loading versions…')}
      failed={trans.__('Could not load the versions')}
      trans={trans}
    >
      <div className="wb-FormBody-answer" aria-live="assertive">
        {state.problem && <Problem text={state.problem} />}
      </div>
      {waits && (
        <div className="wb-Banner wb-mod-question" data-testid="wb-versions-waits">
          <span className="wb-Banner-text">
            {approvalWords(pipeline, trans)}.{' '}
            {approverWords(pipeline, versions.may('approve'), trans)}
          </span>
          {versions.may('approve') && (
            <button
              type="button"
              className="jp-mod-styled jp-mod-accept"
              disabled={state.busy}
              data-testid="wb-version-approve"
              onClick={() => void versions.approve(pipeline.head)}
            >
              {trans.__('Approve version %1', pipeline.head)}
            </button>
          )}
        </div>
      )}
      <div className="wb-Dialog-scroll wb-Versions">
        {state.versions.map((version, index) => (
          <VersionPart key={version.number} {...props} version={version} open={index === 0} />
        ))}
        {state.more && (
          <button
            type="button"
            className="jp-mod-styled jp-mod-reject"
            disabled={state.busy}
            onClick={() => void versions.more()}
          >
            {trans.__('Show older versions')}
          </button>
        )}
      </div>
    </Fetched>
  );
}

function VersionPart(
  props: VersionsProps & { version: VersionSummary; open: boolean }
): JSX.Element {
  const { version, versions, trans } = props;
  const { pipeline, busy } = useModelState(versions);
  const runs = version.number === pipeline.approved;
  const waits = version.number === pipeline.head && waitsForApproval(pipeline);
  return (
    <details
      className="wb-Version"
      open={props.open}
      data-testid="wb-version"
      data-number={version.number}
    >
      <summary>
        <span className="wb-Version-number">{trans.__('Version %1', version.number)}</span>
        {runs && <span className="wb-Badge wb-mod-ok">{trans.__('active')}</span>}
        {waits && (
          <span className="wb-Badge wb-mod-waits">
            <Mark kind="warning" /> {trans.__('awaiting approval')}
          </span>
        )}
        <span className="wb-Version-who" title={exactWords(version.created_at)}>
          {trans.__('%1, %2', version.author, ageWords(version.created_at))}
        </span>
        {version.note && <span className="wb-Version-note">{version.note}</span>}
      </summary>
      <div className="wb-Version-buttons">
        <button
          type="button"
          className="wb-LinkButton"
          data-testid="wb-version-open"
          onClick={() => props.onOpen(version.number)}
        >
          {trans.__('Open file')}
        </button>
        {versions.may('update') && version.number !== pipeline.head && (
          <button
            type="button"
            className="wb-LinkButton"
            disabled={busy}
            data-testid="wb-version-restore"
            title={trans.__('Save its file and folder as the newest version; no version is lost')}
            onClick={() => void versions.restore(version.number)}
          >
            {trans.__('Restore this version')}
          </button>
        )}
        <span className="wb-Row-muted">{approvedWords(version, pipeline, trans)}</span>
      </div>
      {version.files.length > 0 && (
        <details className="wb-Version-folder" data-testid="wb-version-folder">
          <summary>{trans.__('Files in its folder: %1', version.files.length)}</summary>
          <ul>
            {version.files.map(path => (
              <li key={path}>
                <a
                  className="wb-LinkButton"
                  href={versions.fileUrl(version.number, path)}
                  download={path.split('/').at(-1)}
                  title={trans.__('Download %1', path)}
                >
                  {path}
                </a>
              </li>
            ))}
          </ul>
        </details>
      )}
      {version.diff ? (
        <pre className="wb-Diff" tabIndex={0} aria-label={trans.__('Changes in this version')}>
          {diffLines(version.diff).map((line, index) => (
            <span key={index} className={`wb-Diff-line wb-mod-${line.kind}`}>
              {line.text}
              {'\n'}
            </span>
          ))}
        </pre>
      ) : (
        <p className="wb-Row-muted">{trans.__('No changes from the previous version.')}</p>
      )}
    </details>
  );
}
