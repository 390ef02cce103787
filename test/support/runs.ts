/** How often properties are tried: a few times with all other tests, thousands of times by `npm run test:long -- properties`. */
const TIMES = Math.max(1, Math.round(Number(process.env.FRESHET_PROPERTY_TIMES ?? 1)) || 1);

/** Runs of a property of which so many are quick. */
export const runs = (few: number): number => few * TIMES;

/** Milliseconds after which as many of them count as hanging; `ms` is what they take on a machine that does nothing else. */
export const within = (ms: number): number => Math.max(10 * ms, 600_000) * TIMES;
