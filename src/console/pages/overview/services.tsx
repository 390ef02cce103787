/** The services: state, position and lag of each instance. */
import { ago, count, time } from '../../parts/format.ts';
import { Scroll } from '../../parts/scroll.tsx';
import type { ServiceState } from './system.ts';

const toneOf = (state: string): string => (state === 'ready' ? 'good' : state === 'down' ? 'bad' : 'warn');

export const Services = ({ services, head }: { services: readonly ServiceState[]; head: number }) => (
  <section class="card" aria-labelledby="services-title">
    <h2 id="services-title">Services</h2>
    <Scroll label="Services">
      <table class="wide">
        <thead>
          <tr>
            <th>service</th>
            <th>instance</th>
            <th>state</th>
            <th class="number" title={`position in the log; the newest is ${head}`}>
              position
            </th>
            <th class="number" title="events of the log that it has not folded">
              lag
            </th>
            <th class="number" title="events that it has set aside since it started">
              dead letters
            </th>
            <th title="hash of the code and settings that shape its rows">fold version</th>
            <th>started</th>
          </tr>
        </thead>
        <tbody>
          {services.map(({ service, instance, state, seq, lag, dead_letters: dead, fold_version: fold, started }) => (
            <tr key={instance}>
              <td>{service}</td>
              <td>{instance}</td>
              <td>
                <span class={`tag ${toneOf(state)}`}>{state}</span>
              </td>
              <td class="number">{count(seq)}</td>
              <td class="number">{count(lag)}</td>
              <td class="number">{count(dead)}</td>
              <td>
                <code>{fold ?? '–'}</code>
              </td>
              <td class="when" title={time(started)}>
                {started === undefined ? '–' : ago(started)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  </section>
);
