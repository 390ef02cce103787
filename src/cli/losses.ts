/** Accepted losses in the text of verbs. */
import type { LossView } from '../bus/projection/log-gaps.ts';
import { count } from './output.ts';

/** One line for one act. */
export const lossText = ({ sequences, messages, seq, time, reason }: LossView): string =>
  `lacks ${count(messages)} messages, sequences ${sequences}: loss accepted at sequence ${seq}, ${time}${reason === undefined ? '' : `, ${reason}`}`;
