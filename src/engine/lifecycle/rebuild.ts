/**
 * Rebuilds the engine from the log alone: folds rows and model into a standby file, without a snapshot unless the caller gives
 * one. It writes the model's state next to the rows, for the engine to use at the cut-over.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { streamSeq } from '../../bus/event/ids.ts';
import type { StateFollower } from '../../bus/projection/after-commit.ts';
import type { ProjectionDefinition } from '../../bus/projection/definition.ts';
import type { Config } from '../../config/schema.ts';
import { pinnedAt, refolded } from '../artifacts/pin.ts';
import { createRecords, type InputRecords, type InputSource, type RecordedInput } from '../artifacts/records.ts';
import { createModelFold, emptyModel, type ModelFold, type ModelFoldOptions } from '../fold/model-fold.ts';
import { type EngineTables, engineProjection, prepareTables } from '../fold/projection.ts';
import type { Model } from '../model/mod.ts';
import { configHash, type Origin } from '../settings/settings.ts';
import { incompatibility } from '../snapshots/manifest.ts';
import { stepTaken } from '../steps.ts';

/** Hashes of the model's contents, SHA-256, hex. */
export interface ModelHash {
  seq: number;
  /** The sums over events. */
  statistics: string;
  /** Indexes of the statistics: postings, totals. */
  derived: string;
  /** Data of events, and what the model learned in their order. */
  state: string;
}

/** The hash of a live model, with that of the settings in force. */
export interface LiveModelHash extends ModelHash {
  config: string;
}

export const hashModel = (model: Model, seq: number): ModelHash => ({
  seq,
  statistics: model.statisticsHash(),
  derived: derivedHash(model),
  state: sha256(model.exportState()),
});

/** Characters per update of the hash. */
const CHUNK = 65_536;

function derivedHash(model: Model): string {
  const hash = createHash('sha256');
  let text = '';
  for (const part of ['dismissed', 'posting', 'total'] as const)
    for (const row of model.counted(part)) {
      text += `${JSON.stringify(row)}\n`;
      if (text.length < CHUNK) continue;
      hash.update(text);
      text = '';
    }
  return hash.update(text).digest('hex');
}

export interface EngineRebuild {
  definition: ProjectionDefinition<EngineTables>;
  /** The model's fold beside the rows; undefined before the file is open. */
  state(): StateFollower | undefined;
  /** The model at the position of the rows; undefined before the file is open. */
  modelFold(): ModelFold | undefined;
  /** Digest of the recorded inputs that the fold has read. */
  inputs(): string;
  /** Position at which the model began: 0, or that of `start`. */
  began(): number;
}

export interface EngineRebuildOptions {
  /** Recorded inputs at the beginning of the rebuild. */
  known?: readonly RecordedInput[];
  /** The file of the live engine, which may record more meanwhile. */
  live?: InputSource | undefined;
  /**
   * A model at a position: up to there the rebuild folds the rows alone. It serves for one fold; if the fold begins again
   * in another file, its model begins at the beginning of the log.
   */
  start?: RebuiltModel | undefined;
  /** See {@link ModelFoldOptions.beside}. */
  beside?: ModelFoldOptions['beside'];
}

export function engineRebuild(
  config: Config,
  erasureKey: Uint8Array,
  { known = [], live, start, beside }: EngineRebuildOptions = {},
): EngineRebuild {
  let modelFold: ModelFold | undefined;
  let records: InputRecords | undefined;
  let left = start;
  let began = 0;
  const hash = configHash(config);
  const definition = engineProjection({ config });
  /** A model that began at a snapshot is ahead of the rows until they have come to its position. */
  const follow = ({ position, fold }: ModelFold): StateFollower => ({
    position,
    fold: (events, seq) => {
      const at = position();
      if (seq > at) fold(at === 0 ? events : events.filter((event) => event.seq > at), seq);
    },
  });
  return {
    state: () => modelFold && follow(modelFold),
    definition: {
      ...definition,
      tables: (db) => {
        const tables = prepareTables(db);
        const own = createRecords(db);
        for (const input of known) own.add(input);
        const inputs: InputSource = {
          between: (after, to) => {
            for (const input of live?.between(after, to) ?? []) own.add(input);
            return own.between(after, to);
          },
        };
        records = own;
        // A fold that begins again has rows of its own, and so a model of its own.
        const begin = left;
        left = undefined;
        began = begin?.seq ?? 0;
        modelFold?.close();
        modelFold = createModelFold({
          config,
          tables,
          inputs,
          erasureKey,
          beside,
          stops: {
            next: (after) => Math.min(...pinnedAt(own.list()).filter((seq) => seq > after)),
            // The ranker of this fold at the pin's position: an erasure may have taken events out of the log since.
            reached: (seq) => {
              for (const mention of own.list()) {
                if (mention.kind !== 'ranker' || mention.trained_at !== seq) continue;
                const input = own.read(mention);
                const ranker = modelFold?.model.rankerBytes();
                const again = input && ranker && refolded(input, hash, ranker);
                if (!again || again.sha256 === mention.sha256) continue;
                own.remove(mention);
                own.add(again);
              }
            },
          },
          ...(begin ? { model: begin.model, seq: streamSeq(begin.seq) } : {}),
        });
        return tables;
      },
    },
    modelFold: () => modelFold,
    inputs: () => records?.digest(modelFold?.position() ?? 0) ?? '',
    began: () => began,
  };
}

