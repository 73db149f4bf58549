/** The files that are saved with a pipeline, with their sizes, and the question whether to. */
import { Dialog, ReactWidget, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { sizeWords } from '../ui/sizes';

/** Files of a folder: path -> content in Base64. */
export type Files = Readonly<Record<string, string>>;

/** The number of bytes of a content in Base64. */
export function sizeOf(base64: string): number {
  return (base64.length / 4) * 3 - (/=*$/.exec(base64)?.[0].length ?? 0);
}

/** The files that the user put into the folder: not what the Workbench adds, whose names are hidden. */
export function visible(files: Files): string[] {
  return Object.keys(files)
    .filter(path => !path.startsWith('.'))
    .sort();
}

/** Lists files with their sizes, and the total. */
export function FileList(props: {
  title: string;
  files: Files;
  trans: TranslationBundle;
}): JSX.Element {
  const { title, files, trans } = props;
  const paths = visible(files);
  const total = paths.reduce((sum, path) => sum + sizeOf(files[path]), 0);
  return (
    <div className="wb-FileList" data-testid="wb-filelist">
      <div className="wb-FileList-title">
        {title} {trans._n('%1 file, %2', '%1 files, %2', paths.length, sizeWords(total))}
      </div>
      <ul aria-label={title} tabIndex={0}>
        {paths.map(path => (
          <li key={path}>
            <span className="wb-FileList-path" title={path}>
              {path}
            </span>
            <span className="wb-FileList-size">{sizeWords(sizeOf(files[path]))}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Asks whether to save files with a pipeline that its newest version doesn't have yet. */
export async function mayAdd(
  trans: TranslationBundle,
  files: Files,
  isHome: boolean
): Promise<boolean> {
  if (visible(files).length === 0) {
    return true;
  }
  const body = ReactWidget.create(
    <div>
      <FileList
        title={trans.__('Saved with the pipeline for the first time:')}
        files={files}
        trans={trans}
      />
      <p className="wb-Field-help">
        {isHome
          ? trans.__(
              'The file is in your home, so these are files of your home. To save only what the pipeline needs, move its file and notebooks to a folder of their own.'
            )
          : trans.__(
              'Everyone who may see the pipeline can read them. To leave files out, list them in .workbenchignore.'
            )}
      </p>
    </div>
  );
  const { button } = await showDialog({
    title: trans.__('Save these files?'),
    body,
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({ label: trans.__('Save') })
    ],
    defaultButton: isHome ? 0 : 1
  });
  return button.accept;
}
