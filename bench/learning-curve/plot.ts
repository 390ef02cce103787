/** The curve as an SVG document: four lines, readable in light and dark, with a description in words for screen readers. */
import type { LearningCurve, PolicyName } from './learning-curve.ts';

const WIDTH = 720;
const HEIGHT = 400;
const LEFT = 56;
const RIGHT = 150;
const TOP = 20;
const BOTTOM = 48;

/** Colours by Okabe and Ito, which colour-blind readers can distinguish; each line also has a pattern of dashes. */
const LINES: Record<PolicyName, { colour: string; dash: string; label: string }> = {
  best: { colour: '#009e73', dash: '7 4', label: 'best possible list' },
  system: { colour: '#0072b2', dash: '', label: 'Freshet' },
  popular: { colour: '#d55e00', dash: '2 3', label: 'most popular' },
  random: { colour: '#808080', dash: '8 3 2 3', label: 'random' },
};

const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

/** A description of the plot, in one or two sentences. */
export function inWords({ points }: LearningCurve): string {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return 'There is nothing to show.';
  const of = (point: typeof first, name: PolicyName): string => percent(point.expected[name]);
  return (
    `Probability that a reader's next item is on the list. At ${first.events.toLocaleString('en')} interactions Freshet has ${of(first, 'system')}, ` +
    `the most popular items ${of(first, 'popular')}, random ones ${of(first, 'random')}, the best possible list ${of(first, 'best')}. ` +
    `At ${last.events.toLocaleString('en')} interactions it is ${of(last, 'system')}, ${of(last, 'popular')}, ${of(last, 'random')} and ${of(last, 'best')}.`
  );
}

export function plot(curve: LearningCurve): string {
  const { points } = curve;
  const most = Math.max(...points.map(({ expected }) => expected.best));
  const step = stepOf(most);
  const top = Math.ceil(most / step) * step;
  const from = Math.log(points[0]?.events ?? 1);
  const to = Math.log(points.at(-1)?.events ?? 1);
  const x = (events: number): number =>
    LEFT + ((Math.log(events) - from) / Math.max(to - from, 1e-9)) * (WIDTH - LEFT - RIGHT);
  const y = (share: number): number => HEIGHT - BOTTOM - (share / top) * (HEIGHT - TOP - BOTTOM);
  const at = (value: number): string => value.toFixed(1);

  const grid: string[] = [];
  for (let share = 0; share <= top + 1e-9; share += step)
    grid.push(
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at(y(share))}" y2="${at(y(share))}" stroke="#80808040"/>` +
        `<text x="${LEFT - 8}" y="${at(y(share) + 4)}" text-anchor="end">${Math.round(share * 100)} %</text>`,
    );
  for (const events of ticksOf(Math.exp(from), Math.exp(to))) {
    grid.push(
      `<text x="${at(x(events))}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${events.toLocaleString('en')}</text>`,
    );
  }
  const names = Object.keys(LINES) as PolicyName[];
  const places = labelPlaces(names.map((name) => y(points.at(-1)?.expected[name] ?? 0)));
  const lines = names.map((name, i) => {
    const { colour, dash, label } = LINES[name];
    const path = points.map(({ events, expected }) => `${at(x(events))},${at(y(expected[name]))}`).join(' ');
    return (
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"${dash ? ` stroke-dasharray="${dash}"` : ''}/>` +
      `<text x="${WIDTH - RIGHT + 8}" y="${at((places[i] as number) + 4)}" style="fill:${colour}">${label}</text>`
    );
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="title text">
<title id="title">What lists bring, from an empty log on</title>
<desc id="text">${inWords(curve)}</desc>
<style>text{font:13px system-ui,sans-serif;fill:#57606a}@media(prefers-color-scheme:dark){text{fill:#9da7b1}}</style>
${grid.join('\n')}
${lines.join('\n')}
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 8}" text-anchor="middle">interactions in the log</text>
</svg>
`;
}

/** A round step that gives four to eight lines. */
function stepOf(most: number): number {
  for (const step of [0.01, 0.02, 0.05, 0.1, 0.2]) if (most / step <= 8) return step;
  return 0.25;
}

/** 1, 2 and 5 times the powers of ten in between. */
function ticksOf(from: number, to: number): number[] {
  const found: number[] = [];
  for (let power = 1; power <= to * 1.001; power *= 10)
    for (const step of [1, 2, 5])
      if (step * power >= from * 0.999 && step * power <= to * 1.001) found.push(step * power);
  return found;
}

/** Labels at the ends of lines, moved apart if they would overlap. */
function labelPlaces(wanted: readonly number[]): number[] {
  const order = wanted.map((place, i) => ({ place, i })).sort((a, b) => a.place - b.place);
  const placed = [...wanted];
  let last = Number.NEGATIVE_INFINITY;
  for (const { place, i } of order) {
    last = Math.max(place, last + 16);
    placed[i] = last;
  }
  return placed;
}
