import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { createCodec } from '../../bus/event/codec.ts';
import type { StreamSeq } from '../../bus/event/ids.ts';
import { createEventPublisher } from '../../bus/log/event-publisher.ts';
import { createJetStreamLog } from '../../bus/log/jetstream.ts';
import { createPublisher, publisherLimits } from '../../bus/nats/publisher.ts';
import { type EventProblem, messageOf, UsageError } from '../../errors.ts';
import { EXIT, note, print, printJson } from '../output.ts';
import { type CommonOptions, withCommon, withSession } from '../session.ts';
import { number } from '../values.ts';

interface PublishOptions extends CommonOptions {
  item?: string;
  value?: number;
  list?: string;
  eventData?: string;
  time?: string;
  id?: string;
  source: string;
  file?: string;
}

/** `freshet publish` */
export const publishVerb = (): Command =>
  withCommon(
    new Command('publish')
      .description('publish one event, or a file of events')
      .argument('[type]', 'type of the event; "viewed" is short for user.viewed.v1')
      .argument('[subject]', 'id of the user or item of the event')
      .option('--item <id>', 'the item, a member of the data')
      .option('--value <n>', 'rating, seconds or amount, a member of the data', number)
      .option('--list <id>', 'id of the list that the item came from, a member of the data')
      .option('--event-data <json>', 'the data of the event, as JSON')
      .option('--time <time>', 'when it happened, RFC 3339 (default: now)')
      .option('--id <id>', 'id of the event; Freshet counts each id once (default: a new id)')
      .option('--source <source>', 'source of the event', 'freshet-cli')
      .option('--file <file>', 'publish the events in this file, one CloudEvent per line; - for standard input'),
  )
    .addHelpText(
      'after',
      `
Examples:
  freshet publish viewed u42 --item shelley-frankenstein
  freshet publish user.rated.v1 u42 --item i7 --value 4.5
  freshet publish content.published.v1 i7 --event-data '{"title":"A title","tags":["sea"]}'
  freshet publish --file events.jsonl`,
    )
    .action(run);

interface Outcome {
  accepted: number;
  duplicates: number;
  rejected: (EventProblem & { index: number })[];
  seq?: StreamSeq;
}

async function run(type: string | undefined, subject: string | undefined, options: PublishOptions): Promise<void> {
  const events = options.file === undefined ? [eventOf(type, subject, options)] : linesOf(options.file);
  await withSession(options, async ({ nc, config }) => {
    const codec = createCodec({ declared: config.events.declared, maxEventBytes: config.events.max_bytes });
    const publisher = createPublisher(nc, publisherLimits(config));
    const target = createEventPublisher({
      publisher,
      log: await createJetStreamLog({ nc, publisher }),
      codec,
      compareWindow: config.publisher.compare_window,
      retries: config.publisher.retries,
    });
    const outcome: Outcome = { accepted: 0, duplicates: 0, rejected: [] };
    let failure: { reason: unknown } | undefined;
    const acks: Promise<void>[] = [];
    for (const [index, event] of events.entries()) {
      const prepared = 'problem' in event ? { ok: false as const, problem: event.problem } : codec.prepare(event.value);
      if (!prepared.ok) {
        outcome.rejected.push({ index, ...prepared.problem });
        continue;
      }
      await target.ready();
      if (failure) break;
      acks.push(
        target.publish(prepared.prepared).then(
          (publication) => {
            if (publication.kind === 'refused') {
              outcome.rejected.push({ index, ...publication.problem });
              return;
            }
            if (publication.kind === 'duplicate') outcome.duplicates++;
            else outcome.accepted++;
            outcome.seq = Math.max(outcome.seq ?? 0, publication.seq) as StreamSeq;
          },
          (reason: unknown) => {
            failure ??= { reason };
          },
        ),
      );
    }
    await Promise.all(acks);
    await publisher.close();
    // The log's refusals come after those of the checks.
    outcome.rejected.sort((a, b) => a.index - b.index);
    if (options.json) printJson(outcome);
    else printOutcome(outcome);
    if (failure) throw failure.reason;
    if (outcome.accepted + outcome.duplicates === 0) process.exitCode = EXIT.failure;
  });
}

function printOutcome({ accepted, duplicates, rejected, seq }: Outcome): void {
  for (const { index, code, message } of rejected) note(`${code}: event ${index + 1}: ${message}`);
  const [inUse, invalid] = [rejected.filter(isInUse).length, rejected.filter((one) => !isInUse(one)).length];
  if (invalid > 0) note('Next: correct the event; docs/reference/events.md shows each type with its members');
  if (inUse > 0)
    note('Next: publish the event under a new id; docs/reference/events.md#identity says what a duplicate is');
  if (accepted + duplicates === 0) return;
  print(`${accepted} published${duplicates > 0 ? `, ${duplicates} already in the log` : ''}; sequence ${seq}`);
}

/** Whether the event is valid, and its source and id belong to another one. */
const isInUse = ({ code }: EventProblem): boolean =>
  code === 'FRESHET_IDENTITY_REUSED' || code === 'FRESHET_IDENTITY_PURGED';

type Given = { value: unknown } | { problem: EventProblem };

function eventOf(type: string | undefined, subject: string | undefined, options: PublishOptions): Given {
  if (type === undefined || subject === undefined)
    throw new UsageError('The command needs the type and the subject of an event, or --file.', {
      next: 'freshet publish TYPE SUBJECT, such as: freshet publish viewed u42 --item i7',
    });
  const { item, value, list, eventData, time = new Date().toISOString(), id = randomUUID(), source } = options;
  let data: Record<string, unknown> = {};
  if (eventData !== undefined) {
    try {
      data = JSON.parse(eventData) as Record<string, unknown>;
    } catch (cause) {
      throw new UsageError(`The value of --event-data is not JSON: ${messageOf(cause)}.`, {
        next: 'quote the JSON for the shell, such as: --event-data \'{"title":"A title"}\'',
        cause,
      });
    }
  }
  data = {
    ...data,
    ...(item === undefined ? {} : { item }),
    ...(value === undefined ? {} : { value }),
    ...(list === undefined ? {} : { list }),
  };
  return {
    value: {
      specversion: '1.0',
      id,
      source,
      type: type.includes('.') ? type : `user.${type}.v1`,
      subject,
      time,
      datacontenttype: 'application/json',
      data,
    },
  };
}

function linesOf(file: string): Given[] {
  let text: string;
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (cause) {
    throw new UsageError(`Freshet cannot read ${file}: ${messageOf(cause)}.`, {
      next: 'name a readable file with --file',
      cause,
    });
  }
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line): Given => {
      try {
        return { value: JSON.parse(line) };
      } catch (err) {
        return {
          problem: {
            code: 'FRESHET_EVENT_MALFORMED',
            message: `The line is not JSON: ${messageOf(err).slice(0, 200)}.`,
          },
        };
      }
    });
}
