/** A random id: 128 bits as hexadecimal digits. `crypto.randomUUID` exists only on pages that came over TLS. */
export const newId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
