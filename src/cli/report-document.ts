/** A report as one HTML file, which needs nothing beside it. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureConsole } from '../../scripts/setup/console.mjs';
import { ROOT } from '../../scripts/setup.mjs';
import type { ReportData } from '../console/report/data.ts';

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** The page with its data. Scripts and styles run by their hashes alone, and the page can load nothing. */
export async function reportDocument(data: ReportData): Promise<string> {
  const folder = await ensureConsole(ROOT);
  // The parser of HTML ends a script at these letters, wherever they stand.
  const script = readFileSync(join(folder, 'report.js'), 'utf8').replace(/<\/script/gi, '<\\/script');
  const style = readFileSync(join(folder, 'report.css'), 'utf8');
  const policy = `default-src 'none'; script-src ${hashOf(script)}; style-src ${hashOf(style)}; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <meta http-equiv="content-security-policy" content="${policy}" />
    <title>Freshet report, ${data.at.slice(0, 10)}</title>
    <style>${style}</style>
  </head>
  <body>
    <noscript>This report needs JavaScript to show its data.</noscript>
    <div id="report"></div>
    <script type="application/json" id="data">${JSON.stringify(data).replaceAll('<', '\\u003c')}</script>
    <script type="module">${script}</script>
  </body>
</html>
`;
}
