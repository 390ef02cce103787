/** Parses cells as numbers. */

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** A finite decimal number. Undefined for any other text, such as `NaN`, `Infinity`, `0x10` and the empty text. */
export function parseNumber(text: string): number | undefined {
  if (!NUMBER.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** The character before the decimals. */
export type DecimalMark = ',' | '.';

const WITH_COMMA = /^[+-]?(?:\d{1,3}(?:[.' \u00a0]\d{3})+|\d+)(?:,\d+)?$/;
const WITH_POINT = /^[+-]?(?:\d{1,3}(?:[,' \u00a0]\d{3})+|\d+)(?:\.\d+)?$/;

/**
 * A number as people write it: also with a decimal comma, and with separators of thousands. Undefined for any other text,
 * and without a mark for one such as `1,234`, which may be either.
 */
export function parseDecimal(text: string, mark?: DecimalMark): number | undefined {
  if (mark !== ',') {
    const value = parseNumber(text);
    if (value !== undefined) return value;
  }
  const comma = WITH_COMMA.test(text);
  const point = WITH_POINT.test(text);
  if (mark === undefined && comma && point && /[.,]/.test(text)) return undefined;
  if (comma && mark !== '.') return parseNumber(text.replace(/[.' \u00a0]/g, '').replace(',', '.'));
  return point && mark !== ',' ? parseNumber(text.replace(/[,' \u00a0]/g, '')) : undefined;
}
