/** Bytes of a text as it is sent, in UTF-8. */
export const sizeOf = (text: string): number => new TextEncoder().encode(text).length;
