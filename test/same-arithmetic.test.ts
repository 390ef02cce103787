/**
 * Arithmetic that every machine does alike. `2 ** x` of a fraction differs between Node 20 and 24, and other functions of
 * `Math` may; `src/engine/model/primitives/math.ts` takes their places. The test reads the sources of what folds, scores
 * and divides users. They may use powers of two with whole exponents, which are exact everywhere.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ROOMS = ['engine', 'bus', 'feedback', 'experiment'];
const TESTS = /\.(test|fixture|features)\.ts$|testing\.ts$/;

const COMMENTS = /\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*/gm;
const INEXACT =
  /[\w.]+(?:\(.*?\)|\[.*?\]!?)? \*\* (?:-?[\w.]+|\(.*?\))|\*\*|\bMath\.(?:pow|exp|expm1|log|log2|log10|log1p|cbrt|hypot|a?sinh?|a?cosh?|a?tanh?|atan2)\b/g;
const EXACT = /^2 \*\* -?\d+$/;

/** By file: powers of two whose exponents are variables with whole numbers. */
const WHOLE: Readonly<Record<string, readonly string[]>> = {
  'bus/log/event-publisher.ts': ['2 ** attempt'],
  'bus/nats/publisher.ts': ['2 ** flight.attempts'],
  'engine/model/primitives/log-order.ts': ['2 ** DIGIT_BITS'],
  'engine/model/primitives/math.ts': ['2 ** (LN_BITS + 1)', '2 ** LN_BITS', '2 ** (1023 - i)'],
  'engine/model/state/histories.ts': ['2 ** size', '2 ** current'],
  'engine/model/state/term-postings.ts': ['2 ** WEIGHT_BITS'],
  'engine/snapshots/retention.ts': ['2 ** (range - 1)', '2 ** range'],
};
/** By file: functions for figures of a report, on which no fold, no score and no arm depends. */
const REPORTED: Readonly<Record<string, readonly string[]>> = {
  'engine/lifecycle/shadow/comparison.ts': ['Math.log'],
  'feedback/sequential.ts': ['Math.exp', 'Math.log'],
  'feedback/statistics.ts': ['Math.log2'],
};

const inexact = (source: string): string[] =>
  (source.replaceAll(COMMENTS, '').match(INEXACT) ?? []).filter((found) => !EXACT.test(found));

it('finds powers and functions that are not exact', () => {
  expect(inexact('a = 2 ** 20; b = 2 ** -32; /* c ** d */ // 3 ** e')).toEqual([]);
  expect(inexact('2 ** (-age / LIFE)')).toEqual(['2 ** (-age / LIFE)']);
  expect(inexact('(a - b) ** 2; v[i]! ** 2; 2 ** 0.5; 10 ** 3; f(x) ** y')).toHaveLength(5);
  expect(inexact('Math.pow(2, 3) + Math.log2(x) - Math.sqrt(y)')).toEqual(['Math.pow', 'Math.log2']);
});

it('is the only arithmetic of the rooms that fold, score and divide users', () => {
  const found: Record<string, string[]> = {};
  let files = 0;
  for (const room of ROOMS)
    for (const name of readdirSync(join(ROOT, 'src', room), { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts') || TESTS.test(name)) continue;
      const uses = inexact(readFileSync(join(ROOT, 'src', room, name), 'utf8'));
      if (uses.length > 0) found[`${room}/${name.replaceAll(sep, '/')}`] = [...new Set(uses)];
      files++;
    }
  expect(files).toBeGreaterThan(150);
  for (const uses of Object.values(found)) uses.sort();
  const allowed = Object.entries({ ...WHOLE, ...REPORTED }).map(([file, uses]) => [file, [...uses].sort()]);
  expect(found).toEqual(Object.fromEntries(allowed));
});
