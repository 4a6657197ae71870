import fs from 'node:fs';
import path from 'node:path';

/** Damages one file of a directory under a seed. Returns what was done. */
export function damage(dir: string, seed: number): string {
  const next = numbers(seed);
  const pick = <T>(all: readonly T[]): T => all[next() % all.length];
  const kind = pick([
    /\.log$/,
    /\.log$/,
    /^MANIFEST/,
    /^MANIFEST/,
    /^(marker|CURRENT)/,
    /\.sst$/,
    /^OPTIONS/,
  ]);
  const named = fs.readdirSync(dir).filter((name) => kind.test(name));
  if (named.length === 0) return 'nothing';
  const name = pick(named);
  const file = path.join(dir, name);
  const { size } = fs.statSync(file);
  const how = size === 0 ? 'remove' : pick(['flip', 'flip', 'zero', 'cut', 'remove', 'append', 'noise']);
  const at = size === 0 ? 0 : next() % size;
  const length = 1 + (next() % 200);
  if (how === 'remove') fs.rmSync(file);
  else if (how === 'cut') fs.truncateSync(file, at);
  else if (how === 'append') fs.appendFileSync(file, Buffer.alloc(length, next() % 256));
  else {
    const bytes = fs.readFileSync(file);
    if (how === 'flip') bytes[at] ^= 1 << (next() % 8);
    else if (how === 'zero') bytes.fill(0, at, Math.min(size, at + length));
    else for (let i = at; i < Math.min(size, at + length); i++) bytes[i] = next() % 256;
    fs.writeFileSync(file, bytes);
  }
  return `${how} ${name} ${at} ${length}`;
}

/** Numbers that follow from a seed. */
function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
}
