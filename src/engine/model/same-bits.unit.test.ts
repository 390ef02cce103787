/**
 * The bits that a synthetic log gives: state, statistics, lists with their scores and explanations. A change of
 * structure leaves every digest below as it is. A change of what the fold does raises MODEL_CODE (version.ts) and
 * renews them with `UPDATE_BITS=1`, which prints the new ones.
 */
import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { ItemId, UserId } from '../../bus/event/ids.ts';
import { encodeMap } from './inputs/content-map.ts';
import { featureHash } from './inputs/features.ts';
import { useBuild } from './kernel/kernel.ts';
import { CONTENTS, contentsOf, createModel, type Model, type PartialModelConfig } from './mod.ts';

const ITEMS = 240;
const USERS = 70;
const EVENTS = 2_400;
const DAY_MS = 86_400_000;

const user = (n: number | string) => `u${n}` as UserId;
const item = (n: number | string) => `i${n}` as ItemId;

/** Marsaglia's xorshift32: whole numbers below a bound, the same on every machine. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const TAGS = ['drama', 'gothic fiction', 'Sea stories', 'poetry', 'war', 'comedy', 'travel', 'crime'];

function publish(model: Model, n: number, at: number): void {
  model.publishItem(
    item(n),
    {
      title: `Number ${n} of the ${TAGS[n % 8]} shelf`,
      tags: [TAGS[n % 8]!, TAGS[(n * 5 + 1) % 8]!],
      ...(n % 3 === 0 ? { description: `What ${TAGS[(n * 3) % 8]} says about ${n % 11} harbours` } : {}),
      ...(n % 4 === 0
        ? { attributes: { pages: 100 + n * 3, illustrated: n % 8 === 0, language: ['en', 'fr'][n % 2]! } }
        : {}),
      ...(n % 5 !== 0
        ? { embedding: Array.from({ length: n % 31 === 1 ? 3 : 4 }, (_, k) => ((n * 7 + k * 3) % 13) - 6) }
        : {}),
      ...(n % 2 === 0 ? { published: `19${10 + (n % 80)}-05-01` } : {}),
    },
    at,
  );
}

/** A recorded input by tags and embedding, whose entries follow from a seed. */
function map(kind: 'content' | 'towers', seed: number): Buffer {
  const next = random(seed);
  const hashes = Uint32Array.from(TAGS, (tag) => featureHash(`=${tag.toLowerCase()}`));
  const rank = 6;
  const hidden = kind === 'towers' ? 3 : 0;
  const rows = hashes.length + 4;
  const matrix = (size: number) => Float32Array.from({ length: size }, () => next(2_001) / 1_000 - 1);
  return encodeMap({
    kind,
    hashes,
    embeddingSize: 4,
    rank,
    hidden,
    item: matrix(rows * rank),
    user: kind === 'towers' ? matrix(rows * rank) : undefined,
    level: kind === 'towers' ? matrix(rows) : undefined,
    nobody: kind === 'towers' ? matrix(rank) : undefined,
    hiddenIn: matrix(rows * hidden),
    hiddenBias: matrix(hidden),
    hiddenOut: matrix(hidden * rank),
    quality: { reciprocalRank: 0.4, chance: 0.05, questions: 50 },
  });
}

