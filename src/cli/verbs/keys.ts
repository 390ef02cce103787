import { Command, InvalidArgumentError } from 'commander';
import { type KeyRecord, keyTrouble, makeKey } from '../../gateway/access/key.ts';
import { isScope, SCOPES, type Scope } from '../../gateway/access/scopes.ts';
import { openKeyStore } from '../../gateway/access/store.ts';
import { note, print, printJson, table } from '../output.ts';
import { type CommonOptions, withCommon, withSession } from '../session.ts';
import { number } from '../values.ts';

interface CreateOptions extends CommonOptions {
  scope: Scope[];
  expires?: number;
  rate?: number;
}

/** `freshet keys` */
export const keysVerb = (): Command =>
  new Command('keys')
    .description('API keys of the gateway: made, listed, revoked')
    .addCommand(
      withCommon(
        new Command('create')
          .description('make a key; it is shown once, kept as a hash, and counts at once at every gateway')
          .argument('<name>', 'who it is for, in words')
          .requiredOption(
            '--scope <scope>',
            `what it opens: ${SCOPES.join(', ')}; may be repeated, or several with commas`,
            scopes,
          )
          .option('--expires <time>', 'when it ends: 90d, 12h, 30m, or a time such as 2027-01-01T00:00:00Z', moment)
          .option('--rate <n>', 'requests a second (default: http.rate_per_s)', rate),
      ).action((name: string, options: CreateOptions) =>
        withSession(options, async ({ nc }) => {
          const { key, record } = makeKey({
            name,
            scopes: options.scope,
            now: Date.now(),
            ...(options.expires === undefined ? {} : { expires: options.expires }),
            ...(options.rate === undefined ? {} : { ratePerS: options.rate }),
          });
          await (await openKeyStore(nc)).add(record);
          if (options.json) return printJson({ key, ...shown(record) });
          print(key);
          note(`Key ${record.id} (${name}) opens ${record.scopes.join(', ')}. It is shown this once.`);
        }),
      ),
    )
    .addCommand(
      withCommon(new Command('list').description('keys, without what opens anything')).action(
        (options: CommonOptions) =>
          withSession(options, async ({ nc }) => {
            const records = await (await openKeyStore(nc)).list();
            if (options.json) return printJson(records.map(shown));
            if (records.length === 0)
              return note('No keys have been made: the gateway asks for none unless http.keys says so.');
            print(
              table(
                records.map((record) => [
                  record.id,
                  record.name,
                  record.scopes.join(' '),
                  record.created,
                  record.expires ?? 'never',
                  keyTrouble(record, Date.now()) ?? 'in force',
                ]),
                ['id', 'name', 'scopes', 'created', 'expires', 'state'],
              ),
            );
          }),
      ),
    )
    .addCommand(
      withCommon(
        new Command('revoke')
          .description('make a key open nothing any more, and the tokens that were made with it')
          .argument('<id>', 'id of the key, as keys list shows it'),
      ).action((id: string, options: CommonOptions) =>
        withSession(options, async ({ nc }) => {
          const record = await (await openKeyStore(nc)).revoke(idOf(id), Date.now());
          if (options.json) return printJson(shown(record));
          note(`Key ${record.id} (${record.name}) was revoked at ${record.revoked}.`);
        }),
      ),
    );

/** A record without hash and verifier. */
const shown = ({ id, name, scopes, created, expires, revoked, rate_per_s }: KeyRecord) => ({
  id,
  name,
  scopes,
  created,
  expires,
  revoked,
  rate_per_s,
});

/** The id in a whole key as well: whoever has to revoke one in a hurry may have that only. */
const idOf = (text: string): string => /^fk_([0-9a-f]{12})_/.exec(text)?.[1] ?? text;

function scopes(text: string, before: Scope[] | undefined): Scope[] {
  const named = text.split(',').map((one) => one.trim());
  const wrong = named.find((one) => !isScope(one));
  if (wrong !== undefined) throw new InvalidArgumentError(`The scopes are ${SCOPES.join(', ')}.`);
  return [...(before ?? []), ...(named as Scope[])];
}

const UNITS: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000 };

/** A time to come, milliseconds since 1970. */
function moment(text: string): number {
  const [, count, unit] = /^([1-9]\d{0,5})([dhm])$/.exec(text) ?? [];
  const at = unit === undefined ? Date.parse(text) : Date.now() + Number(count) * (UNITS[unit] as number);
  if (Number.isNaN(at) || at <= Date.now())
    throw new InvalidArgumentError('It takes 90d, 12h, 30m, or a time to come such as 2027-01-01T00:00:00Z.');
  return at;
}

function rate(text: string): number {
  const value = number(text);
  if (value <= 0) throw new InvalidArgumentError('It takes a number above 0.');
  return value;
}
