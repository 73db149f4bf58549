/**
 * Focuses an element as soon as it exists: parts of a form are loaded when they are
 * first shown.
 *
 * @returns a function that stops waiting
 */
export function focusWhenThere(id: string): () => void {
  const find = (): boolean => {
    const node = document.getElementById(id);
    node?.focus();
    return node !== null;
  };
  if (find()) {
    return () => undefined;
  }
  const observer = new MutationObserver(() => {
    if (find()) {
      observer.disconnect();
    }
  });
  observer.observe(document.body, { childList: true, subtree: true });
  return () => observer.disconnect();
}
