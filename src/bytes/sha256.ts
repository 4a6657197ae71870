import type { Hash } from 'node:crypto';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** A new SHA-256. Its module is loaded with the first: that takes four milliseconds, and most runs hash nothing. */
export function sha256(): Hash {
  return (require('node:crypto') as typeof import('node:crypto')).createHash('sha256');
}
