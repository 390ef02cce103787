/**
 * Version of the fold. Raise it with every change of what an event does to the model, or of the bytes of its state: the
 * engine then folds the log again instead of reading a state of another version.
 */
export const MODEL_CODE = 10;
