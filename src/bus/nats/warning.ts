/** Warnings in answers: the request is answered, and a part of it probably does not mean what its caller thinks. */
import type { WarningCode } from '../../errors.ts';

export interface Warning {
  code: WarningCode;
  /** Member of the request that the warning is about. */
  member: string;
  /** What is odd, with which value, and what to do. */
  message: string;
}

/** The members that an answer with these warnings has in addition; none without warnings. */
export const withWarnings = (warnings: readonly Warning[]): { warnings?: readonly Warning[] } =>
  warnings.length === 0 ? {} : { warnings };
