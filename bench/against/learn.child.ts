/** The process that learns a stream with the model of one tree, and prints its figures as JSON. */
import { printJson } from '../../src/cli/output.ts';
import { createProgress } from '../../src/cli/progress.ts';
import { cpuClock } from '../cpu-clock.ts';
import { tell, timeLists } from '../engine/measure.ts';
import { readStream } from '../engine/stream-file.ts';
import type { LearnedFigures, LearnOptions } from './learned.ts';
import { besideOf, emptyModelOf, type Told } from './model-of.ts';

const BATCH = 1_000;

const { root, file, events, catalogued, lists, beside, title } = JSON.parse(process.argv[2] ?? '') as LearnOptions;
const { model, config } = await emptyModelOf(root, catalogued);
const told: Told = beside ? await besideOf(root, model, config) : (teller) => teller(model);
const progress = createProgress(title, 'events');
const users = new Set<string>();
let seconds = 0;
let cpu = 0;
let seq = 0;
let interactions = 0;
for (const lines of readStream(file, BATCH)) {
  const started = performance.now();
  const working = cpuClock();
  told((target) => {
    for (const line of lines) tell(target, line, ++seq);
  }, seq + 1);
  seconds += (performance.now() - started) / 1_000;
  cpu += working();
  for (const line of lines) {
    if (line[0] !== 'i') continue;
    users.add(line[1]);
    interactions++;
  }
  progress.update(interactions, events);
}
progress.end();
const { events: held, model: quality } = model.prequential().windows[1] ?? { events: 0, model: { hr: 0, ndcg: 0 } };
const figures: LearnedFigures = {
  events: interactions,
  seconds,
  cpu,
  examples: model.stats().ranker.steps,
  quality: { events: held, hr: quality.hr, ndcg: quality.ndcg },
  lists: timeLists(model, [...users], lists, config.engine.list_length),
};
printJson(figures);
