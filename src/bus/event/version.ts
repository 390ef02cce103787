/**
 * Version of the codec. Raise it with every change of what a message of the log decodes to (an event, a dead letter or an
 * unknown type): each service then folds the log again, because a projection of the earlier release read it differently.
 */
export const CODEC_CODE = 1;
