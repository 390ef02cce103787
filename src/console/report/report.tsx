import { ArmsTable } from '../parts/arms.tsx';
import { Empty } from '../parts/empty.tsx';
import { Figure, Figures } from '../parts/figure.tsx';
import { count, dayOf, number, percent, time } from '../parts/format.ts';
import { Positions } from '../parts/positions.tsx';
import { QualityCharts } from '../parts/quality-charts.tsx';
import { Scroll } from '../parts/scroll.tsx';
import type { QualityPoint, ReportData } from './data.ts';

export const Report = ({ data }: { data: ReportData }) => (
  <main class="report">
    <h1>Freshet report</h1>
    <p class="lead">
      As of {time(data.at)}, at position {count(data.head)} of the log. Freshet {data.version}.
    </p>
    <Numbers data={data} />
    <Quality points={data.quality} />
    <Funnel data={data} />
    <Days days={data.days} />
    <section class="card" aria-labelledby="positions">
      <h2 id="positions">Reactions by position</h2>
      <p class="quiet">CTR: clicked impressions per impression, with its 95 % interval.</p>
      {data.by_position.length === 0 ? (
        <Unreported />
      ) : (
        <Positions rows={data.by_position} label="Reactions by position" />
      )}
    </section>
    <Items items={data.items} />
    <Experiments experiments={data.experiments} />
  </main>
);

const Unreported = () => <Empty>No app has reported a list that it showed.</Empty>;

function Numbers({ data: { lists, total, shown, model, quality, messages } }: { data: ReportData }) {
  const newest = quality.at(-1);
  return (
    <Figures>
      <Figure name="Lists" about={`that apps reported as shown, with ${count(total.impressions)} items in all`}>
        {count(lists)}
      </Figure>
      <Figure
        name="CTR"
        about={`clicked impressions per impression; 95 % interval ${percent(total.ctr_interval[0])} to ${percent(total.ctr_interval[1])}`}
      >
        {percent(total.ctr)}
      </Figure>
      <Figure name="Conversion" about="impressions that led to an interaction, per impression">
        {percent(total.conversion_rate)}
      </Figure>
      <Figure
        name="Coverage"
        about={`share of the published items that lists have shown; Gini coefficient of their impressions ${number(shown.gini)}`}
      >
        {shown.coverage === null ? '–' : percent(shown.coverage)}
      </Figure>
      <Figure
        name="Hit rate (HR@10)"
        about={
          newest === undefined
            ? 'known from the first snapshot on'
            : `of the newest ${count(newest.events)} events before the snapshot; popularity ${percent(newest.popular.hr)}, item kNN ${percent(newest.item_knn.hr)}`
        }
      >
        {newest === undefined ? '–' : percent(newest.model.hr)}
      </Figure>
      <Figure
        name="Log"
        about={
          model === null
            ? 'events'
            : `events; the model knows ${count(model.users)} users and ${count(model.items)} items`
        }
      >
        {count(messages)}
      </Figure>
    </Figures>
  );
}

function Quality({ points }: { points: readonly QualityPoint[] }) {
  return (
    <section aria-labelledby="quality">
      <h2 id="quality">Quality over time</h2>
      {points.length < 2 ? (
        <Empty>Lines appear once there are two snapshots of the model.</Empty>
      ) : (
        <div class="charts">
          <QualityCharts
            times={points.map(({ time: at }) => at / 1_000)}
            about="share of events whose item was among the first ten of the list before it, at each snapshot"
            contenders={(of) => ({
              model: points.map(({ model }) => model[of]),
              itemKnn: points.map(({ item_knn }) => item_knn[of]),
              popularity: points.map(({ popular }) => popular[of]),
            })}
            when={dayOf}
          />
        </div>
      )}
    </section>
  );
}

