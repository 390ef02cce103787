import { DECLARED_TYPE, eventSchemas, type JsonSchema } from '../../src/bus/event/json-schema.ts';
import { EVENT_DATA, EVENT_LIMITS } from '../../src/bus/event/types.ts';
import { EVENT_EXAMPLE } from '../../src/gateway/schemas/event.ts';
import { code, generatedFrom, page, table } from './markdown.ts';

const WHAT: Readonly<Record<string, string>> = {
  'user.registered.v1': 'A user signed up. The traits replace all earlier traits of the user.',
  'user.updated.v1': 'Traits of a user changed. Traits that the event does not name stay.',
  'user.viewed.v1': 'A user looked at an item.',
  'user.played.v1': 'A user played an item; `value` may hold seconds.',
  'user.added.v1': 'A user put an item into a basket or list.',
  'user.purchased.v1': 'A user bought an item; `value` may hold the amount.',
  'user.rated.v1': 'A user rated an item; `value` holds the rating.',
  'user.linked.v1':
    "An anonymous session belongs to this user. Freshet counts the session's events as the user's from now on. The first link of a session wins.",
  'user.retracted.v1': 'Freshet no longer counts an earlier event of this user. No user can retract a link.',
  'content.published.v1':
    'An item is in the catalogue, with these fields. A second such event for the item replaces all its fields.',
  'content.updated.v1': 'Fields of an item changed. Freshet ignores it for an item that was never published.',
  'content.withdrawn.v1': 'Freshet does not recommend the item until a `content.restored.v1`.',
  'content.restored.v1': 'Freshet may recommend a withdrawn item again.',
  'feedback.served.v1': 'The application showed a list to a user, in this order.',
  'feedback.clicked.v1':
    'A user clicked an item of a list. The click does not enter the history of the user: if a click means interest, publish `user.viewed.v1` as well.',
  'feedback.dismissed.v1': 'A user dismissed an item of a list.',
  'control.erased.v1':
    'Freshet forgets a user: each service that reads this event removes all that it stored on the user.',
  'control.backup_restored.v1':
    'An operator restored the log from a backup: it names the sequences that the backup does not hold.',
  'control.removed.v1':
    'Freshet deleted messages of other users that named a forgotten id: each service removes what it stored of them.',
  'control.experiment_started.v1': 'An experiment started.',
  'control.experiment_ended.v1': 'An experiment ended.',
  'control.promoted.v1': 'An operator promoted a shadow: its settings are in force from this event on.',
  'control.rolled_back.v1': 'An operator rolled back: the settings of an earlier snapshot are in force again.',
  [DECLARED_TYPE]: 'Your own interactions: `user.x_<verb>.v1` for each verb that the setting `events.declared` names.',
};

/** The type of a schema in words. */
function typeOf(schema: JsonSchema): string {
  if (Array.isArray(schema.anyOf)) {
    const each = (schema.anyOf as JsonSchema[]).map(typeOf);
    return [...new Set(each.flatMap((text) => text.split(' or ')))].join(' or ');
  }
  if (schema.type === 'array') return `list of ${typeOf(schema.items as JsonSchema)}`;
  if (schema.type === 'string') return schema.format === 'date-time' ? 'time' : 'text';
  if (schema.type === 'object') return schema.patternProperties ? 'object of any names' : 'object';
  return typeof schema.type === 'string' ? schema.type : 'anything';
}

function limitsOf(schema: JsonSchema): string {
  if (Array.isArray(schema.anyOf))
    return (schema.anyOf as JsonSchema[]).map(limitsOf).find((text) => text !== '') ?? '';
  const { minLength, maxLength, minItems, maxItems, minimum, maximum, pattern } = schema as Record<string, number>;
  const parts: string[] = [];
  if (maxLength !== undefined) parts.push(`${minLength ?? 0} to ${maxLength.toLocaleString('en')} characters`);
  if (maxItems !== undefined) parts.push(`at most ${maxItems.toLocaleString('en')}`);
  if (minItems !== undefined) parts.push(`at least ${minItems}`);
  if (minimum !== undefined) parts.push(maximum === undefined ? `from ${minimum}` : `${minimum} to ${maximum}`);
  if (pattern !== undefined) parts.push(`matches ${code(String(pattern))}`);
  return parts.join(', ');
}

function membersTable(data: JsonSchema): string {
  const properties = (data.properties ?? {}) as Record<string, JsonSchema>;
  const required = new Set((data.required ?? []) as string[]);
  const rows = Object.entries(properties).map(([name, schema]) => [
    code(name),
    `${typeOf(schema)}${required.has(name) ? '' : ', optional'}`,
    limitsOf(schema),
    descriptionOf(schema),
  ]);
  return rows.length === 0 ? 'No members.' : table(['member', 'type', 'limits', 'meaning'], rows);
}

