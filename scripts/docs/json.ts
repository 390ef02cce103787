/** Columns of a line, as the formatter has it. */
const WIDTH = 120;

/** JSON in the layout of this repository's formatter: a list that fits into one line stays in one line. */
export function formatJson(value: unknown, indent = '', used = 0): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    const line = `[${value.map((one) => JSON.stringify(one)).join(', ')}]`;
    const plain = value.every((one) => typeof one !== 'object' || one === null);
    // One more for the comma behind it.
    if (plain && used + line.length < WIDTH) return line;
    return `[\n${value.map((one) => inner + formatJson(one, inner, inner.length)).join(',\n')}\n${indent}]`;
  }
  const members = Object.entries(value).filter(([, one]) => one !== undefined);
  if (members.length === 0) return '{}';
  const lines = members.map(([name, one]) => {
    const head = `${inner}${JSON.stringify(name)}: `;
    return head + formatJson(one, inner, head.length);
  });
  return `{\n${lines.join(',\n')}\n${indent}}`;
}
