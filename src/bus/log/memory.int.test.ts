import { describeLog } from './log.features.ts';
import { createMemoryLog } from './memory.ts';

describeLog('the log in memory', async () => {
  const log = createMemoryLog();
  return {
    log,
    remove: async (seq) => void log.purge((message) => message.seq === seq),
    cut: async () => log.cut(),
    close: async () => {},
  };
});
