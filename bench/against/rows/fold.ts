import { learned } from '../learned.ts';
import { more, type Row, same } from '../row.ts';

export const foldRow: Row = {
  name: 'fold',
  about: 'all learned in process: catalogue, statistics and ranker, without log and rows',
  needs: ['inter'],
  measure: async (measurement) => {
    const { events, seconds, cpu, examples, quality } = await learned('data', measurement);
    const two = await learned('data', measurement, { beside: true });
    return [
      more('learning', 'events/s', events / seconds),
      more('the same by processor time', 'events/s', events / cpu),
      more('learning, with a second thread in a tree that has one', 'events/s', two.events / two.seconds),
      same('examples learned', '', examples),
      same('scored events in the long window', '', quality.events),
      more('prequential HR@10', '', quality.hr),
      more('prequential NDCG@10', '', quality.ndcg),
    ];
  },
};
