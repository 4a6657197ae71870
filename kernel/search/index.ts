/*
 * The search for one flipped bit under a hash that is not linear: every bit of the input is tried, and what the hash of the
 * rest comes to is taken from what was kept of one pass over it. `npm run kernel` compiles it into
 * src/diagnose/kernel-module.ts; the JavaScript side is src/diagnose/xxh-search.ts.
 */
export { INPUT, MATCHES, MOST_MATCHES } from './memory';
export { searchXxh3 } from './xxh3';
export { searchXxh64 } from './xxh64';
