/**
 * The model: a fold of events into its state (fold/, state/), what it learned on the way (learn/), the requests that it
 * answers (answer/), and its bytes (serialization/).
 */
import type { ItemId, UserId } from '../../bus/event/ids.ts';
import type { ItemData, ItemPatch } from '../../bus/event/types.ts';
import { ErasureUnderWayError } from '../../errors.ts';
import { Answers } from './answer/answers.ts';
import {
  type HistoryEntry,
  lookUpHistory,
  lookUpItem,
  lookUpPersonalData,
  lookUpTraits,
  type PersonalData,
  takenOf,
} from './answer/lookup.ts';
import type { Examined, ItemTest, RecommendedList, RecommendRequest, SimilarOptions } from './answer/types.ts';
import type { Interaction, Reaction, ServedList } from './apply/events.ts';
import { FeedbackFold } from './apply/feedback-fold.ts';
import { ItemFold } from './apply/item-fold.ts';
import { mergeModels } from './apply/merge.ts';
import { UserFold } from './apply/user-fold.ts';
import { CandidateRanker } from './candidates/candidate-ranker.ts';
import { FEATURE_SCALES, FEATURES } from './candidates/features.ts';
import { completeConfig, type ModelConfig, type PartialModelConfig } from './config.ts';
import { type InputKind, InputUnreadableError, isMapKind } from './inputs/kinds.ts';
import { type InputInForce, type InputsInForce, RecordedInputs } from './inputs/recorded-inputs.ts';
import { Kernel } from './kernel/kernel.ts';
import type { ExampleMaker, ExampleSource, LearningPace } from './learn/examples.ts';
import { Learner } from './learn/learner.ts';
import type { PrequentialReport } from './learn/prequential.ts';
import type { Observer } from './learn/scored-event.ts';
import { type TrainingData, trainingDataOf } from './learn/training-data.ts';
import { finish, type Steps } from './primitives/steps.ts';
import { Ranker } from './ranker/ranker.ts';
import { type CountedPart, countedRows } from './serialization/counted-rows.ts';
import { exportingState } from './serialization/export-state.ts';
import { importingState } from './serialization/import-state.ts';
import { MappedSignals } from './signals/mapped.ts';
import { createModelState, type ModelState } from './state/model-state.ts';
import type { Traits } from './state/traits.ts';
import type { WarningName } from './state/warnings.ts';
import type { Model, ModelSizes } from './types.ts';

/**
 * An empty model. Values left out of the configuration are the defaults.
 *
 * @param itemNumbers how many items can have a number; all that a row of the statistics can tell apart unless given
 */
export function createModel(config: PartialModelConfig = {}, itemNumbers?: number): Model {
  return new FoldedModel(completeConfig(config), itemNumbers);
}

class FoldedModel implements Model {
  readonly #config: ModelConfig;
  readonly #state: ModelState;
  readonly #inputs: RecordedInputs;
  readonly #learner: Learner;
  readonly #itemFold: ItemFold;
  readonly #userFold: UserFold;
  readonly #feedbackFold: FeedbackFold;
  readonly #answers: Answers;
  readonly #candidates: CandidateRanker;

  constructor(config: ModelConfig, itemNumbers?: number) {
    this.#config = config;
    const kernel = new Kernel();
    const inputs = new RecordedInputs(config.mapped, config.content.descriptionCharacters, kernel);
    const state = createModelState(config, kernel, (item, fields) => inputs.describe(item, fields));
    const ranker = config.ranker.form === 'none' ? undefined : new Ranker(config.ranker, FEATURE_SCALES, kernel);
    const mapped = new MappedSignals(config.mapped, inputs, kernel);
    const candidates = new CandidateRanker(config.ranking, { state, mapped, ranker });
    this.#candidates = candidates;
    this.#state = state;
    this.#inputs = inputs;
    this.#learner = new Learner(config, { state, inputs, candidates, ranker });
    this.#answers = new Answers(config, { state, candidates });
    this.#itemFold = new ItemFold(state, config.content.descriptionCharacters, itemNumbers);
    this.#userFold = new UserFold(state, this.#itemFold, this.#learner);
    this.#feedbackFold = new FeedbackFold(state, this.#itemFold, this.#learner);
  }

