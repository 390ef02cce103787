/** Lets so many milliseconds pass: a moment drawn by chance is what some faults are about. */
export const moment = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));
