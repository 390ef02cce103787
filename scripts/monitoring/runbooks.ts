/** A page for each alert: what it means, the first three commands, when to ignore it. */
import { generatedFrom, page, table } from '../docs/markdown.ts';
import { type Alert, pageOf, spanOf } from './alert.ts';
import { ALERTS } from './alerts.ts';
import { OBJECTIVES } from './slos.ts';

export const RUNBOOK_FOLDER = 'docs/runbooks';
const generated = generatedFrom('scripts/monitoring');

/** Alerts that share a page, by the page's name. */
function pages(): Map<string, Alert[]> {
  const found = new Map<string, Alert[]>();
  for (const alert of ALERTS) {
    const name = pageOf(alert.name);
    const known = found.get(name);
    if (known) known.push(alert);
    else found.set(name, [alert]);
  }
  return found;
}

/** A summary with the names of its labels and of its value in their places. */
const inWords = (summary: string): string =>
  summary.replaceAll(/\{\{ \$(?:labels\.)?(\w+) \}\}/g, (_, of: string) => `*${of}*`);

const firing = ({ name, severity, summary, holds, expr }: Alert): string =>
  page(
    `**${name}** (${severity === 'page' ? 'wake somebody' : 'on the next working day'}): ${inWords(summary)} ${
      holds > 0
        ? `Prometheus fires it once the query has given a result for ${spanOf(holds)}:`
        : 'Prometheus fires it as soon as the query gives a result:'
    }`,
    ['```promql', expr(spanOf), '```'].join('\n'),
  ).trimEnd();

function runbook(alerts: readonly [Alert, ...Alert[]]): string {
  const { meaning, commands, mend, ignore } = alerts[0].runbook;
  const [, , shows] = commands[0] as Alert['runbook']['commands'][number];
  return page(
    generated,
    `# ${alerts.map(({ name }) => name).join(', ')}`,
    ...alerts.map(firing),
    '## What it means',
    meaning,
    '## The first three commands',
    'In the folder from which `freshet up` was started:',
    `<!-- run: demo; shows ${shows} -->\n${['```sh', ...commands.map(([why, command]) => `# ${why}\n${command}`), '```'].join('\n')}`,
    '## What mends it',
    mend,
    '## When to ignore it',
    ignore,
  );
}

function index(): string {
  return page(
    generated,
    '# Runbooks',
    'A page for each alert in `deploy/prometheus/rules.yml`. How to load the rules: [monitor](../how-to/monitor.md).',
    table(
      ['alert', 'severity', 'fires when'],
      ALERTS.map(({ name, severity, summary }) => [`[${name}](${pageOf(name)}.md)`, severity, inWords(summary)]),
    ),
    '## Objectives',
    'The alerts named `...FastBurn` and `...SlowBurn` watch these objectives. A fast burn uses up the error budget within hours, a slow one within days. An objective without a budget is that no acknowledged event is lost: FreshetLogRefused fires at the first one.',
    table(
      ['objective', 'share', 'over', 'promise'],
      OBJECTIVES.map(({ name, objective, days, promise }) => [
        name,
        `${Number((objective * 100).toFixed(3))} %`,
        `${days} days`,
        promise,
      ]),
    ),
  );
}

/** The text of each page, by its path in the repository. */
export const runbookPages = (): [path: string, text: string][] => [
  [`${RUNBOOK_FOLDER}/README.md`, index()],
  ...[...pages()].map(([name, alerts]): [string, string] => [
    `${RUNBOOK_FOLDER}/${name}.md`,
    runbook(alerts as [Alert, ...Alert[]]),
  ]),
];
