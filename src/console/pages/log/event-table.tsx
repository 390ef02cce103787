/** Events of the log, one per row. */
import { time } from '../../parts/format.ts';
import { ItemLink, UserLink } from '../../parts/ids.tsx';
import { Scroll } from '../../parts/scroll.tsx';
import { hrefOf } from '../../shell/router.ts';
import { isOfItem, isOfUser, type LogEntry } from './entry.ts';

export const EventTable = ({ events }: { events: readonly LogEntry[] }) => (
  <Scroll label="Events" tall>
    <table class="wide">
      <thead>
        <tr>
          <th class="number" title="sequence of the event in the log">
            position
          </th>
          <th title="when the log stored it">stored</th>
          <th>type</th>
          <th title="the user; of content events, the item">subject</th>
          <th>item</th>
          <th title="who published it">source</th>
        </tr>
      </thead>
      <tbody>
        {events.map(({ seq, time: stored, event, subject }) => {
          const item = event?.data?.item;
          return (
            <tr key={seq}>
              <td class="number">
                <a href={hrefOf('log', String(seq))}>{seq}</a>
              </td>
              <td class="when">{time(stored)}</td>
              <td>{event?.type ?? 'no event'}</td>
              <td>
                {event?.subject === undefined ? (
                  subject
                ) : isOfUser(event.type) ? (
                  <UserLink user={event.subject} />
                ) : isOfItem(event.type) ? (
                  <ItemLink item={event.subject} />
                ) : (
                  event.subject
                )}
              </td>
              <td>{typeof item === 'string' && <ItemLink item={item} />}</td>
              <td>{event?.source}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  </Scroll>
);
