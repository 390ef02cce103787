import { describe, expect, it } from 'vitest';
import { codec, stored } from '../../../test/support/events.ts';
import { completeConfig } from '../../config/load.ts';
import { decodePin, encodePin, refolded } from '../artifacts/pin.ts';
import { configHash, differences, settingsOf, withSettings } from '../settings/settings.ts';
import { type Activation, activationOf, inForce } from './activations.ts';

const file = completeConfig({ engine: { ranker_units: 8, snapshot_events: 77 } });
const other = completeConfig({ engine: { ranker_form: 'none', snapshot_events: 9 } });

/** Acts as the log gives them. */
function acts(...of: { verb: 'promoted' | 'rolled_back'; config: string }[]): Activation[] {
  const events = of.map(({ verb, config }, i) => ({
    specversion: '1.0',
    id: `e${i}`,
    type: `control.${verb}.v1`,
    source: 'freshet',
    subject: `act${i}`,
    data: { snapshot: `model-${i}`, config },
  }));
  return stored(events).map((message) => {
    const decoded = codec.decode(message);
    const act = decoded.kind === 'event' ? activationOf(decoded.event) : undefined;
    if (!act) throw new Error('no act');
    return act;
  });
}

const json = JSON.stringify(settingsOf(other));

describe('the settings in force', () => {
  it('are the file’s without a promotion or rollback', () => {
    expect(inForce(file, [])).toEqual({ config: file, act: undefined });
  });

  it('are those of the newest activation, and operational settings are the file’s', () => {
    const { config, activation } = inForce(file, acts({ verb: 'promoted', config: json }));
    expect(config.engine).toMatchObject({ ranker_form: 'none', ranker_units: 16, snapshot_events: 77 });
    expect(configHash(config)).toBe(configHash(other));
    expect(activation).toMatchObject({ act: 'act0', verb: 'promoted', seq: 1, snapshot: 'model-0' });
    expect(config.http).toEqual(file.http);
  });

  it('are the file’s again after an activation without settings', () => {
    const { config, activation } = inForce(
      file,
      acts({ verb: 'rolled_back', config: json }, { verb: 'promoted', config: '' }),
    );
    expect(config).toEqual(file);
    expect(activation?.seq).toBe(2);
  });

  it('are the file’s for events of releases without settings in them', () => {
    expect(inForce(file, acts({ verb: 'promoted', config: 'c1' })).config).toEqual(file);
  });

  it('ignore unknown settings, and an activation with invalid values', () => {
    const strange = JSON.stringify({ ...settingsOf(other), of_tomorrow: true });
    expect(configHash(inForce(file, acts({ verb: 'promoted', config: strange })).config)).toBe(configHash(other));
    const said: string[] = [];
    const wrong = JSON.stringify({ ranker_units: 'many' });
    const { config, activation } = inForce(
      file,
      acts({ verb: 'promoted', config: json }, { verb: 'promoted', config: wrong }),
      (text) => said.push(text),
    );
    expect({ hash: configHash(config), seq: activation?.seq, said: said.length }).toEqual({
      hash: configHash(other),
      seq: 1,
      said: 1,
    });
  });

  it('are compared by name', () => {
    expect(differences(settingsOf(file), settingsOf(other))).toEqual({
      ranker_form: ['hidden', 'none'],
      ranker_units: [8, 16],
    });
    expect(configHash(withSettings(file, settingsOf(other), 'test'))).toBe(configHash(other));
  });
});

describe('a pinned ranker', () => {
  const pin = { config: 'abc', act: 'act1', snapshot: 'model-1', ranker: Buffer.from([10, 0, 255]) };

  it('is read as it was written, and so is the end of a pin', () => {
    expect(decodePin(encodePin(pin))).toEqual(pin);
    const end = { ...pin, ranker: undefined };
    expect(decodePin(encodePin(end))).toEqual(end);
  });

  it('is refused if the bytes are something else', () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from('FRSHINPT'), Buffer.from('{"config":1}\n')])
      expect(() => decodePin(bytes)).toThrow('no pinned ranker');
  });

  it('is replaced by the ranker of the fold at its position, under the same settings only', () => {
    const input = {
      kind: 'ranker' as const,
      trained_at: 5,
      from_seq: 9,
      sha256: '',
      backend: 'fold',
      seconds: 0,
      marks: [],
      bytes: encodePin(pin),
    };
    const again = refolded(input, 'abc', Buffer.from([1, 2]));
    expect(again && decodePin(again.bytes)).toEqual({ ...pin, ranker: Buffer.from([1, 2]) });
    expect(refolded(input, 'another', Buffer.from([1, 2]))).toBeUndefined();
    expect(
      refolded({ ...input, bytes: encodePin({ ...pin, ranker: undefined }) }, 'abc', Buffer.from([1])),
    ).toBeUndefined();
  });
});