function Funnel({ data: { total } }: { data: ReportData }) {
  const steps = [
    ['impressions', total.impressions],
    ['clicks', total.clicks],
    ['conversions', total.conversions],
  ] as const;
  return (
    <section class="card" aria-labelledby="funnel">
      <h2 id="funnel">Funnel</h2>
      {total.impressions === 0 ? (
        <Unreported />
      ) : (
        <Scroll label="Funnel">
          <table>
            <thead>
              <tr>
                <th>step</th>
                <th class="number">count</th>
                <th class="number" title="share of the impressions">
                  share
                </th>
                <th>
                  <span class="hidden-visually">bar</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {steps.map(([name, n]) => (
                <tr key={name}>
                  <td>{name}</td>
                  <td class="number">{count(n)}</td>
                  <td class="number">{percent(n / total.impressions)}</td>
                  <td aria-hidden="true">
                    <span class="funnel-bar" style={{ width: `${(n / total.impressions) * 100}%` }} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </section>
  );
}

function Days({ days }: { days: ReportData['days'] }) {
  return (
    <section class="card" aria-labelledby="days">
      <h2 id="days">By day</h2>
      {days.length === 0 ? (
        <Unreported />
      ) : (
        <Scroll label="By day">
          <table>
            <thead>
              <tr>
                <th title="day on which the list was shown, UTC">day</th>
                <th class="number">impressions</th>
                <th class="number" title="clicked impressions per impression">
                  CTR
                </th>
                <th class="number" title="share of the published items that lists of the day showed">
                  coverage
                </th>
              </tr>
            </thead>
            <tbody>
              {days.map(({ day, impressions, ctr, coverage }) => (
                <tr key={day}>
                  <td>{day}</td>
                  <td class="number">{count(impressions)}</td>
                  <td class="number">{percent(ctr)}</td>
                  <td class="number">{coverage === null ? '–' : percent(coverage)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </section>
  );
}

function Items({ items: { shown, never_shown, top, never } }: { items: ReportData['items'] }) {
  return (
    <section class="card" aria-labelledby="items">
      <h2 id="items">Items</h2>
      <p class="quiet">
        Lists have shown {count(shown)} items. {count(never_shown)} items that a list could show are in none.
      </p>
      <h3>Shown most</h3>
      {top.length === 0 ? (
        <Unreported />
      ) : (
        <Scroll label="Items shown most">
          <table>
            <thead>
              <tr>
                <th>item</th>
                <th class="number">impressions</th>
                <th class="number">clicks</th>
                <th class="number" title="clicked impressions per impression, with its 95 % interval">
                  CTR
                </th>
              </tr>
            </thead>
            <tbody>
              {top.map(({ item, title, impressions, clicks, ctr, ctr_interval: [low, high] }) => (
                <tr key={item}>
                  <td>{title ?? item}</td>
                  <td class="number">{count(impressions)}</td>
                  <td class="number">{count(clicks)}</td>
                  <td class="number">
                    {percent(ctr)} ({percent(low)} to {percent(high)})
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      <h3>Never shown</h3>
      {never.length === 0 ? (
        <Empty>Lists have shown every item that they could.</Empty>
      ) : (
        <>
          <ul class="names">
            {never.map(({ item, title }) => (
              <li key={item}>{title ?? item}</li>
            ))}
          </ul>
          {never_shown > never.length && <p class="quiet">and {count(never_shown - never.length)} others</p>}
        </>
      )}
    </section>
  );
}

function Experiments({ experiments }: { experiments: ReportData['experiments'] }) {
  return (
    <section class="card" aria-labelledby="experiments">
      <h2 id="experiments">Experiments</h2>
      {experiments.length === 0 && <Empty>No experiment yet.</Empty>}
      {experiments.map(({ experiment, state, started, ended, alpha, arms }) => (
        <div key={experiment}>
          <h3>
            {experiment} <span class={`tag ${state === 'running' ? 'good' : ''}`}>{state}</span>
          </h3>
          <p class="quiet">
            Since {time(started)}
            {ended !== null && `, until ${time(ended)}`}
          </p>
          <ArmsTable name={experiment} arms={arms} results={{ alpha, arms }} />
        </div>
      ))}
    </section>
  );
}
