/**
 * Keeps Tab inside a dialog: JupyterLab's own code looks for the first field before a React body exists.
 *
 * @param after - the element after the dialog's last button, outside the dialog
 * @returns whether the event was handled
 */
export function keepTabInside(
  node: HTMLElement,
  event: KeyboardEvent,
  after: readonly HTMLElement[] = []
): boolean {
  const all = [
    ...node.querySelectorAll<HTMLElement>('input, select, textarea, button, summary, a[href]')
  ].filter(item => !item.matches(':disabled, [tabindex="-1"]') && item.checkVisibility());
  const last = all.length - 1;
  const place = all.indexOf(document.activeElement as HTMLElement);
  const to = event.shiftKey ? (place <= 0 ? last : -1) : place === last ? 0 : -1;
  if (to < 0) {
    return false;
  }
  event.preventDefault();
  event.stopPropagation();
  if (to === 0 && !event.shiftKey && after.length > 0) {
    after[0].focus();
    return true;
  }
  // Tab enters a group of radio buttons at the checked one.
  const { name } = all[to] as HTMLInputElement;
  const group = all.filter(
    item => item.matches('input[type="radio"]') && (item as HTMLInputElement).name === name
  );
  const chosen = group.find(item => (item as HTMLInputElement).checked);
  (group.includes(all[to]) ? (chosen ?? all[to]) : all[to])?.focus();
  return true;
}