interface ImageHead extends Origin {
  seq: number;
  /** Whether snapshots stay: the reason of the rebuild was not a doubt in them. */
  beside?: boolean;
  inputs: string;
  sha256: string;
}

/** Writes the model's state in one step: the file holds all of it, or does not exist. */
export function writeImage(
  file: string,
  { model, position }: ModelFold,
  origin: Origin,
  { inputs, beside }: { inputs: string; beside: boolean },
): void {
  const state = model.exportState();
  const head: ImageHead = {
    ...origin,
    seq: position(),
    inputs,
    beside,
    sha256: sha256(state),
  };
  writeFileSync(`${file}.new`, Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), state]));
  stepTaken('image-written');
  renameSync(`${file}.new`, file);
  stepTaken('image-named');
}

export interface RebuiltModel {
  model: Model;
  seq: number;
  /** Snapshots stay; left out: a snapshot of this model supersedes all others. */
  beside?: boolean;
}

/** A model that was read from an image before the cut-over. */
export interface ModelAhead {
  model: Model;
  /** SHA-256 of the state in the image, hex. */
  sha256: string;
}

export interface ReadImageOptions {
  config: Config;
  /** The model, if it was read already; the image decides whether it is this one. */
  ahead?: ModelAhead | undefined;
  origin: Origin;
  /** Position of the rows. */
  checkpoint: number;
  /** Digest of the recorded inputs that count up to a position. */
  inputs: (seq: number) => string;
  /** Whether state of this position may hold messages that the log has lost. */
  holdsLost: (seq: number) => boolean;
}

/** What an image holds; undefined without a file. Throws a `SyntaxError` for bytes of another release. */
export function openImage(file: string): { head: ImageHead; state: Buffer } | undefined {
  if (!existsSync(file)) return undefined;
  const bytes = readFileSync(file);
  const end = bytes.indexOf('\n');
  const head = JSON.parse(bytes.subarray(0, end).toString('utf8')) as ImageHead;
  return { head, state: bytes.subarray(end + 1) };
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The model of a rebuild; undefined if there is no image of this engine, or it is ahead of the rows. */
export function readImage(file: string, options: ReadImageOptions): RebuiltModel | undefined {
  const { config, ahead, origin, checkpoint, inputs, holdsLost } = options;
  try {
    const image = openImage(file);
    if (!image) return undefined;
    const { head, state } = image;
    const read = ahead?.sha256 === head.sha256 ? ahead.model : undefined;
    // Callers wait meanwhile, and the bytes of a model that was read had their checksum.
    if (!read && sha256(state) !== head.sha256) return undefined;
    if (incompatibility(head, origin) !== undefined || head.seq > checkpoint || holdsLost(head.seq)) return undefined;
    const beside = head.beside === true;
    // The live engine recorded another input meanwhile, at a position that the rebuild had passed. The rebuilt rows
    // are still better than any snapshot, so the engine folds the model from the log once more.
    if (head.inputs !== inputs(head.seq)) return { model: emptyModel(config), seq: 0, beside };
    if (read) return { model: read, seq: head.seq, beside };
    const model = emptyModel(config);
    model.importState(state);
    return { model, seq: head.seq, beside };
  } catch (err) {
    // The image is truncated, or of another release: the engine uses a snapshot or the log instead.
    if (!(err instanceof Error)) throw err;
    return undefined;
  }
}

export function removeImage(file: string): void {
  rmSync(file, { force: true });
  stepTaken('image-removed');
}
