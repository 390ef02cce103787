/** Pieces of Markdown pages. */

/** Said at the top of each page that is generated. */
export const generatedFrom = (source: string): string =>
  `<!-- Written by \`npm run docs\` from ${source}; changes made here are lost. -->`;

/** A cell keeps its bars and lines to itself. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ');

export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

export const code = (text: string): string => `\`${text}\``;

export const page = (...blocks: readonly string[]): string => `${blocks.join('\n\n')}\n`;

/** `A text, and more.` of `a text, and more`. */
export const sentence = (text: string): string =>
  text === '' ? '' : `${text[0]?.toUpperCase()}${text.slice(1)}${/[.!?)]$/.test(text) ? '' : '.'}`;
