/*
 * What people write, as endless sequences of batches [{key, value}]. Half of each value is random or nearly so: a log that
 * compresses to nothing would never get long.
 */

/** xorshift32: the same bytes in every run. */
function generator(seed) {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

function randomBytes(next, length) {
  const bytes = Buffer.allocUnsafe(length + 4);
  for (let at = 0; at < length; at += 4) bytes.writeUInt32LE(next(), at);
  return bytes.subarray(0, length);
}

const key = (n) => Buffer.from(`key:${String(n).padStart(9, '0')}`);

const document = (next, n, fields) =>
  Buffer.from(
    JSON.stringify({
      id: n,
      name: `customer ${n}`,
      items: Array.from({ length: fields }, () => ({ token: randomBytes(next, 24).toString('base64') })),
    }),
  );

function* puts(make, perBatch = 1) {
  const next = generator(88172645);
  for (let n = 0; ; n += perBatch)
    yield Array.from({ length: perBatch }, (_, i) => ({ key: key(n + i), value: make(next, n + i) }));
}

export const shapes = {
  /** Single puts of up to 2.5 MiB. */
  large: () =>
    puts((next) => {
      const length = 300_000 + (next() % 1_000_000);
      return Buffer.concat([randomBytes(next, length), Buffer.alloc(length, 'all of it as before; ')]);
    }),
  /** Single puts of some bytes. */
  small: () => puts((next) => randomBytes(next, 20 + (next() % 60))),
  /** Single puts of JSON documents of some KiB. */
  json: () => puts((next, n) => document(next, n, 10 + (next() % 100))),
  /** Single puts of incompressible bytes, up to 60 KiB. */
  random: () => puts((next) => randomBytes(next, next() % 60_000)),
  /** 500 small documents at a time. */
  batches: () => puts((next, n) => document(next, n, 2 + (next() % 4)), 500),
};
