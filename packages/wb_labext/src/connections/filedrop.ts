/** Files that are dropped on the tree: from the computer, and from Lab's file browser. */
import React from 'react';

/** The type of the paths that JupyterLab's file browser drags. */
const PATHS = 'application/x-jupyter-icontents';

/** What is used of JupyterLab's own drag events, which are not the browser's. */
interface LabDrag extends Event {
  readonly mimeData: { hasData(type: string): boolean; getData(type: string): unknown };
  readonly proposedAction: string;
  dropAction: string;
}

export interface FileDrop {
  /** Whether files may be dropped on a row. */
  accepts: (key: string) => boolean;
  /** Called with what was dropped: a file of the computer, or a path in Lab. */
  dropped: (key: string, what: { file: File } | { path: string }) => void;
}

/**
 * Lets files be dropped on the rows of a tree, which have a `data-key`.
 *
 * @returns the key of the row that a drop would reach
 */
export function useFileDrop(
  tree: React.RefObject<HTMLElement>,
  { accepts, dropped }: FileDrop
): string | null {
  const [over, setOver] = React.useState<string | null>(null);
  const latest = React.useRef({ accepts, dropped });
  latest.current = { accepts, dropped };

  React.useEffect(() => {
    const node = tree.current;
    if (!node) {
      return;
    }
    const keyAt = (target: EventTarget | null): string | null =>
      (target as Element | null)?.closest?.<HTMLElement>('[data-key]')?.dataset.key ?? null;

    const onDragOver = (event: DragEvent): void => {
      if (!event.dataTransfer?.types.includes('Files')) {
        return;
      }
      const key = keyAt(event.target);
      const may = key !== null && latest.current.accepts(key);
      // Prevented anyway: otherwise the browser would leave the page for the file.
      event.preventDefault();
      event.stopPropagation();
      event.dataTransfer.dropEffect = may ? 'copy' : 'none';
      setOver(may ? key : null);
    };
    const onDrop = (event: DragEvent): void => {
      const key = keyAt(event.target);
      const file = event.dataTransfer?.files[0];
      setOver(null);
      if (file) {
        event.preventDefault();
        event.stopPropagation();
        if (key !== null) {
          latest.current.dropped(key, { file });
        }
      }
    };
    const onLeave = (event: DragEvent): void => {
      if (!node.contains(event.relatedTarget as Node | null)) {
        setOver(null);
      }
    };

    const onLumino = (event: Event): void => {
      const drag = event as LabDrag;
      if (!drag.mimeData.hasData(PATHS)) {
        return;
      }
      const key = keyAt(drag.target);
      const may = key !== null && latest.current.accepts(key);
      drag.preventDefault();
      drag.stopPropagation();
      if (drag.type === 'lm-dragleave') {
        setOver(null);
        return;
      }
      drag.dropAction = may ? drag.proposedAction : 'none';
      setOver(drag.type !== 'lm-drop' && may ? key : null);
      if (drag.type === 'lm-drop' && key !== null) {
        const [path] = drag.mimeData.getData(PATHS) as string[];
        latest.current.dropped(key, { path });
      }
    };

    node.addEventListener('dragover', onDragOver);
    node.addEventListener('drop', onDrop);
    node.addEventListener('dragleave', onLeave);
    LUMINO.forEach(type => node.addEventListener(type, onLumino));
    return () => {
      node.removeEventListener('dragover', onDragOver);
      node.removeEventListener('drop', onDrop);
      node.removeEventListener('dragleave', onLeave);
      LUMINO.forEach(type => node.removeEventListener(type, onLumino));
    };
  }, [tree]);
  return over;
}

const LUMINO = ['lm-dragenter', 'lm-dragover', 'lm-dragleave', 'lm-drop'];
