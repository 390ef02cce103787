import { DECLARED_TYPE, eventSchemas, type JsonSchema } from '../../src/bus/event/json-schema.ts';
import { EVENT_DATA, EVENT_LIMITS } from '../../src/bus/event/types.ts';
import { EVENT_EXAMPLE } from '../../src/gateway/schemas/event.ts';
import { code, generatedFrom, page, table } from './markdown.ts';

const WHAT: Readonly<Record<string, string>> = {
  'user.registered.v1': 'A user signed up. The traits are all there are: earlier ones no longer count.',
  'user.updated.v1': 'Traits changed; those that are not named stay.',
  'user.viewed.v1': 'A user looked at an item.',
  'user.played.v1': 'A user played an item; `value` may hold seconds.',
  'user.added.v1': 'A user put an item into a basket or list.',
  'user.purchased.v1': 'A user bought an item; `value` may hold the amount.',
  'user.rated.v1': 'A user rated an item; `value` holds the rating.',
  'user.linked.v1':
    "An anonymous session turned out to be this user: its events count as the user's from now on. The first link of a session stands.",
  'user.retracted.v1': 'An earlier event of this user is to count no more. Links can not be retracted.',
  'content.published.v1':
    'An item is in the catalogue, with these fields; published again, they replace the earlier ones.',
  'content.updated.v1': 'Fields of an item changed. Counts only for an item that has been published.',
  'content.withdrawn.v1': 'An item may not be recommended until it is restored.',
  'content.restored.v1': 'A withdrawn item may be recommended again.',
  'feedback.served.v1': 'A list was shown to a user, in this order.',
  'feedback.clicked.v1':
    'A user clicked an item of a list. It enters no history: an app that takes a click for interest publishes the view as well.',
  'feedback.dismissed.v1': 'A user waved an item of a list away.',
  'control.erased.v1': 'A user was forgotten. Reserved: nothing writes it yet.',
  'control.experiment_started.v1': 'An experiment began. Reserved: nothing writes it yet.',
  'control.experiment_ended.v1': 'An experiment ended. Reserved: nothing writes it yet.',
  'control.promoted.v1': 'A model came into force by hand. Reserved: nothing writes it yet.',
  'control.rolled_back.v1': 'An earlier model came into force again. Reserved: nothing writes it yet.',
  [DECLARED_TYPE]:
    'Interactions of your own: `user.x_<verb>.v1` for each verb that `events.declared` of the configuration names.',
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
  return rows.length === 0 ? 'No members.' : table(['member', 'type', 'limits', 'what it is'], rows);
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
    if (what === undefined) throw new Error(`scripts/docs/events.ts says nothing of ${type}.`);
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
  if (stale.length > 0) throw new Error(`scripts/docs/events.ts speaks of ${stale.join(', ')}, which there is not.`);
  return page(
    generatedFrom('src/bus/event/types.ts'),
    '# Events',
    `An event is one line of CloudEvents 1.0 JSON in structured mode, published on the subject \`ev.<context>.<entity>.<verb>\`:`,
    ['```json', JSON.stringify(EVENT_EXAMPLE), '```'].join('\n'),
    `on \`ev.user.u42.viewed\`, best with the header \`Nats-Msg-Id: shop-web/01JDA8Z7Q5\`. The same schemas as files: [schemas/](schemas), and with all subjects as AsyncAPI 3: [asyncapi.json](asyncapi.json).`,
    '## The envelope',
    table(
      ['member', 'what it takes'],
      [
        ['`specversion`', '`"1.0"`'],
        ['`id`, `source`', 'together the identity of the event: published again, it counts once'],
        ['`type`', 'the type with its version, such as `user.viewed.v1`'],
        ['`subject`', 'the user id; the item id of `content.*`; the id of the act of `control.*`'],
        [
          '`time`, optional',
          'when it happened, RFC 3339; it may lie years back. Without one the time at which the log took it counts',
        ],
        ['`datacontenttype`, optional', '`"application/json"`'],
        ['`data`', 'as the type has it, below'],
        ['others', 'extension attributes of CloudEvents are allowed and not read'],
      ],
    ),
    [
      'Ids (`id`, `source`, `subject`, and inside the data `item`, `list`, `session`, `experiment`) are 1 to 128 **bytes** of printable UTF-8 in normal form NFC.',
      'In subjects and KV keys `[A-Za-z0-9_-]` stay and every other byte becomes `=HH`: `a.b` is `a=2Eb`.',
      'JSON Schema counts characters, so an id of 128 characters that are more than 128 bytes passes the schema and is refused all the same.',
    ].join(' '),
    [
      'Subject, `type` and `subject` have to agree. `data` may hold further members, which are kept and not read; it may be nested 32 levels deep.',
      'Over HTTP and on the command line what does not fit is refused with a code ([errors](errors.md)); what a program publishes straight to NATS is set aside by the services with the same code.',
    ].join(' '),
    `One event may have ${code('events.max_bytes')} bytes when Freshet publishes it ([configuration](configuration.md)); a text in traits, attributes and contexts ${EVENT_LIMITS.textLength.toLocaleString('en')} characters.`,
    `There are ${Object.keys(EVENT_DATA).length} types, and those you declare.`,
    ...sections,
  );
}
