import { CONFIG_SCHEMA } from '../../src/config/schema.ts';
import { code, generatedFrom, page, sentence, table } from './markdown.ts';

interface Setting {
  type?: string;
  enum?: string[];
  default?: unknown;
  description?: string;
  minimum?: number;
  maximum?: number;
  additionalProperties?: unknown;
}

function typeOf({ type, enum: choices, minimum, maximum }: Setting): string {
  if (choices) return choices.map(code).join(', ');
  const range = minimum === undefined ? '' : maximum === undefined ? `, from ${minimum}` : `, ${minimum} to ${maximum}`;
  return `${type === 'integer' ? 'whole number' : type === 'string' ? 'text' : (type ?? 'text')}${range}`;
}

export function configurationPage(): string {
  const sections = Object.entries(CONFIG_SCHEMA.properties).map(([name, schema]) => {
    const { description = '', properties } = schema as { description?: string; properties: Record<string, Setting> };
    const rows = Object.entries(properties).map(([setting, one]) => [
      code(setting),
      code(JSON.stringify(one.default)),
      typeOf(one),
      one.description ?? '',
      code(`FRESHET_${name}_${setting}`.toUpperCase()),
    ]);
    return [
      `## ${name}`,
      sentence(description),
      table(['setting', 'default', 'takes', 'what it is', 'environment'], rows),
    ].join('\n\n');
  });
  return page(
    generatedFrom('src/config/schema.ts'),
    '# Configuration',
    [
      'Settings come from, in rising order: the defaults below; a JSON file (`--config FILE`, else `$FRESHET_CONFIG`, else `freshet.config.json` in the current folder);',
      'environment variables. A variable holds JSON where the setting is not a text: `FRESHET_EVENTS_DECLARED=\'["x_listened"]\'`.',
      'A setting that is not known is an error that names it. Names end in their unit.',
    ].join(' '),
    ['```json', '{ "events": { "declared": ["x_listened"] }, "http": { "request_timeout_ms": 5000 } }', '```'].join(
      '\n',
    ),
    'Some settings decide what events do to stored state: `events.declared`, `engine.weights`, `engine.declared_weight`, `engine.low_rating`, `feedback.attribution_window_ms`. After a change of one of these the services that depend on it rebuild their projections from the log at their next start.',
    ...sections,
  );
}
