/** What an alert is, and how its times are written in PromQL. */

/** Writes a time span of PromQL, such as `5m`, for a number of seconds. A test passes one that makes all of them shorter. */
export type Span = (seconds: number) => string;

/** Target label that every query selects. */
export const JOB = 'job="freshet"';

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
] as const;

/** `90` is `90s`, `3600` is `1h`. */
export const spanOf: Span = (seconds) => {
  const [unit, size] = UNITS.find(([, size]) => seconds % size === 0 && seconds > 0) ?? (['s', 1] as const);
  return `${seconds / size}${unit}`;
};

/** Spans that are shorter by a factor, for tests; at least a second, within which a test scrapes several times. */
export const shorter =
  (factor: number): Span =>
  (seconds) =>
    seconds === 0 ? '0s' : `${Math.max(1_000, Math.round((seconds * 1_000) / factor))}ms`;

export interface Runbook {
  /** What it means that the alert fires, and for whom. Markdown. */
  meaning: string;
  /** The first three commands: why, the command, and a text that its output has in a healthy system. */
  commands: readonly (readonly [why: string, command: string, shows: string])[];
  /** What usually mends it. Markdown. */
  mend: string;
  /** When an operator may ignore it. Markdown. */
  ignore: string;
}

/** Series in the notation of promtool, by name with labels. */
export type Series = Readonly<Record<string, string>>;

export interface Alert {
  /** `Freshet...` */
  name: string;
  /** `page`: wake somebody; `ticket`: look at it on the next working day. */
  severity: 'page' | 'ticket';
  /** One sentence; may have `{{ $labels.service }}` and `{{ $value }}`. */
  summary: string;
  /** The query, with spans written by `span`. */
  expr: (span: Span) => string;
  /** Seconds for which the query must give a result before the alert fires. */
  holds: number;
  /**
   * Series with which it fires after `at` seconds, the labels that it then has beside its severity, and the value of its
   * query if the summary says it; and series with which it does not fire. A minute between values.
   */
  example: { fires: Series; at: number; labels?: Readonly<Record<string, string>>; value?: string; quiet: Series };
  runbook: Runbook;
}

/** The name of an alert's runbook: `freshet-log-refused` for `FreshetLogRefused`. A fast and a slow burn share one. */
export const pageOf = (name: string): string =>
  name
    .replace(/(Fast|Slow)Burn$/, 'Burn')
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-')
    .toLowerCase();

/**
 * How much a counter has grown within a span. `increase` misses the first count of a series that a process exports only
 * from then on, so a series without a value at the span's begin counts from 0.
 */
export const grown = (counter: string, by: string, within: string): string =>
  `sum by (${by}) (${counter}{${JOB}}) - (sum by (${by}) (${counter}{${JOB}} offset ${within}) or 0 * sum by (${by}) (${counter}{${JOB}}))`;
