/*
 * XXPH3 is XXH3 as it was in its preview 0.7.2, frozen by RocksDB under a name of its own (rocksdb util/xxph3.h) because
 * filters on disk depend on it. It differs from today's XXH3 at every length. Seed 0 is the only one that filters use.
 *
 *   length    0      a constant        17–128   pairs of 16 bytes from both ends towards the middle
 *             1–3    one multiply      129–240  16 bytes at a time, a second secret offset after the eighth
 *             4–8    two multiplies    241–     stripes of 64 bytes into eight lanes, scrambled each 1,024
 *             9–16   one wide multiply
 */

const MASK = 0xffffffffffffffffn;
const LOW = 0xffffffffn;

const PRIME64_1 = 0x9e3779b185ebca87n;
const PRIME64_2 = 0xc2b2ae3d27d4eb4fn;
const PRIME64_3 = 0x165667b19e3779f9n;
const PRIME64_4 = 0x85ebca77c2b2ae63n;
const PRIME64_5 = 0x27d4eb2f165667c5n;
const PRIME32_1 = 0x9e3779b1n;
const PRIME32_2 = 0x85ebca77n;
const PRIME32_3 = 0xc2b2ae3dn;

/** XXH3's default secret. */
export const SECRET = Uint8Array.from(
  Buffer.from(
    'b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221' +
      'b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8a8' +
      'fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb17' +
      '0ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e',
    'hex',
  ),
);

const STRIPE = 64;
const BLOCK = 1024;

/**
 * XXPH3 of `bytes[start, end)`. The clear form, some microseconds a call: for tests and single keys. Loops over the keys
 * of a table go through the kernel.
 */
export function xxph3(bytes: Uint8Array, start = 0, end = bytes.length): bigint {
  const input = new DataView(bytes.buffer, bytes.byteOffset + start, end - start);
  const n = end - start;
  if (n === 0) return fold(secret(0), PRIME64_2);
  if (n <= 3) {
    const combined =
      BigInt(bytes[start] | (bytes[start + (n >> 1)] << 8) | (bytes[end - 1] << 16)) | (BigInt(n) << 24n);
    return avalanche(((combined ^ (secret(0) & LOW)) * PRIME64_1) & MASK);
  }
  if (n <= 8) {
    const keyed =
      (BigInt(input.getUint32(0, true)) | (BigInt(input.getUint32(n - 4, true)) << 32n)) ^ secret(0);
    const mixed = (BigInt(n) + (keyed ^ (keyed >> 51n)) * PRIME32_1) & MASK;
    return avalanche(((mixed ^ (mixed >> 47n)) * PRIME64_2) & MASK);
  }
  if (n <= 16) {
    const left = q(input, 0) ^ secret(0);
    const right = q(input, n - 8) ^ secret(8);
    return avalanche((BigInt(n) + left + right + fold(left, right)) & MASK);
  }
  if (n <= 128) return upTo128(input, n);
  if (n <= 240) return upTo240(input, n);
  return long(input, n);
}

const secretView = new DataView(SECRET.buffer, SECRET.byteOffset, SECRET.length);
const secret = (offset: number): bigint => secretView.getBigUint64(offset, true);
const q = (input: DataView, offset: number): bigint => input.getBigUint64(offset, true);

/** Both halves of the 128-bit product, XORed. */
function fold(a: bigint, b: bigint): bigint {
  const product = a * b;
  return (product & MASK) ^ (product >> 64n);
}

function avalanche(hash: bigint): bigint {
  const mixed = ((hash ^ (hash >> 37n)) * PRIME64_3) & MASK;
  return mixed ^ (mixed >> 32n);
}

function mix16(input: DataView, offset: number, key: number): bigint {
  return fold(q(input, offset) ^ secret(key), q(input, offset + 8) ^ secret(key + 8));
}

function upTo128(input: DataView, n: number): bigint {
  let hash = BigInt(n) * PRIME64_1;
  for (let i = Math.floor((n - 1) / 32); i >= 0; i--) {
    hash += mix16(input, 16 * i, 32 * i) + mix16(input, n - 16 * (i + 1), 32 * i + 16);
  }
  return avalanche(hash & MASK);
}

function upTo240(input: DataView, n: number): bigint {
  let hash = BigInt(n) * PRIME64_1;
  for (let i = 0; i < 8; i++) hash += mix16(input, 16 * i, 16 * i);
  hash = avalanche(hash & MASK);
  for (let i = 8; i < Math.floor(n / 16); i++) hash += mix16(input, 16 * i, 16 * (i - 8) + 3);
  return avalanche((hash + mix16(input, n - 16, 119)) & MASK);
}

function long(input: DataView, n: number): bigint {
  const lanes = [PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1];
  const stripe = (offset: number, key: number) => {
    for (let lane = 0; lane < 8; lane++) {
      const value = q(input, offset + 8 * lane);
      const keyed = value ^ secret(key + 8 * lane);
      lanes[lane] = (lanes[lane] + value + (keyed & LOW) * (keyed >> 32n)) & MASK;
    }
  };
  const blocks = Math.floor(n / BLOCK);
  for (let block = 0; block < blocks; block++) {
    for (let i = 0; i < BLOCK / STRIPE; i++) stripe(block * BLOCK + i * STRIPE, 8 * i);
    for (let lane = 0; lane < 8; lane++) {
      const scrambled = lanes[lane] ^ (lanes[lane] >> 47n) ^ secret(128 + 8 * lane);
      lanes[lane] = (scrambled * PRIME32_1) & MASK;
    }
  }
  const rest = n - blocks * BLOCK;
  for (let i = 0; i < Math.floor(rest / STRIPE); i++) stripe(blocks * BLOCK + i * STRIPE, 8 * i);
  if (n % STRIPE !== 0) stripe(n - STRIPE, 121);
  let hash = BigInt(n) * PRIME64_1;
  for (let pair = 0; pair < 4; pair++) {
    hash += fold(lanes[2 * pair] ^ secret(11 + 16 * pair), lanes[2 * pair + 1] ^ secret(19 + 16 * pair));
  }
  return avalanche(hash & MASK);
}
