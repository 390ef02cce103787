/** Number of runs of a property: a few in `npm test`, thousands in `npm run test:long -- properties`. */
const TIMES = Math.max(1, Math.round(Number(process.env.FRESHET_PROPERTY_TIMES ?? 1)) || 1);

/** Runs of a property: `few` in `npm test`, a multiple of that in the long form. */
export const runs = (few: number): number => few * TIMES;

/** Milliseconds after which these runs count as hanging; `ms` is their time on a machine without other work. */
export const within = (ms: number): number => Math.max(10 * ms, 600_000) * TIMES;
