import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSimulation } from '../../src/demo/simulator.ts';
import { engineConfig } from '../accuracy/recommenders/engine.ts';
import { type MeasureOptions, measureCounts, measureEngine, measureMaps, measureRefit } from './measure.ts';
import { readStream, writeStream } from './stream-file.ts';

const EVENTS = 1_500;
const config = engineConfig({ catalogued: true });

describe('the engine’s benchmark', () => {
  let folder = '';
  let options: MeasureOptions;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'freshet-bench-test-'));
    const file = join(folder, 'stream.jsonl');
    const simulation = createSimulation({ seed: 1, end: 1.7e12, readers: 150, events: EVENTS, items: 200 });
    const events = await writeStream(file, simulation.events(), config);
    options = { file, events, catalogued: true, lists: 20, refitEvery: 500 };
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('reads its file up to the requested number of interactions', () => {
    const lines = [...readStream(options.file, 100, 1_000)].flat();
    expect(lines.filter(([kind]) => kind === 'i')).toHaveLength(1_000);
    expect(lines.filter(([kind]) => kind === 'p').length).toBeGreaterThan(100);
  });

  it('learns the whole stream in each part', () => {
    const counts = measureCounts(config, options);
    const engine = measureEngine(config, options);
    const maps = measureMaps(options);
    expect(counts.events).toBe(options.events);
    expect(engine.events).toBe(options.events);
    expect(maps.events).toBe(options.events);
    // Maps count the same pairs as the packed rows.
    expect(maps.pairs).toBe(counts.pairs);
    expect(engine.pairs).toBe(counts.pairs);
    expect(engine.examples).toBeGreaterThan(0);
    expect(engine.recommend.p50).toBeGreaterThan(0);
    expect(engine.snapshot.bytes).toBeGreaterThan(0);
  });

  it('counts everything again as often as it reports', () => {
    expect(measureRefit(config, options).refits).toBe(Math.floor(options.events / 500));
  });
});
