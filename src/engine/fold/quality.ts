/** Prequential quality of the model. */
import type { Model, PrequentialReport } from '../model/mod.ts';

/** How well the model ranked the next events; null before it scored any. */
export const qualityOf = (model: Model): PrequentialReport | null => {
  const report = model.prequential();
  return report.scored > 0 ? report : null;
};
