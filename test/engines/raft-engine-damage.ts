import fs from 'node:fs';
import path from 'node:path';

/** How the crate writes the directories of the corpus. */
export const shapes: readonly string[] = [
  'steps=40',
  'steps=80 compress=0',
  'steps=300 every=10 purge=8192',
  'steps=300 every=10 kill=1',
  'steps=60 format=1 compress=0 rewrite=30 squeeze=50',
  'steps=120 format=1 every=15 purge=8192',
  'steps=200 rewrite=60 squeeze=120 kill=1',
  'steps=100 rewrite=50 until=1 kill=1',
  'steps=100 rewrite=50 until=2 kill=1',
  'steps=250 every=7 purge=6000 file=2048 kill=1',
  'steps=60 regions=1 file=1048576',
  'steps=60 regions=1 file=1024',
  'steps=20 data=4000 compress=512',
  'steps=400 regions=12 every=20 purge=12000 recycle=0',
  'steps=150 regions=2 every=5 purge=4096 file=1500 kill=1',
  'steps=5',
  'steps=200 rewrite=100 squeeze=199',
  'steps=500 every=25 purge=16384 data=300',
  'steps=90 kill=1 file=65536',
  'steps=160 format=1 rewrite=40 squeeze=80 kill=1 recycle=0',
];

/** Small numbers by a seed (mulberry32). */
export function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** Damages one file of a directory; says how. */
export function damage(dir: string, random: (below: number) => number): string {
  const names = fs
    .readdirSync(dir)
    .filter((name) => /\.(?:raftlog|rewrite)$/.test(name))
    .sort();
  const name = names[random(names.length)];
  const file = path.join(dir, name);
  const bytes = fs.readFileSync(file);
  if (bytes.length === 0) return 'nothing';
  const at = random(bytes.length);
  switch (random(9)) {
    case 0:
    case 1:
    case 2: {
      const bit = random(8);
      bytes[at] ^= 1 << bit;
      fs.writeFileSync(file, bytes);
      return `flip ${name} ${at}.${bit}`;
    }
    case 3:
      fs.truncateSync(file, at);
      return `truncate ${name} ${at}`;
    case 4: {
      const length = Math.min(1 + random(600), bytes.length - at);
      bytes.fill(0, at, at + length);
      fs.writeFileSync(file, bytes);
      return `zero ${name} ${at} ${length}`;
    }
    case 5:
      fs.appendFileSync(file, Buffer.alloc(1 + random(200), random(2) === 0 ? 0 : 0x41));
      return `append ${name}`;
    case 6:
      fs.unlinkSync(file);
      return `remove ${name}`;
    case 7: {
      const length = Math.min(1 + random(40), bytes.length - at);
      fs.writeFileSync(file, Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]));
      return `cut ${name} ${at} ${length}`;
    }
    default: {
      const other = path.join(dir, names[random(names.length)]);
      fs.copyFileSync(other, file);
      return `copy ${other} ${name}`;
    }
  }
}

export function copyOf(dir: string, to: string): string {
  fs.cpSync(dir, to, { recursive: true });
  return to;
}
