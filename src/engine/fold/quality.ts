/** Prequential quality, where there is any. */
import type { Model, PrequentialReport } from '../model/mod.ts';

/** How well the model ranked what came next; null where nothing was scored. */
export const qualityOf = (model: Model): PrequentialReport | null => {
  const report = model.prequential();
  return report.scored > 0 ? report : null;
};
