import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

/** The topics of the server's events. An event only says "this changed, fetch again". */
export const TOPICS = ['connections', 'me', 'pipelines', 'queries', 'runs'] as const;

export type Topic = (typeof TOPICS)[number];

const FIRST_DELAY = 1_000;
const LONGEST_DELAY = 15_000;

export interface EventStreamOptions {
  /** The stream's URL, with the topics. */
  url: string;
  /** For tests. */
  connect?: (url: string) => EventSource;
}

/**
 * The URL with Jupyter's XSRF token, read from its cookie. Other requests send it as a header, which an
 * `EventSource` can't; and JupyterHub accepts the session cookie only together with the token.
 */
export function withXsrf(url: string, cookies: string): string {
  const token = /(?:^|; )_xsrf=([^;]*)/.exec(cookies)?.[1];
  return token ? `${url}&_xsrf=${encodeURIComponent(token)}` : url;
}

/**
 * Live updates: one stream per browser tab, because browsers open only a few connections per origin.
 *
 * The stream opens with the first `start()`. Each time it opens, every topic is signalled once, because
 * changes between the last fetch and the opening are not sent. The same when it breaks: what can't be kept
 * up to date finds out why.
 */
export class EventStream implements IDisposable {
  constructor(options: EventStreamOptions) {
    this.url = options.url;
    this.connect = options.connect ?? (url => new EventSource(withXsrf(url, document.cookie)));
  }

  get isDisposed(): boolean {
    return this.disposed;
  }

  signal(topic: Topic): ISignal<this, void> {
    return this.signals[topic];
  }

  start(): void {
    if (!this.source && !this.disposed && this.timer === null) {
      this.open();
    }
  }

  dispose(): void {
    this.disposed = true;
    this.close();
    Signal.clearData(this);
  }

  private open(): void {
    const source = this.connect(this.url);
    this.source = source;
    let opened = false;
    source.onopen = () => {
      opened = true;
      this.delay = FIRST_DELAY;
      TOPICS.forEach(topic => this.signals[topic].emit());
    };
    source.onerror = () => {
      // Browsers give up after an HTTP error (a restarted service, an expired session) and hammer
      // the server after a network error, so we reconnect ourselves in both cases.
      this.close();
      const jitter = 0.5 + Math.random() / 2;
      this.timer = setTimeout(() => {
        this.timer = null;
        this.open();
      }, this.delay * jitter);
      this.delay = Math.min(this.delay * 2, LONGEST_DELAY);
      if (opened) {
        TOPICS.forEach(topic => this.signals[topic].emit());
      }
    };
    for (const topic of TOPICS) {
      source.addEventListener(topic, () => this.signals[topic].emit());
    }
  }

  private close(): void {
    if (this.timer !== null) {
      clearTimeout(this.timer);
      this.timer = null;
    }
    if (this.source) {
      this.source.onopen = null;
      this.source.onerror = null;
      this.source.close();
      this.source = null;
    }
  }

  private readonly url: string;
  private readonly connect: (url: string) => EventSource;
  private readonly signals = Object.fromEntries(
    TOPICS.map(topic => [topic, new Signal<this, void>(this)])
  ) as Record<Topic, Signal<this, void>>;
  private source: EventSource | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private delay = FIRST_DELAY;
  private disposed = false;
}
