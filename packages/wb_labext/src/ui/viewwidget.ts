import type { LabIcon } from '@jupyterlab/ui-components';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';
import type { ISignal } from '@lumino/signaling';

/** What a view in the main area needs from its model. */
export interface WatchedModel extends IDisposable {
  readonly changed: ISignal<unknown, void>;
  watch(shown: boolean): void;
}

export interface ViewWidgetOptions<Model> {
  model: Model;
  className: string;
  icon: LabIcon;
  /** The current label of the tab. */
  label: () => string;
  render: () => JSX.Element;
  /** Whether something else also uses the model, so that it outlives the view. */
  keepModel?: boolean;
}

/** A view in the main area; its model asks the server only while it is shown. */
export class ViewWidget<Model extends WatchedModel> extends ReactWidget {
  constructor(private readonly options: ViewWidgetOptions<Model>) {
    super();
    this.addClass(options.className);
    this.title.icon = options.icon;
    this.setLabel();
    this.model.changed.connect(this.setLabel, this);
  }

  get model(): Model {
    return this.options.model;
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this.model.changed.disconnect(this.setLabel, this);
    if (this.options.keepModel) {
      this.model.watch(false);
    } else {
      this.model.dispose();
    }
    super.dispose();
  }

  protected render(): JSX.Element {
    return this.options.render();
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.model.watch(true);
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this.model.watch(false);
  }

  private setLabel(): void {
    this.title.label = this.options.label();
  }
}
