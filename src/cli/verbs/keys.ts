import { Command, InvalidArgumentError } from 'commander';
import { type KeyRecord, keyTrouble, makeKey } from '../../gateway/access/key.ts';
import { keysWereMade } from '../../gateway/access/required.ts';
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
    .description('manage the API keys of the gateway')
    .addCommand(
      withCommon(
        new Command('create')
          .description(
            'create an API key, which every gateway accepts at once; the command shows it once, and Freshet stores its hash',
          )
          .argument('<name>', 'name of the application or person that uses the key')
          .requiredOption(
            '--scope <scope>',
            `what the key allows: ${SCOPES.join(', ')}; may be repeated, or several with commas`,
            scopes,
          )
          .option(
            '--expires <time>',
            'when the key expires: 90d, 12h, 30m, or a time such as 2027-01-01T00:00:00Z',
            moment,
          )
          .option('--rate <n>', 'most requests per second (default: http.rate_per_s)', rate),
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
          note(
            `Key ${record.id} (${name}) allows ${record.scopes.join(', ')}. Store it now: Freshet cannot show it again.`,
          );
        }),
      ),
    )
    .addCommand(
      withCommon(new Command('list').description('list the API keys, without their secrets')).action(
        (options: CommonOptions) =>
          withSession(options, async ({ nc }) => {
            const { records, unreadable } = await (await openKeyStore(nc)).list();
            const lost = unreadable.map((id) => ({ id, state: 'unreadable' }));
            if (options.json) return printJson([...records.map(shown), ...lost]);
            if (records.length + lost.length === 0)
              return note(
                (await keysWereMade(nc))
                  ? 'No API keys. An operator has made one before, so the gateway lets nobody in: freshet keys create NAME --scope SCOPE'
                  : 'No API keys. The gateway requires none, unless the setting http.keys is "required".',
              );
            print(
              table(
                [
                  ...records.map((record) => [
                    record.id,
                    record.name,
                    record.scopes.join(' '),
                    record.created,
                    record.expires ?? 'never',
                    keyTrouble(record, Date.now()) ?? 'in force',
                  ]),
                  ...lost.map(({ id, state }) => [id, '', '', '', '', state]),
                ],
                ['id', 'name', 'scopes', 'created', 'expires', 'state'],
              ),
            );
          }),
      ),
    )
    .addCommand(
      withCommon(
        new Command('revoke')
          .description('revoke an API key, and all tokens that a caller got with it')
          .argument('<id>', 'id of the key from `freshet keys list`, or the key itself'),
      ).action((id: string, options: CommonOptions) =>
        withSession(options, async ({ nc }) => {
          const record = await (await openKeyStore(nc)).revoke(idOf(id), Date.now());
          if (options.json) return printJson(shown(record));
          note(`Key ${record.id} (${record.name}) is revoked since ${record.revoked}.`);
        }),
      ),
    );

/** A record without its hash and verifier. */
const shown = ({ id, name, scopes, created, expires, revoked, rate_per_s }: KeyRecord) => ({
  id,
  name,
  scopes,
  created,
  expires,
  revoked,
  rate_per_s,
});

/** Also accepts a whole key: an operator who revokes a leaked key may have only that. */
const idOf = (text: string): string => /^fk_([0-9a-f]{12})_/.exec(text)?.[1] ?? text;

function scopes(text: string, before: Scope[] | undefined): Scope[] {
  const named = text.split(',').map((one) => one.trim());
  const wrong = named.find((one) => !isScope(one));
  if (wrong !== undefined)
    throw new InvalidArgumentError(`${JSON.stringify(wrong)} is not a scope. The scopes are ${SCOPES.join(', ')}.`);
  return [...(before ?? []), ...(named as Scope[])];
}

const UNITS: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000 };

/** A future time, milliseconds since 1970. */
function moment(text: string): number {
  const [, count, unit] = /^([1-9]\d{0,5})([dhm])$/.exec(text) ?? [];
  const at = unit === undefined ? Date.parse(text) : Date.now() + Number(count) * (UNITS[unit] as number);
  if (Number.isNaN(at) || at <= Date.now())
    throw new InvalidArgumentError('Give 90d, 12h, 30m, or a future time such as 2027-01-01T00:00:00Z.');
  return at;
}

function rate(text: string): number {
  const value = number(text);
  if (value <= 0) throw new InvalidArgumentError('Give a number above 0.');
  return value;
}