/** Folds events `from` to `to` of the log; each draws from a generator of its own, so that a fold may start anywhere. */
function fold(model: Model, from = 1, to = EVENTS): Model {
  for (let n = from; n < to; n++) {
    const next = random(Math.imul(n, 0x9e3779b1) | 1);
    for (let i = 0; i < 4; i++) next(2);
    const seq = n * 2;
    const time = n * 1_700_000 - (next(40) === 0 ? next(30) * DAY_MS : 0);
    model.clock = time;
    const who = user(next(next(USERS) + 1));
    const what = item(next(next(ITEMS + 20) + 1));
    const kind = next(100);
    if (n < 160) publish(model, n, time);
    if (kind < 70) {
      const weight = [16, 16, 16, 24, 48, 7][next(6)]!;
      model.interact({ user: who, item: what, weight, negative: next(12) === 0 ? 16 : 0, time, seq });
    } else if (kind < 80) {
      const items = model.recommend({ user: who, n: 12 }).items.map((one) => one.item);
      model.serve({ user: who, list: `l${n}`, items, time, seq });
      const chosen = items[next(Math.max(items.length, 1))];
      if (chosen === undefined) continue;
      if (next(4) > 0) {
        model.click({ user: who, item: chosen, list: `l${n}`, seq });
        model.interact({ user: who, item: chosen, weight: 16, time, seq: seq + 1 });
      } else model.dismiss({ user: who, item: chosen, list: `l${n}`, seq: seq + 1 });
    } else if (kind < 82) model.dismiss({ user: who, item: what, seq });
    else if (kind < 84) model.link(who, user(`s${next(25)}`), seq);
    else if (kind < 88) model.interact({ user: user(`s${next(30)}`), item: what, weight: 16, time, seq });
    else if (kind < 91) {
      const [event] = model.history(who, 1 + next(9)).slice(-1);
      if (event !== undefined) model.retract(who, event.seq);
    } else if (kind < 92) model.retract(who, Math.max(0, seq - next(400) * 2));
    else if (kind === 92) {
      if (next(3) === 0) model.forget(next(2) === 0 ? who : user(`s${next(25)}`));
    } else if (kind === 93)
      model.setTraits(
        who,
        next(4) === 0 ? {} : { favourite_subjects: [TAGS[next(8)]!], age: 20 + next(50), paying: next(2) === 0 },
      );
    else if (kind === 94) model.updateItem(what, { tags: [TAGS[next(8)]!], title: `Renamed ${n}` });
    else if (kind === 95) {
      if (next(2) === 0) model.withdrawItem(what);
      else model.restoreItem(what);
    } else if (kind === 96) publish(model, next(ITEMS), time);
    // Late: behind later events of the user.
    else model.interact({ user: who, item: what, weight: 16, time, seq: Math.max(1, seq - next(600) * 2 - 1) });
    if (n === 700) model.adopt({ kind: 'content', bytes: map('content', 11), seq });
    if (n === 900) model.adopt({ kind: 'towers', bytes: map('towers', 5), seq });
    if (n === 1_000) model.adopt({ kind: 'content', bytes: map('content', 23), seq });
    if (n === 2_350) model.adopt({ kind: 'content', bytes: map('content', 31), seq });
  }
  return model;
}

const digest = (value: string | Uint8Array): string => createHash('sha256').update(value).digest('hex').slice(0, 32);
const json = (value: unknown): string =>
  digest(JSON.stringify(value, (_, inner) => (inner === undefined ? 'undefined' : inner)));

/** All answers of a model, as digests. */
function bitsOf(model: Model): Record<string, string> {
  const allowed = { test: (id: ItemId) => Number(id.slice(1)) % 3 !== 0 };
  const readers = Array.from({ length: 12 }, (_, n) => user(n * 3));
  const history = [item(1), item(4), item(9), item(4)];
  return {
    state: digest(model.exportState()),
    unlearned: digest(model.exportState({ learned: false })),
    statistics: model.statisticsHash().slice(0, 32),
    ranker: model.rankerHash().slice(0, 32),
    lists: json(readers.map((reader) => model.recommend({ user: reader, n: 20 }))),
    explained: json(readers.slice(0, 6).map((reader) => model.recommend({ user: reader, n: 30, explain: true }))),
    long: json(model.recommend({ user: user(2), n: 300, explain: true })),
    session: json(model.recommend({ user: user('s3'), n: 20, explain: true })),
    given: json(model.recommend({ history, n: 15, explain: true, exclude: [item(7)], at: 9e9 })),
    narrow: json(model.recommend({ user: user(5), n: 20, allowed, includeSeen: true, explain: true })),
    traits: json(model.recommend({ traits: { favourite_subjects: ['poetry'] }, n: 20, explain: true })),
    cold: json(model.recommend({ n: 60 })),
    similar: json([1, 2, 30, 200].map((n) => model.similar(item(n), 15, { explain: true, exclude: [item(3)] }))),
    trending: json([model.trending(25), model.trending(200, 8e9, allowed)]),
    examined: json(
      [1, 17, 60, 99, 159, 230, 999].map((n) => {
        const asked = { user: user(n % 5), n: 10, allowed, exclude: [item(17)] };
        const { known, source, standing, seq, candidates, place, score, features, reasons, counts, pairs } =
          model.examine(asked, item(n));
        return [known, source, standing, seq, candidates, place, score, features, reasons, counts, pairs];
      }),
    ),
    held: json(
      [...readers, user('s3')].map((reader) => [
        model.personalData(reader),
        model.history(reader),
        model.traitsOf(reader),
      ]),
    ),
    sizes: json([
      { ...model.stats(), bytes: undefined },
      model.users(),
      model.inputs(),
      model.prequential(),
      model.taken(item(3)),
      model.item(item(3)),
    ]),
    tables: json(CONTENTS.map((table) => [table, [...contentsOf(model, table).rows]])),
    training: json(
      (['content', 'towers'] as const).map((kind) => {
        const data = model.trainingData(kind);
        return data && { ...data, previous: data.previous && digest(data.previous) };
      }),
    ),
  };
}