function descriptionOf(schema: JsonSchema): string {
  if (typeof schema.description === 'string') return schema.description;
  const inner = Array.isArray(schema.anyOf) ? (schema.anyOf as JsonSchema[]).map(descriptionOf) : [];
  if (inner.some((text) => text !== '')) return inner.find((text) => text !== '') ?? '';
  const items = schema.items as JsonSchema | undefined;
  const properties = items?.properties as Record<string, JsonSchema> | undefined;
  return properties
    ? `each with ${Object.entries(properties)
        .map(([name, one]) => `${code(name)} (${typeOf(one)})`)
        .join(', ')}`
    : '';
}

export function eventsPage(): string {
  const schemas = eventSchemas();
  const sections = [...schemas].map(([type, schema]) => {
    const data = (schema.properties as Record<string, JsonSchema>).data as JsonSchema;
    const what = WHAT[type];
    if (what === undefined) throw new Error(`scripts/docs/events.ts does not describe ${type}. Add it to WHAT.`);
    const title = type === DECLARED_TYPE ? 'user.x_<verb>.v1' : type;
    const about = [what, typeof data.description === 'string' ? `Data: ${data.description}.` : '']
      .filter((text) => text !== '')
      .join(' ');
    return [
      `## ${title.replaceAll('<', '&lt;')}`,
      about,
      membersTable(data),
      `Schema: [${type}.json](schemas/${type}.json)`,
    ].join('\n\n');
  });
  const stale = Object.keys(WHAT).filter((type) => !schemas.has(type));
  if (stale.length > 0) throw new Error(`scripts/docs/events.ts describes unknown types: ${stale.join(', ')}.`);
  return page(
    generatedFrom('src/bus/event/types.ts'),
    '# Events',
    `An event is one line of CloudEvents 1.0 JSON in structured mode. Publish it on the subject \`ev.<context>.<entity>.<verb>\`:`,
    ['```json', JSON.stringify(EVENT_EXAMPLE), '```'].join('\n'),
    `This one goes to \`ev.user.u42.viewed\`. Set the header \`Nats-Msg-Id: shop-web/01JDA8Z7Q5\` as well: the nats-server then drops repetitions. The schemas as files: [schemas/](schemas). All subjects and schemas as AsyncAPI 3: [asyncapi.json](asyncapi.json).`,
    '## The envelope',
    table(
      ['member', 'value'],
      [
        ['`specversion`', '`"1.0"`'],
        ['`id`, `source`', 'together the identity of the event: Freshet counts each identity once'],
        ['`type`', 'the type with its version, such as `user.viewed.v1`'],
        ['`subject`', 'the user id; for `content.*` the item id; for `control.*` the id of the act'],
        [
          '`time`, optional',
          'when it happened, RFC 3339; it may be years ago. By default the time at which the log stored the event, which is also the time by which Freshet counts an event that is dated later. Second 60 is valid in the minute 23:59 of UTC (`2016-12-31T23:59:60Z`, `1990-12-31T15:59:60-08:00`) and means the second after it',
        ],
        ['`datacontenttype`, optional', '`"application/json"`'],
        ['`data`', 'the members of the type, below'],
        ['others', 'CloudEvents extension attributes: Freshet stores and ignores them'],
      ],
    ),
    [
      'Ids (`id`, `source`, `subject`, and inside the data `item`, `list`, `session`, `experiment`) are 1 to 128 **bytes** of printable UTF-8 in normal form NFC, by Unicode 15.0 whatever the version of Node ([decision](../decisions/0029-pinned-unicode.md)); characters that are newer than 15.0 may stand in any form.',
      'In subjects and KV keys, `[A-Za-z0-9_-]` stay as they are and every other byte becomes `=HH`: `a.b` is `a=2Eb`.',
      'JSON Schema counts characters and Freshet counts bytes: an id of 128 characters and more than 128 bytes passes the schema, and Freshet rejects it.',
    ].join(' '),
    [
      'The NATS subject must match `type` and `subject`. `data` may hold further members: Freshet stores and ignores them. `data` may be nested 32 levels deep.',
      'The gateway and the command line reject an invalid event with a code ([errors](errors.md)). If a program publishes an invalid event straight to NATS, the services move it to the dead letters with the same code.',
    ].join(' '),
    `An event that Freshet publishes may have ${code('events.max_bytes')} bytes ([configuration](configuration.md)). A text in traits, attributes and contexts may have ${EVENT_LIMITS.textLength.toLocaleString('en')} characters.`,
    `Freshet has ${Object.keys(EVENT_DATA).length} types, and you can declare interactions of your own.`,
    ...sections,
  );
}
