/** Nkeys: the seed is a file of the identity, and nats-server knows the public key alone. */
import { readFileSync } from 'node:fs';
import { nkeys } from 'nats';
import { keyFile, writeSecret } from './files.ts';

/** Makes a key, writes its seed to the file of the identity, and returns the public key. */
export function makeKey(dir: string, name: string): string {
  const pair = nkeys.createUser();
  writeSecret(keyFile(dir, name), pair.getSeed());
  return pair.getPublicKey();
}

/** The public key of the seed in a file; undefined if the file is missing or holds none. */
export function publicKeyIn(file: string): string | undefined {
  try {
    return nkeys.fromSeed(Buffer.from(readFileSync(file, 'utf8').trim())).getPublicKey();
  } catch {
    return undefined;
  }
}