const CONFIGS: Record<string, PartialModelConfig> = {
  defaults: {
    prequential: { every: 7, window: 50, windowLong: 300 },
    mapped: { judgedEvents: 120 },
    training: { leastUsers: 5 },
  },
  linear: {
    ranker: { form: 'linear', dense: 40 },
    ranking: { serveUnpublished: true, includeSeen: true },
    prequential: { every: 9 },
  },
  blend: {
    ranker: { form: 'none' },
    ranking: { serveUnpublished: true },
    prequential: { every: 2 ** 32 },
    readBack: 12,
  },
};

describe('a synthetic log', () => {
  afterEach(() => useBuild(undefined));

  const cases = Object.keys(CONFIGS).flatMap((name) => (['simd', 'scalar'] as const).map((build) => ({ name, build })));
  it.each(cases)('gives the pinned bits: $name, kernel $build', ({ name, build }) => {
    useBuild(build);
    const bits = bitsOf(fold(createModel(CONFIGS[name])));
    if (process.env.UPDATE_BITS) console.log(`  ${name}: ${JSON.stringify(bits, null, 2)},`);
    else expect(bits).toEqual(BITS[name]);
  });

  it('gives the same bits to a model that reads its state half-way, and to one with an observer', () => {
    const model = createModel(CONFIGS.defaults);
    model.importState(fold(createModel(CONFIGS.defaults), 1, 1_201).exportState());
    const scored: number[][] = [];
    model.observe(({ seq, time, rank, row, candidates }) => scored.push([seq, time, rank, row, candidates.length]), 4);
    fold(model, 1_201);
    const bits = { state: digest(model.exportState()), scored: json(scored) };
    if (process.env.UPDATE_BITS) console.log(`OBSERVED ${bits.scored}`);
    else expect(bits).toEqual({ state: BITS.defaults!.state, scored: OBSERVED });
  });

  it('gives the pinned bits after a merge of two parts', () => {
    const part = (from: number, to: number) => fold(createModel(CONFIGS.blend), from, to);
    const first = part(1, 500);
    const second = createModel(CONFIGS.blend);
    for (let n = 0; n < 300; n++)
      second.interact({
        user: user(`b${n % 17}`),
        item: item((n * 7) % 90),
        weight: 16,
        time: n * DAY_MS,
        seq: 5_000 + n,
      });
    first.merge(second);
    const bits = json(bitsOf(first));
    if (process.env.UPDATE_BITS) console.log(`MERGED ${bits}`);
    else expect(bits).toBe(MERGED);
  });
});

