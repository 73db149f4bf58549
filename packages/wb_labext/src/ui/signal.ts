import type { ISignal } from '@lumino/signaling';
import { useCallback, useSyncExternalStore } from 'react';

/** A model's current state in a React component, which re-renders when the model signals a change. */
export function useModelState<S>(model: {
  readonly changed: ISignal<unknown, void>;
  readonly state: S;
}): S {
  const subscribe = useCallback(
    (notify: () => void) => {
      const slot = (): void => notify();
      model.changed.connect(slot);
      return () => {
        model.changed.disconnect(slot);
      };
    },
    [model]
  );
  return useSyncExternalStore(subscribe, () => model.state);
}
