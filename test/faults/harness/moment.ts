/** Lets this many milliseconds pass: some faults happen at a random moment. */
export const moment = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));
