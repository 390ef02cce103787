/** Lines over time. The legend is text with the newest values, so that the drawing is no reader's only source. */
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { isDark } from './dark.ts';
import { clockTime } from './format.ts';

export interface Line {
  name: string;
  /** A colour of `style/base.css`. */
  colour: 'accent' | 'less' | 'third' | 'second';
  values: readonly (number | null)[];
}

interface ChartProps {
  title: string;
  /** What the values are, in one line. */
  about: string;
  /** Unit of the values, as it stands behind a number; empty for a share. */
  unit: string;
  /** Seconds since 1970. */
  times: readonly number[];
  lines: readonly Line[];
  format: (value: number) => string;
  /** How a time reads below the drawing; left out: as a time of day. */
  when?: (seconds: number) => string;
}

const HEIGHT = 190;

/** A colour of the style sheet as a canvas reads it. */
function colourOf(name: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

export function Chart({ title, about, unit, times, lines, format, when = clockTime }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const drawn = useRef<uPlot | undefined>(undefined);
  const data = [times, ...lines.map(({ values }) => values)] as unknown as uPlot.AlignedData;
  const newest = useRef(data);
  newest.current = data;
  const dark = isDark.value;
  const names = lines.map(({ name }) => name).join('\n');

  useEffect(() => {
    const parent = box.current;
    if (parent === null) return;
    const quiet = colourOf('quiet');
    const grid = { stroke: colourOf('line'), width: 1 };
    const axis = { stroke: quiet, grid, ticks: grid, font: '12px system-ui, sans-serif' };
    const plot = new uPlot(
      {
        width: parent.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: false },
        scales: { y: { range: (_plot, _least, most) => [0, most > 0 ? most * 1.15 : 1] } },
        axes: [
          { ...axis, space: 90, values: (_plot, splits) => splits.map(when) },
          { ...axis, size: 56, values: (_plot, splits) => splits.map(format) },
        ],
        series: [
          {},
          ...lines.map(({ name, colour }) => ({
            label: name,
            stroke: colourOf(colour),
            width: 2,
            points: { show: false },
          })),
        ],
      },
      newest.current,
      parent,
    );
    drawn.current = plot;
    const resized = new ResizeObserver(() => plot.setSize({ width: parent.clientWidth, height: HEIGHT }));
    resized.observe(parent);
    return () => {
      resized.disconnect();
      plot.destroy();
      drawn.current = undefined;
    };
  }, [dark, names]);

  useEffect(() => {
    drawn.current?.setData(newest.current);
  }, [times, lines]);

  return (
    <figure class="chart">
      <figcaption>
        <strong>{title}</strong>
        <span class="quiet">{about}</span>
        <span class="legend">
          {lines.map(({ name, colour, values }) => {
            const last = values.findLast((value) => value !== null);
            return (
              <span key={name}>
                <span class={`swatch ${colour}`} aria-hidden="true" />
                {name} <strong>{last === undefined || last === null ? '–' : `${format(last)}${unit}`}</strong>
              </span>
            );
          })}
        </span>
      </figcaption>
      <div class="chart-box" ref={box} aria-hidden="true" />
    </figure>
  );
}
