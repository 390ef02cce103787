/**
 * Raised with every change of what an event does to the model, or of how its state is written: a state that was made
 * by another version is folded again from the log.
 */
export const MODEL_CODE = 7;
