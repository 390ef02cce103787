/** Measures how well a map ranks the newest item of each history among randomly drawn items. */
import { type ContentMap, encodeMap, type InputQuality, MappedItems, type TrainingData } from '../model/mod.ts';

const QUESTIONS = 500;
const OTHERS = 99;

/** A generator of whole numbers (Numerical Recipes' LCG, its upper bits), the same everywhere. */
export function createDraw(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** @param users numbers of histories; the test uses about 500 of them */
export function judgeMap(map: ContentMap, data: TrainingData, users: readonly number[]): InputQuality {
  const items = data.featureStarts.length - 1;
  const mapped = new MappedItems(encodeMap(map));
  const { embeddingSize: size } = data;
  for (let item = 0; item < items; item++) {
    const own = data.features.subarray(data.featureStarts[item]!, data.featureStarts[item + 1]!);
    const embedding = size === 0 ? undefined : [...data.embeddings.subarray(item * size, (item + 1) * size)];
    mapped.set(item, own, embedding);
  }
  const draw = createDraw(7);
  const step = Math.max(1, Math.floor(users.length / QUESTIONS));
  let sum = 0;
  let questions = 0;
  for (let at = 0; at < users.length; at += step) {
    const user = users[at]!;
    const history = data.histories.subarray(data.historyStarts[user]!, data.historyStarts[user + 1]!);
    const target = history[history.length - 1]!;
    if (!mapped.gather(history.subarray(0, history.length - 1), history.length)) continue;
    const own = mapped.score(target);
    const known = new Set(history);
    let above = 0;
    for (let i = 0; i < OTHERS; i++) {
      const other = draw(items);
      const score = mapped.score(other);
      // A drawn item that the history contains says nothing; it counts as a tie.
      if (known.has(other) || score === own) above += 0.5;
      else if (score > own) above++;
    }
    sum += 1 / (1 + above);
    questions++;
  }
  let chance = 0;
  for (let rank = 1; rank <= OTHERS + 1; rank++) chance += 1 / rank / (OTHERS + 1);
  return { reciprocalRank: questions === 0 ? 0 : sum / questions, chance, questions };
}
