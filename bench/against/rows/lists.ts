import { learned } from '../learned.ts';
import { less, more, type Row } from '../row.ts';

export const listsRow: Row = {
  name: 'lists',
  about: 'lists computed afresh in one thread, after all is learned: of --inter if given, and of a simulated catalogue',
  needs: [],
  measure: async (measurement) => {
    const { inter, catalogueItems } = measurement.options;
    const figures = [];
    for (const [stream, title] of [
      ...(inter === undefined ? [] : [['data', 'the data'] as const]),
      ['catalogue', `${catalogueItems.toLocaleString('en')} simulated items`] as const,
    ]) {
      const { lists } = await learned(stream, measurement);
      figures.push(
        more(`lists, ${title}`, 'lists/s', lists.perSecond),
        more(`by processor time, ${title}`, 'lists/s', lists.perCpuSecond),
        less(`p99, ${title}`, 'ms', lists.p99),
      );
    }
    return figures;
  },
};
