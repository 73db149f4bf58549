/** The length, in characters, after which JupyterLab cuts a notification's text. */
export const LONGEST = 140;

/** A text's first sentences, as many as a notification shows; of a long sentence, its first words. */
export function shortened(text: string): string {
  if (text.length <= LONGEST) {
    return text;
  }
  const head = text.slice(0, LONGEST);
  const sentence = /^.*[.!?](?=\s)/s.exec(head)?.[0];
  return sentence ?? `${head.slice(0, LONGEST - 1).replace(/\s+\S*$/, '')}…`;
}
