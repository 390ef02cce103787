import { readFileSync } from 'node:fs';
import { Argument, Command } from 'commander';
import { createCodec } from '../../bus/event/codec.ts';
import { eventIdentity } from '../../bus/event/ids.ts';
import { createEventPublisher, storedSeq } from '../../bus/log/event-publisher.ts';
import { createJetStreamLog } from '../../bus/log/jetstream.ts';
import { createPublisher, publisherLimits } from '../../bus/nats/publisher.ts';
import { SERVICES, type ServiceName } from '../../bus/projection/definition.ts';
import {
  checkReadable,
  type DeadLetterMark,
  findDeadLetters,
  markOf,
  readDeadLetter,
  resolveDeadLetter,
  type ShownDeadLetter,
} from '../../bus/service/dead-letters.ts';
import { DeadLetterUnreadableError, isFreshetError, messageOf, UsageError } from '../../errors.ts';
import { count, print, printJson, table } from '../output.ts';
import { type CliSession, type CommonOptions, withCommon, withSession } from '../session.ts';
import { positive } from '../values.ts';

interface ListOptions extends CommonOptions {
  service?: ServiceName;
  code?: string;
  all?: boolean;
}

const one = (command: Command): Command =>
  withCommon(
    command
      .addArgument(new Argument('<service>', 'the service that could not fold the event').choices([...SERVICES]))
      .argument('<seq>', 'sequence of the event in the log', positive),
  );

/** `freshet dlq` */
export const dlqVerb = (): Command =>
  new Command('dlq')
    .description('handle dead letters: events that a service could not fold')
    .addCommand(
      withCommon(
        new Command('list')
          .description('list the open dead letters')
          .addArgument(new Argument('[service]', 'only dead letters of this service').choices([...SERVICES]))
          .option('--code <code>', 'only dead letters with this error code')
          .option('--all', 'also the corrected and discarded ones'),
      ).action((service: ServiceName | undefined, options: ListOptions) =>
        withSession(options, async (session) => {
          const { code, all } = options;
          const { found } = await findDeadLetters(session.nc, {
            ...(service ? { services: [service] } : {}),
            code,
            all,
          });
          if (options.json) return printJson(found);
          if (found.length === 0) return print('No dead letters.');
          const rows = found.map(({ service: owner, seq, code, subject, message, mark }) => [
            owner,
            String(seq),
            code,
            subject.slice(0, 60),
            mark ? mark.done : message.slice(0, 100),
          ]);
          print(table(rows, ['service', 'seq', 'code', 'subject', 'reason']));
        }),
      ),
    )
    .addCommand(
      one(new Command('show').description('show a dead letter with its reason and its payload')).action(
        (service: ServiceName, seq: number, options: CommonOptions) =>
          withSession(options, async (session) => {
            const dead = await readDeadLetter(session.nc, service, seq);
            const mark = await markOf(session.nc, service, seq);
            const text = Buffer.from(dead.payload, 'base64').toString('utf8');
            if (options.json) return printJson({ service, ...dead, ...(mark ? { mark } : {}) });
            print(
              `service   ${service}\nsequence  ${seq}\nsubject   ${dead.subject}\nreason    ${dead.code}: ${dead.message}`,
            );
            if (mark) print(`done      ${mark.done} at ${mark.at}${mark.seq ? `, as sequence ${mark.seq}` : ''}`);
            print(`bytes     ${count(dead.bytes)}\n\n${text}`);
          }),
      ),
    )
    .addCommand(
      one(
        new Command('retry').description(
          'publish a corrected event (--with); without --with, check whether this release can read the event now',
        ),
      )
        .option('--with <file>', 'JSON file of the corrected event; - for standard input')
        .action((service: ServiceName, seq: number, options: CommonOptions & { with?: string }) =>
          withSession(options, async (session) => {
            const dead = await readDeadLetter(session.nc, service, seq);
            const outcome =
              options.with === undefined
                ? (corrected(service, seq, await markOf(session.nc, service, seq)) ?? refold(session, service, dead))
                : await correct(session, service, dead, options.with);
            if (options.json) printJson({ service, seq, ...outcome });
            else print(outcome.sentence);
          }),
        ),
    )
    .addCommand(
      one(new Command('discard').description('remove a dead letter from the list; its event stays in the log')).action(
        (service: ServiceName, seq: number, options: CommonOptions) =>
          withSession(options, async (session) => {
            const dead = await readDeadLetter(session.nc, service, seq);
            await resolveDeadLetter(session.nc, service, dead, { done: 'discarded', at: new Date().toISOString() });
            if (options.json) printJson({ service, seq, done: 'discarded' });
            else print(`Discarded the dead letter ${service} ${seq}. freshet dlq list --all still shows it.`);
          }),
      ),
    );