  get clock(): number {
    return this.#state.head.clock;
  }

  set clock(timeMs: number) {
    this.#state.head.advance(timeMs);
  }

  // --- events ------------------------------------------------------------------------------------------------------

  publishItem(id: ItemId, fields: ItemData, listedMs = 0): void {
    this.#itemFold.publish(id, fields, listedMs);
  }

  updateItem(id: ItemId, patch: ItemPatch): void {
    this.#itemFold.update(id, patch);
  }

  withdrawItem(id: ItemId): void {
    this.#itemFold.withdraw(id);
  }

  restoreItem(id: ItemId): void {
    this.#itemFold.restore(id);
  }

  interact(interaction: Interaction): boolean {
    return this.#userFold.interact(interaction);
  }

  retract(id: UserId, seq: number): boolean {
    return this.#userFold.retract(id, seq);
  }

  link(userId: UserId, sessionId: UserId, seq: number): boolean {
    return this.#userFold.link(userId, sessionId, seq);
  }

  setTraits(id: UserId, traits: Traits): void {
    this.#userFold.setTraits(id, traits);
  }

  forget(id: UserId): void {
    this.cutOff(id);
    this.erase(Number.POSITIVE_INFINITY);
  }

  cutOff(id: UserId): void {
    this.#userFold.cutOff(id);
  }

  erase(limit: number): void {
    this.#userFold.erase(limit);
  }

  get erasing(): boolean {
    return this.#userFold.erasing;
  }

  serve(served: ServedList): void {
    this.#feedbackFold.serve(served);
  }

  click(reaction: Reaction): boolean {
    return this.#feedbackFold.click(reaction);
  }

  dismiss(reaction: Reaction): boolean {
    return this.#feedbackFold.dismiss(reaction);
  }

  // --- answers -----------------------------------------------------------------------------------------------------

  recommend(request: RecommendRequest): RecommendedList {
    return this.#answers.recommend(request);
  }

  examine(request: RecommendRequest, id: ItemId): Examined {
    return this.#answers.examine(request, id);
  }

  similar(id: ItemId, n: number, options: SimilarOptions = {}): RecommendedList {
    return this.#answers.similar(id, n, options);
  }

  trending(n: number, at: number = this.clock, allowed?: ItemTest): RecommendedList {
    return this.#answers.trending(n, at, allowed);
  }

  users(): string[] {
    return this.#state.users.sorted();
  }

  ids(): Iterable<string> {
    return this.#state.users.inUse();
  }

