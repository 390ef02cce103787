/** The quality of lists over time, beside two plain methods on the same events. */
import { Chart, type Line } from './chart.tsx';
import { number, percent } from './format.ts';

type Measure = 'hr' | 'ndcg';
type Values = readonly (number | null)[];

/** The values of each method, in the order of the times. */
export interface Contenders {
  model: Values;
  itemKnn: Values;
  popularity: Values;
}

interface QualityChartsProps {
  /** Seconds since 1970. */
  times: readonly number[];
  contenders: (measure: Measure) => Contenders;
  /** What a hit rate is the share of. */
  about: string;
  /** How a time reads; left out: as a time of day. */
  when?: (seconds: number) => string;
}

export function QualityCharts({ times, contenders, about, when }: QualityChartsProps) {
  const linesOf = (measure: Measure): Line[] => {
    const { model, itemKnn, popularity } = contenders(measure);
    return [
      { name: 'Model', colour: 'accent', values: model },
      { name: 'Item kNN', colour: 'second', values: itemKnn },
      { name: 'Popularity', colour: 'third', values: popularity },
    ];
  };
  const shared = { unit: '', times, ...(when ? { when } : {}) };
  return (
    <>
      <section class="card">
        <Chart {...shared} title="HR@10" about={about} lines={linesOf('hr')} format={percent} />
      </section>
      <section class="card">
        <Chart
          {...shared}
          title="NDCG@10"
          about="the same, where a higher place counts more; 1 is best"
          lines={linesOf('ndcg')}
          format={number}
        />
      </section>
    </>
  );
}