/** `sentence` is a sentence for people. Callers see the member with --json. */
type Outcome = { done: 'corrected' | 'readable'; sentence: string; published?: number };

/** The outcome for a dead letter that an operator has already corrected. */
const corrected = (service: ServiceName, seq: number, mark: DeadLetterMark | undefined): Outcome | undefined =>
  mark?.done === 'corrected' && mark.seq !== undefined
    ? {
        done: 'corrected',
        published: mark.seq,
        sentence: `The corrected event of ${service} ${seq} is in the log already, at sequence ${mark.seq} (${mark.at}).`,
      }
    : undefined;

/** If the fold can read the event now, a rebuild folds it at its own sequence. Publishing it again would add a second one. */
function refold({ config }: CliSession, service: ServiceName, dead: ShownDeadLetter): Outcome {
  checkReadable(
    codecOf(config),
    dead,
    `write a corrected event to a file, then freshet dlq retry ${service} ${dead.seq} --with FILE`,
  );
  return {
    done: 'readable',
    sentence: `This release can read the event at sequence ${dead.seq}. A rebuild folds it there: freshet replay ${service}`,
  };
}

const codecOf = ({ events }: CliSession['config']) =>
  createCodec({ declared: events.declared, maxEventBytes: events.max_bytes });

async function correct(
  session: CliSession,
  service: ServiceName,
  dead: ShownDeadLetter,
  file: string,
): Promise<Outcome> {
  const { nc, config } = session;
  const codec = codecOf(config);
  const event = readEvent(file);
  const before = identityOf(Buffer.from(dead.payload, 'base64').toString('utf8'));
  // The old id belongs to the invalid event. A second event with that id and other content would be a dead letter too.
  if (before !== undefined && before === identityOf(JSON.stringify(event))) event.id = `${String(event.id)}.corrected`;
  const prepared = codec.prepare(event);
  if (!prepared.ok)
    throw new DeadLetterUnreadableError(`The corrected event in ${file} is invalid too: ${prepared.problem.message}`, {
      next: `correct ${file}, then run this command again`,
      details: { reason: prepared.problem.code },
    });
  const publisher = createPublisher(nc, publisherLimits(config));
  try {
    const log = await createJetStreamLog({ nc, publisher });
    const seq = storedSeq(await createEventPublisher({ publisher, log, codec }).publish(prepared.prepared));
    await resolveDeadLetter(session.nc, service, dead, { done: 'corrected', at: new Date().toISOString(), seq });
    return {
      done: 'corrected',
      published: seq,
      sentence: `The corrected event ${String(event.id)} is in the log at sequence ${seq}.`,
    };
  } finally {
    await publisher.close();
  }
}

function readEvent(file: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(readFileSync(file === '-' ? 0 : file, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    throw new UsageError(`${file} is JSON, but not an object.`, {
      next: 'write one event as a JSON object to the file',
    });
  } catch (err) {
    if (isFreshetError(err)) throw err;
    throw new UsageError(`Freshet cannot read ${file} as JSON: ${messageOf(err)}.`, {
      next: 'write one event as a JSON object to the file',
    });
  }
}

function identityOf(text: string): string | undefined {
  try {
    const { source, id } = JSON.parse(text) as { source?: unknown; id?: unknown };
    return typeof source === 'string' && typeof id === 'string' ? eventIdentity(source, id) : undefined;
  } catch {
    return undefined;
  }
}