const OBSERVED = 'eb329727ec266e1ccb57540b6ec0986b';
const MERGED = '4bab665ff74c928b0e248dbb31705aa5';
const BITS: Record<string, Record<string, string>> = {
  defaults: {
    state: 'a28850f9cda0d3d2d7272c7b488f010d',
    unlearned: '93dc4c72917c0e0d80dfceac872cdc1b',
    statistics: 'cc2a16fd0e38bce8c3b823ab28d75f70',
    ranker: 'ee0ef02beccae35b4e40662df26a55a4',
    lists: 'e67aeaa09220059de2867c90820f7395',
    explained: '5350c8f48346776ff21358833f32f1c5',
    long: 'b08b4181e4bacc00aef1bfd4a1f6b0f2',
    session: '271c63c9f10db055939e27020dace0d8',
    given: '9bfda6d71f54535214b22e600d089113',
    narrow: 'df0c991ca4720e7acff4bde917ca2143',
    traits: '6d913c19371fa25492ff03d5c909c9b8',
    cold: 'bcece13244dbf486395e6515c8fd4a02',
    similar: '59fce63920e4a06394740fd890e216b4',
    trending: '8da4f17e8b74f526497fbe236004ea04',
    examined: 'c4ccda15b7852700c21526734369a128',
    held: '09dde707b2f4f61bd5afdaecf3678672',
    sizes: 'ff496a23572de48f61dcd88f8efee1cd',
    tables: 'a8fdce123dc3a4f35bbe82dd908c72e1',
    training: '619f1694ed7cbabdc1db97df6871527b',
  },
  linear: {
    state: 'c3af427319551c61b0efe6249a42819e',
    unlearned: '2772d0f87602edb6f3443961403f82ac',
    statistics: 'd11d2c76f43991674fe6c51acb9a555b',
    ranker: 'ddefd5bbc8910940eaf4db8fee8e7c32',
    lists: 'd9e7a1e86e2fc58f7dbccd795325b3a5',
    explained: 'df52b8ba9aa6e3ce7f9a407126bc84df',
    long: '86ba13819cd3a954d8e578067a2b1255',
    session: '597f1f18df44d5063bf9b47bd1951dc8',
    given: '4540ebd12fbffb3f939561ca6b665624',
    narrow: '126f921d1d09f92e409d5eca569c02d9',
    traits: 'c1b9a84fea5dc373047a8aa3f48c7e00',
    cold: '1e96066a95026fc802ed7096a745763b',
    similar: '9b65be2068e2fdb615ebafd85532c576',
    trending: '9789bf78a76e8d16061d22cf5a361d9d',
    examined: '19dceaf38f8940caf60cf693e496bf72',
    held: 'bfee2ca982dc3a5e0b9e69bcc9daa470',
    sizes: 'e2075a64af2069efd0b6fdc0301782f9',
    tables: '3adcccccde66dd6facdaa30c46e4e4c8',
    training: 'e79ed48b59e373ebc6030cb644aa8f6d',
  },
  blend: {
    state: '5495990d1cd841a1a0b1d2ea98f6f100',
    unlearned: '33368f7a23d8a6cc13dcc51170802708',
    statistics: 'bd995c1c7648e490b87c921ede94d96e',
    ranker: 'e3b0c44298fc1c149afbf4c8996fb924',
    lists: 'b3128813d225bfbb69243509cdb2cfbf',
    explained: 'b3b2325b9497fd371a2ee57bac45d36c',
    long: '4df6c782647ec4a21ba8e5d30f2fa02d',
    session: 'ad1c16ad116c73c8ae8e3e69ccb3e38f',
    given: 'bdb801e809ac40dcb9cfec9bd4ac6fc5',
    narrow: 'e35dfbbf8a47bf5a817cbe9cbc3573d4',
    traits: '4e1e74fadfe249dd9a3bf6669f33c798',
    cold: '6cf78bc5db97f599c4f52bd43d2b0e67',
    similar: '944139d846e595937549446fee1549e5',
    trending: 'f92ffe93c93578e73c9eff2ed311044b',
    examined: '96cb4fc87e204d95713b9667b32b4529',
    held: '8a38610cfb2331e6075e30766055f635',
    sizes: 'db4232bef60e41f7fc0d6f15a2b2775f',
    tables: '98c227928918ee6be21622c7e6024c4a',
    training: 'af2016747c993c960495547364505aa8',
  },
};
