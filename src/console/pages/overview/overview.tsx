/** Whether the system does well, at a glance. */
import { useLoad } from '../../api/load.ts';
import { Chart, type Line } from '../../parts/chart.tsx';
import { Empty } from '../../parts/empty.tsx';
import { Figure, Figures } from '../../parts/figure.tsx';
import { ago, count, duration, number, percent, time } from '../../parts/format.ts';
import { ProblemNote } from '../../parts/problem.tsx';
import { QualityCharts } from '../../parts/quality-charts.tsx';
import { hrefOf } from '../../shell/router.ts';
import { Services } from './services.tsx';
import { concerns, type Recent, type System } from './system.ts';

/** Milliseconds between two reads. */
const EVERY_MS = 5_000;

export function OverviewPage() {
  const system = useLoad<System>('v1/system', EVERY_MS);
  const recent = useLoad<Recent>('v1/system/recent', EVERY_MS);
  return (
    <>
      <h1 tabIndex={-1}>Overview</h1>
      <ProblemNote problem={system.problem} />
      {system.data === undefined && system.problem === undefined && <p class="quiet">Asking the services …</p>}
      {system.data !== undefined && (
        <>
          <Sentence system={system.data} />
          <Numbers system={system.data} recent={recent.data} />
        </>
      )}
      <ProblemNote problem={recent.problem} />
      {recent.data !== undefined && <Charts recent={recent.data} />}
      {system.data !== undefined && <Services services={system.data.services} head={system.data.head} />}
    </>
  );
}

function Sentence({ system }: { system: System }) {
  const found = concerns(system);
  if (found.length === 0)
    return (
      <p class="note good" role="status">
        <span class="dot live" aria-hidden="true" /> <strong>All is well.</strong> All services are ready and follow the
        log; nothing waits for a decision. As of {time(system.at)}.
      </p>
    );
  return (
    <div class="note bad" role="status">
      <p>
        <strong>{found.length === 1 ? 'One thing needs' : `${found.length} things need`} attention.</strong>
      </p>
      <ul>
        {found.map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
    </div>
  );
}

function Numbers({ system, recent }: { system: System; recent: Recent | undefined }) {
  const { services, dead_letters: dead, rankings, snapshot, training, erasures, quality, model, head, log } = system;
  const newest = recent?.samples.at(-1);
  const answering = services.filter(({ state }) => state !== 'down');
  const lag = Math.max(0, ...answering.map((one) => one.lag));
  const engine = answering.some(({ service }) => service === 'engine');
  /** Figures of the engine, which nobody knows while it does not answer. */
  const ofEngine = (about: string): string => (engine ? about : 'unknown: the engine does not answer');
  const window = quality?.windows[0];
  return (
    <Figures>
      <Figure name="Events" about="arrived in the log per second, mean of the last sample">
        {perSecond(newest?.events_per_s)}
      </Figure>
      <Figure name="Lists" about="answered per second by the engine">
        {perSecond(newest?.lists_per_s)}
      </Figure>
      <Figure
        name="Lag"
        about={
          answering.length < services.length
            ? 'events that the slowest service that answers has not folded'
            : 'events that the slowest service has not folded'
        }
        state={lag > 1_000 ? 'warn' : undefined}
      >
        {count(lag)} events
      </Figure>
      <Figure
        name="Dead letters"
        about="events that a service set aside and that wait for a decision"
        state={dead.open > 0 ? 'bad' : undefined}
      >
        <a href={hrefOf('dead-letters')}>{count(dead.open)}</a>
      </Figure>
      <Figure
        name="Rankings due"
        about={
          rankings === null || rankings.users + rankings.items === 0
            ? ofEngine('stored lists that the engine has to compute again')
            : `stored lists to compute again; the oldest waits for ${duration(rankings.oldest_s)}`
        }
      >
        {rankings === null ? '–' : `${count(rankings.users + rankings.items)} lists`}
      </Figure>
      <Figure
        name="Snapshot"
        about={
          snapshot === null
            ? ofEngine('no snapshot of the model yet')
            : `age of the model’s newest snapshot, at position ${count(snapshot.seq)}`
        }
      >
        {snapshot === null ? '–' : duration(snapshot.age_s)}
      </Figure>
      <Figure
        name="Training"
        about={
          training?.last
            ? `last: ${training.last.kind}, took ${duration(training.last.seconds)} on ${training.last.backend}`
            : ofEngine('what runs now; none since the engine started')
        }
        state={training && training.failed > 0 ? 'warn' : undefined}
      >
        {training === null ? '–' : training.running ? training.running.kind : training.due ? 'due' : 'idle'}
      </Figure>
      <Figure
        name="Erasures"
        about={
          erasures?.next_deadline
            ? `open; ${count(erasures.overdue)} overdue; next deadline ${ago(erasures.next_deadline)}`
            : 'open; none is overdue'
        }
        state={erasures && erasures.overdue > 0 ? 'bad' : undefined}
      >
        <a href={hrefOf('erasures')}>{count(erasures?.open ?? 0)}</a>
      </Figure>
      <Figure
        name="Hit rate (HR@10)"
        about={
          window === undefined
            ? ofEngine('known once the model has predicted events before it learned them')
            : `of the last ${count(window.events)} events, the share whose item the model had among its first ten; popularity ${percent(window.popular.hr)}, item kNN ${percent(window.item_knn.hr)}`
        }
      >
        {window === undefined ? '–' : percent(window.model.hr)}
      </Figure>
      <Figure name="Log" about={`events since ${time(log.created)}; newest position ${count(head)}`}>
        {count(log.messages)}
      </Figure>
      <Figure
        name="Model"
        about={
          model === null
            ? ofEngine('no model yet')
            : `${count(model.items)} items, ${count(model.events)} events learned`
        }
      >
        {model === null ? '–' : `${count(model.users)} users`}
      </Figure>
    </Figures>
  );
}

const perSecond = (rate: number | null | undefined): string =>
  rate === null || rate === undefined ? '–' : `${number(rate)} /s`;

function Charts({ recent: { samples, every_s: every } }: { recent: Recent }) {
  if (samples.length < 2)
    return <Empty>The gateway takes a sample every {duration(every)}. Lines appear after the second one.</Empty>;
  const times = samples.map(({ at }) => Date.parse(at) / 1_000);
  const traffic: Line[] = [
    { name: 'Events', colour: 'accent', values: samples.map((one) => one.events_per_s) },
    { name: 'Lists', colour: 'less', values: samples.map((one) => one.lists_per_s) },
  ];
  return (
    <div class="charts">
      <section class="card">
        <Chart
          title="Traffic"
          about={`per second, one sample every ${duration(every)}`}
          unit=" /s"
          times={times}
          lines={traffic}
          format={number}
        />
      </section>
      <QualityCharts
        times={times}
        about="share of newest events whose item was among the first ten of the list before it"
        contenders={(of) => ({
          model: samples.map((one) => one[of]),
          itemKnn: samples.map((one) => one[`item_knn_${of}`]),
          popularity: samples.map((one) => one[`popularity_${of}`]),
        })}
      />
    </div>
  );
}
