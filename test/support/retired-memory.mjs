/*
 * Overwrites memory the moment that its owner takes it back (src/bytes/reused-buffer.ts). Loaded before anything else in every
 * process and thread of the tests, those that they start included (vitest.config.ts).
 */
globalThis[Symbol.for('kvdoctor.onRetire')] = (bytes) => bytes.fill(0xa5);
