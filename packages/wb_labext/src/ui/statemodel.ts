import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

/**
 * A state, and a signal of its changes. The state is replaced, never mutated, so that `useModelState`
 * notices each change.
 */
export abstract class StateModel<S extends object> implements IDisposable {
  constructor(private current: S) {}

  get state(): S {
    return this.current;
  }

  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  get isDisposed(): boolean {
    return this.disposed;
  }

  dispose(): void {
    this.disposed = true;
    Signal.clearData(this);
  }

  protected set(change: Partial<S>): void {
    const keys = Object.keys(change) as (keyof S)[];
    if (!this.disposed && keys.some(key => change[key] !== this.current[key])) {
      this.current = { ...this.current, ...change };
      this.changedSignal.emit();
    }
  }

  private readonly changedSignal = new Signal<this, void>(this);
  private disposed = false;
}
