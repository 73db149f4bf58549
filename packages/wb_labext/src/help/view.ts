import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { MimeModel } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import { caretLeftIcon, listIcon, ToolbarButton, Toolbar } from '@jupyterlab/ui-components';
import { BoxLayout, Panel, Widget } from '@lumino/widgets';

import { helpIcon } from '../ui/icons';
import { anchor } from './links';
import type { Pages } from './pages';
import { INDEX } from './pages';

const NO_LINKS = { handleLink: (): void => undefined };

/** Links that lead nowhere become plain text: Lab empties those that the resolver rejects. */
function tidy(node: HTMLElement): void {
  for (const link of node.querySelectorAll('a[href=""]')) {
    link.replaceWith(...link.childNodes);
  }
}

/** A page of the documentation, with links to the others. */
export class HelpView extends Widget {
  constructor(
    private readonly pages: Pages,
    private readonly rendermime: IRenderMimeRegistry,
    trans: TranslationBundle,
    page = INDEX
  ) {
    super();
    this.addClass('wb-Help');
    this.node.dataset.testid = 'wb-help';
    this.title.icon = helpIcon;
    this.title.label = trans.__('Documentation');
    this.back = new ToolbarButton({
      icon: caretLeftIcon,
      tooltip: trans.__('Back'),
      enabled: false,
      onClick: () => void this.goBack()
    });
    const toolbar = new Toolbar();
    toolbar.node.setAttribute('aria-label', trans.__('Documentation toolbar'));
    toolbar.addItem('back', this.back);
    toolbar.addItem(
      'contents',
      new ToolbarButton({
        icon: listIcon,
        label: trans.__('Contents'),
        onClick: () => void this.open(INDEX)
      })
    );
    this.body.addClass('wb-Help-body');
    this.body.node.tabIndex = 0;
    this.body.node.addEventListener('click', event => this.onClick(event));
    const layout = (this.layout = new BoxLayout({ direction: 'top-to-bottom', spacing: 0 }));
    layout.addWidget(toolbar);
    layout.addWidget(this.body);
    BoxLayout.setStretch(toolbar, 0);
    BoxLayout.setStretch(this.body, 1);
    void this.open(page);
  }

  /** The path of the page that is shown. */
  get page(): string {
    return this.current;
  }

  /** Shows a page, or a heading of it: `runs.md#states`. */
  async open(link: string, remember = true): Promise<void> {
    const [path, hash = ''] = link.split('#');
    if (remember && this.current) {
      this.history.push({ page: this.current, top: this.body.node.scrollTop });
    }
    if (path !== this.current) {
      await this.load(path);
    }
    this.back.enabled = this.history.length > 0;
    const heading = hash ? this.heading(hash) : null;
    if (heading) {
      heading.scrollIntoView();
    } else {
      this.body.node.scrollTop = 0;
    }
  }

  private async goBack(): Promise<void> {
    const before = this.history.pop();
    if (before) {
      await this.open(before.page, false);
      this.body.node.scrollTop = before.top;
    }
  }

  private async load(path: string): Promise<void> {
    this.current = path;
    let content: Widget;
    try {
      const text = await this.pages.text(path);
      const renderer = this.rendermime
        // Lab's own handler would open links as documents of the user's.
        .clone({ resolver: this.pages.resolver(path), linkHandler: NO_LINKS })
        .createRenderer('text/markdown');
      await renderer.renderModel(
        new MimeModel({ data: { 'text/markdown': text }, trusted: false })
      );
      tidy(renderer.node);
      content = renderer;
    } catch (error) {
      content = new Widget();
      content.addClass('wb-Notice');
      content.node.textContent = error instanceof Error ? error.message : String(error);
    }
    if (this.isDisposed || this.current !== path) {
      content.dispose();
      return;
    }
    for (const old of [...this.body.widgets]) {
      old.dispose();
    }
    this.body.addWidget(content);
    const title = content.node.querySelector('h1')?.textContent?.replace(/¶$/, '').trim();
    this.title.caption = title ?? '';
  }

  private onClick(event: MouseEvent): void {
    const link = (event.target as HTMLElement).closest('a');
    const href = link?.getAttribute('href');
    if (!link || !href) {
      return;
    }
    const root = this.pages.url('');
    const inside = href.startsWith('#')
      ? this.current + href
      : href.startsWith(root)
        ? decodeURIComponent(href.slice(root.length).replace(/^\//, ''))
        : null;
    if (inside !== null && /\.md(#|$)/.test(inside)) {
      event.preventDefault();
      event.stopPropagation();
      void this.open(inside);
    } else {
      link.target = '_blank';
      link.rel = 'noopener';
    }
  }

  private heading(hash: string): Element | null {
    const wanted = decodeURIComponent(hash);
    return (
      [...this.body.node.querySelectorAll('h1, h2, h3, h4, h5, h6')].find(
        heading => anchor((heading.textContent ?? '').replace(/¶$/, '')) === wanted
      ) ?? null
    );
  }

  private current = '';
  private readonly history: { page: string; top: number }[] = [];
  private readonly back: ToolbarButton;
  private readonly body = new Panel();
}
