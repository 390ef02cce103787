/** A sequence network alone: it trains once on all learned events, before the first question. */
import { featureHash } from '../../../../src/engine/model/mod.ts';
import { loadTensorflow } from '../../../../src/engine/train/backend.ts';
import type { DataSet } from '../../data/data-set.ts';
import { createHistories } from '../histories.ts';
import type { Recommender } from '../port.ts';
import { dot, SequenceNetwork } from './network.ts';
import { SEQUENCE_TRAINING, type SequenceData, trainSequence } from './train.ts';

const WIDTH = 48;
const LENGTH = 32;
/** Features in the row of an item: hashed tags and words. */
const FEATURES = 512;

export interface SequenceOptions {
  steps: number;
  say: (line: string) => void;
}

/** A network of the size of the small published ones; network.ts holds its layout. */
export function createSequence(data: DataSet, { steps, say }: SequenceOptions): Recommender {
  const items = data.items.length;
  const histories = createHistories();
  const scores = new Float64Array(items);
  const rows = data.fields.map((fields) => columnsOf([...(fields?.tags ?? []), ...(fields?.title.split(/\s+/) ?? [])]));
  let trained: Promise<{ network: SequenceNetwork; vectors: Float64Array[] }> | undefined;

  async function train(): Promise<{ network: SequenceNetwork; vectors: Float64Array[] }> {
    const { tf, backend } = await loadTensorflow();
    const started = performance.now();
    const shape = { width: WIDTH, length: LENGTH, hidden: 2 * WIDTH, features: FEATURES };
    const known = histories.all();
    const starts = new Int32Array(known.length + 1);
    for (const [user, history] of known.entries()) starts[user + 1] = starts[user]! + history.length;
    const featureStarts = new Int32Array(items + 1);
    for (const [item, columns] of rows.entries()) featureStarts[item + 1] = featureStarts[item]! + columns.length;
    const columns = rows.flat();
    const sequences: SequenceData = {
      shape,
      items,
      histories: Int32Array.from(known.flat()),
      starts,
      featureStarts,
      featureColumns: Int32Array.from(columns),
      featureValues: new Float32Array(columns.length).fill(1),
      warm: undefined,
    };
    const { weights, loss } = await trainSequence(tf, sequences, { ...SEQUENCE_TRAINING, steps });
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    say(`sequence network: ${steps} steps on ${backend} in ${seconds} s, loss ${loss.toFixed(3)}`);
    const network = new SequenceNetwork(shape, weights);
    const vectors = rows.map((row, item) => network.vectorOf(item, row, new Float64Array(row.length).fill(1)));
    return { network, vectors };
  }

  return {
    name: 'sequence network',
    learn: (entries) => {
      for (const { interaction } of entries) if (interaction) histories.add(interaction);
    },
    rank: async (question) => {
      trained ??= train();
      const { network, vectors } = await trained;
      const asked = network.ask(histories.of(question).map((item) => vectors[item] as Float64Array));
      for (let item = 0; item < items; item++)
        scores[item] = asked === undefined ? 0 : dot(asked, vectors[item] as Float64Array);
      return { kind: 'scores', scores };
    },
    learned: () => histories.count(),
  };
}

const columnsOf = (words: readonly string[]): number[] => [
  ...new Set(words.map((word) => featureHash(word.toLowerCase()) % FEATURES)),
];