  item(id: ItemId): { fields: ItemData; listed: number } | undefined {
    return lookUpItem(this.#state, id);
  }

  taken(id: ItemId): number {
    return takenOf(this.#state, id);
  }

  traitsOf(id: UserId): Traits | undefined {
    return lookUpTraits(this.#state, id);
  }

  history(id: UserId, n = 100): HistoryEntry[] {
    return lookUpHistory(this.#state, id, n);
  }

  personalData(id: UserId): PersonalData {
    return lookUpPersonalData(this.#state, id);
  }

  // --- learning ----------------------------------------------------------------------------------------------------

  observe(observer: Observer | undefined, every = 0): void {
    this.#learner.observe(observer, every);
  }

  pinRanker(bytes: Uint8Array | undefined): void {
    try {
      this.#learner.pin(bytes);
    } catch (err) {
      throw new InputUnreadableError(
        'The weights belong to a ranker of another form. Pin weights that this configuration learned.',
        { cause: err },
      );
    }
  }

  rankerBytes(): Buffer {
    return this.#learner.ranker?.encode() ?? Buffer.alloc(0);
  }

  rankerHash(): string {
    return this.#learner.rankerHash();
  }

  get pinned(): boolean {
    return this.#learner.pinned;
  }

  get stale(): boolean {
    return this.#learner.stale;
  }

  prequential(): PrequentialReport {
    return this.#learner.prequential.report();
  }

  trainingData(kind: InputKind): TrainingData | undefined {
    if (!isMapKind(kind)) return undefined;
    return trainingDataOf(kind, this.#state, this.#inputs, this.#config.training);
  }

  adopt({ kind, bytes }: { kind: InputKind; bytes: Uint8Array; seq: number }): void {
    this.#inputs.adopt(kind, bytes);
  }

  inputs(): InputInForce[] {
    return this.#inputs.inForceKinds();
  }

  learnFrom(source: ExampleSource | undefined): void {
    this.#learner.learnFrom(source);
  }

  settle(): void {
    this.#learner.settle();
  }

  pace(): LearningPace {
    return this.#learner.pace();
  }

  inputsInForce(): InputsInForce {
    return this.#inputs.inForceOnly();
  }

  makeFor(maker: ExampleMaker): void {
    this.#learner.makeFor(maker);
  }

  follow({ budget, inputs }: { budget: Float64Array; inputs: InputsInForce | undefined }): void {
    this.#learner.keepPace({ budget });
    if (inputs !== undefined) this.#inputs.replaceInForce(inputs);
  }

  get exampleSize(): number {
    return this.#candidates.mostRows * FEATURES.length;
  }

  get memoryBytes(): number {
    return this.#state.kernel.used;
  }

  // --- the whole ---------------------------------------------------------------------------------------------------

  merge(other: Model): void {
    if (!(other instanceof FoldedModel))
      throw new TypeError('The other model is of another implementation. Merge models that createModel made.');
    const own = { state: this.#state, learner: this.#learner, itemFold: this.#itemFold };
    mergeModels(own, { state: other.#state, learner: other.#learner });
  }

  counts(): Pick<ModelSizes, 'users' | 'items' | 'events'> {
    const { users, catalogue, histories } = this.#state;
    return { users: users.count, items: catalogue.ids.count, events: histories.events };
  }

  stats(): ModelSizes {
    const { links, histories, postings, statistics, catalogue, dismissals, impressions } = this.#state;
    const pairs = statistics.pairs.size();
    const { users, items, events } = this.counts();
    return {
      users,
      items,
      publishedItems: catalogue.published,
      events,
      links: links.size,
      terms: catalogue.terms.count,
      pairs: pairs.entries,
      widePairs: pairs.wide,
      bytes: {
        pairs: pairs.bytes,
        buckets: statistics.buckets.size().bytes,
        postings: catalogue.postings.bytes() + postings.bytes(),
        histories: histories.bytes(),
        inputs: this.#inputs.bytes(),
      },
      dismissals: dismissals.size,
      impressions: impressions.size,
      ranker: { steps: this.#learner.ranker?.steps ?? 0, stale: this.#learner.stale },
      warnings: this.warnings(),
    };
  }

  warnings(): Readonly<Record<WarningName, number>> {
    return this.#state.warnings.counts();
  }

  #assertNotErasing(): void {
    if (this.erasing)
      throw new ErasureUnderWayError('The engine is removing the events of a forgotten user from the model.', {
        next: 'freshet forget --status; try again once the erasure no longer waits for the engine',
      });
  }

  statisticsHash(): string {
    this.#assertNotErasing();
    return this.#state.statistics.hash(this.#state.catalogue.ids.ids);
  }

  counted(part: CountedPart): Iterable<readonly (string | number)[]> {
    return countedRows(this.#state, part);
  }

  exportState(options?: { learned?: boolean }): Buffer {
    return finish(this.exportingState(options));
  }

  exportingState({ learned = true }: { learned?: boolean } = {}): Steps<Buffer> {
    this.#assertNotErasing();
    return exportingState({ state: this.#state, learner: this.#learner, inputs: this.#inputs }, learned);
  }

  importState(bytes: Uint8Array): void {
    finish(this.importingState(bytes));
  }

  importingState(bytes: Uint8Array): Steps<void> {
    const own = { state: this.#state, learner: this.#learner, inputs: this.#inputs, itemFold: this.#itemFold };
    return importingState(own, bytes);
  }
}
