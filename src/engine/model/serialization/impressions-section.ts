/** Impressions as a section of a state, which `Impressions.decode` reads. */
import { ByteWriter } from '../primitives/bytes.ts';
import type { Steps } from '../primitives/steps.ts';
import type { Impressions } from '../state/impressions.ts';

/** Impressions in one step: each has thousands of features. */
const STEP = 32;

export function* encodingImpressions(
  impressions: Impressions,
  itemPlace: (item: number) => number,
  originPlace: (origin: number) => number,
): Steps<Buffer> {
  let expected = 65_536;
  for (const { list, items, features } of impressions.all())
    expected += 3 * list.length + 5 * items.length + 4 * features.length + 40;
  const out = new ByteWriter(expected);
  out.count(impressions.size);
  let done = 0;
  for (const { list, origin, seq, historyLength, strength, items, features } of impressions.all()) {
    out.text(list);
    out.count(originPlace(origin));
    out.count(seq);
    out.count(historyLength);
    out.f64s([strength]);
    out.count(items.length);
    for (const item of items) out.count(itemPlace(item));
    out.f32s(features);
    if (++done % STEP === 0) yield;
  }
  return out.finish();
}
