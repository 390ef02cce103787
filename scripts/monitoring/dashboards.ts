/** The Grafana dashboards, from the rows of panels. */
import { type Panel, type PanelRow, QUALITY, SERVICES } from './panels.ts';

export const DASHBOARD_FILES = {
  services: 'deploy/grafana/freshet.json',
  quality: 'deploy/grafana/freshet-quality.json',
} as const;

/** The variable of the dashboard, in Grafana's notation. */
const DATASOURCE = { type: 'prometheus', uid: `\${datasource}` };
/** Columns of a dashboard, and of a panel that does not say. */
const COLUMNS = 24;
const WIDTH = 8;
const HEIGHT = { row: 1, stat: 4, timeseries: 8 };

const LEGEND = {
  legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
  tooltip: { mode: 'multi', sort: 'desc' },
};
const NEWEST = {
  reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
  colorMode: 'value',
  graphMode: 'area',
};

/** Panels beside each other as long as a line has room. */
function laidOut(rows: readonly PanelRow[]): object[] {
  const panels: object[] = [];
  let y = 0;
  for (const row of rows) {
    panels.push({
      type: 'row',
      title: row.title,
      collapsed: false,
      gridPos: { h: HEIGHT.row, w: COLUMNS, x: 0, y },
      id: panels.length + 1,
      panels: [],
    });
    y += HEIGHT.row;
    let x = 0;
    let h = 0;
    for (const panel of row.panels) {
      const w = panel.width ?? WIDTH;
      if (x + w > COLUMNS) {
        x = 0;
        y += h;
      }
      h = HEIGHT[panel.kind ?? 'timeseries'];
      panels.push(panelOf(panel, panels.length + 1, { h, w, x, y }));
      x += w;
    }
    y += h;
  }
  return panels;
}

const panelOf = ({ title, about, kind, unit, queries }: Panel, id: number, gridPos: object): object => ({
  type: kind ?? 'timeseries',
  title,
  description: about,
  datasource: DATASOURCE,
  id,
  gridPos,
  fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
  targets: queries.map(([legendFormat, expr], i) => ({
    datasource: DATASOURCE,
    expr,
    legendFormat,
    refId: String.fromCharCode('A'.charCodeAt(0) + i),
  })),
  options: kind === 'stat' ? NEWEST : LEGEND,
});

const dashboard = (uid: string, title: string, description: string, from: string, rows: readonly PanelRow[]): string =>
  `${JSON.stringify(
    {
      title,
      uid,
      description,
      tags: ['freshet'],
      timezone: 'browser',
      schemaVersion: 39,
      version: 1,
      editable: true,
      refresh: '5s',
      time: { from, to: 'now' },
      templating: {
        list: [
          { name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Data source', hide: 0 },
          {
            name: 'job',
            type: 'query',
            label: 'Job',
            datasource: DATASOURCE,
            query: { query: 'label_values(freshet_uptime_seconds, job)', refId: 'job' },
            refresh: 1,
            current: { text: 'freshet', value: 'freshet' },
            hide: 0,
          },
        ],
      },
      annotations: { list: [] },
      panels: laidOut(rows),
    },
    null,
    2,
  )}\n`;

/** The text of each dashboard, by its path in the repository. */
export const dashboardFiles = (): [path: string, text: string][] => [
  [
    DASHBOARD_FILES.services,
    dashboard('freshet', 'Freshet', 'Events, rankings and processes of Freshet', 'now-15m', SERVICES),
  ],
  [
    DASHBOARD_FILES.quality,
    dashboard('freshet-quality', 'Freshet quality', 'How good the lists of Freshet are', 'now-7d', QUALITY),
  ],
];
