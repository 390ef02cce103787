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
      table(['setting', 'default', 'type', 'meaning', 'environment variable'], rows),
    ].join('\n\n');
  });
  return page(
    generatedFrom('src/config/schema.ts'),
    '# Configuration',
    [
      'Freshet reads settings from three places. Each overrides the one before: the defaults below; a JSON file (`--config FILE`, else `$FRESHET_CONFIG`, else `freshet.config.json` in the current folder);',
      'environment variables. The value of a variable is JSON, unless the setting is a text: `FRESHET_EVENTS_DECLARED=\'["x_listened"]\'`.',
      'Freshet refuses a setting that it does not know and names it. The name of a setting ends in its unit.',
    ].join(' '),
    ['```json', '{ "events": { "declared": ["x_listened"] }, "http": { "request_timeout_ms": 5000 } }', '```'].join(
      '\n',
    ),
    'Some settings change how a service folds events: `events.declared`, `engine.weights`, `engine.declared_weight`, `engine.low_rating`, `feedback.attribution_window_ms`. After such a change, the services that depend on the setting rebuild their projections from the log at their next start.',
    ...sections,
  );
}
