import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import type { KeyBytes } from '../../src/finding/evidence.js';
import { realDisk } from '../../src/repair/disk.js';
import type { RepairPlan } from '../../src/repair/plan.js';
import { Refusal } from '../../src/repair/refusal.js';
import { planAuto } from '../../src/repair/strategies/auto.js';
import { undo } from '../../src/repair/undo.js';
import { randomOf } from '../engines/raft-engine-damage.js';
import { carryOut } from '../support/carry-out.js';
import { withDatabase } from '../support/database.js';
import { type FileSet, readFileSet, withTemporaryDirectory } from '../support/files.js';
import { inRepository } from '../support/repository.js';
import { visible } from '../support/visible.js';

/*
 * Two files or more damaged at once, at random places, or files of two moments of one database (fixtures/moments): a repair that announces
 * no loss loses nothing.
 */

const ROUNDS = Number(process.env.KVDOCTOR_TWO_FAULTS ?? 12);
const SEED = Number(process.env.KVDOCTOR_SEED ?? 1);
const DATABASES = [
  'basic-7.8',
  'basic-9.7',
  'blob-7.8',
  'wide-7.8',
  'ingested-7.8',
  'versions-7.8',
  'leveldb',
  'titan/lz4',
  'pebble-stores/cosmos',
  'pebble-stores/valueblocks',
];

/** What a torn or missing log has lost nobody can tell. */
const DAMAGED = /^(?:MANIFEST|CURRENT)|\.(?:sst|ldb|blob)$/;
const MOVED = /^MANIFEST|\.(?:sst|ldb|blob|log)$/;
const SECTOR = 512;

type Random = (below: number) => number;

/** Damages a directory in one way and says how; `undefined`: it has nothing that the way is for. */
type Damage = (dir: string, random: Random) => string | undefined;

const pick = (names: readonly string[], random: Random) => names[random(names.length)];

/** Changes one file. `undefined` of a change: nothing is done. */
const inOneFile =
  (what: string, change: (bytes: Buffer, at: number, random: Random) => Uint8Array): Damage =>
  (dir, random) => {
    const files = fs.readdirSync(dir).filter((name) => DAMAGED.test(name));
    const manifest = files.find((name) => name.startsWith('MANIFEST'));
    const name = manifest !== undefined && random(3) === 0 ? manifest : pick(files, random);
    if (name === undefined) return undefined;
    const bytes = fs.readFileSync(path.join(dir, name));
    const at = random(bytes.length || 1);
    fs.writeFileSync(path.join(dir, name), change(bytes, at, random));
    return `${what} ${name} at ${at}`;
  };

const flipped = (bytes: Buffer, at: number, random: Random) => {
  if (bytes.length > 0) bytes[at] ^= 1 << random(8);
  return bytes;
};

/** Two files of one kind get each other's name. */
const swapped: Damage = (dir, random) => {
  const files = fs.readdirSync(dir).filter((name) => MOVED.test(name));
  const one = pick(files, random);
  const kind = (name: string) => path.extname(name) || name.slice(0, 8);
  const other = pick(
    files.filter((name) => name !== one && kind(name) === kind(one)),
    random,
  );
  if (one === undefined || other === undefined) return undefined;
  const at = (name: string) => path.join(dir, name);
  fs.renameSync(at(one), at('aside'));
  fs.renameSync(at(other), at(one));
  fs.renameSync(at('aside'), at(other));
  return `swapped ${one} and ${other}`;
};

const renamed: Damage = (dir, random) => {
  const name = pick(
    fs.readdirSync(dir).filter((file) => MOVED.test(file)),
    random,
  );
  if (name === undefined) return undefined;
  const isLog = name.endsWith('.log');
  const to = isLog || random(2) === 0 ? `${name}.old` : name.replace(/\d{6}/, `0009${random(90) + 10}`);
  fs.renameSync(path.join(dir, name), path.join(dir, to));
  return `renamed ${name} to ${to}`;
};

/** One file is copied over another one of its kind, as a restore under a wrong name does. */
const copiedOver: Damage = (dir, random) => {
  const files = fs.readdirSync(dir).filter((name) => /\.(?:sst|ldb|blob)$/.test(name));
  const one = pick(files, random);
  const other = pick(
    files.filter((name) => name !== one && path.extname(name) === path.extname(one)),
    random,
  );
  if (one === undefined || other === undefined) return undefined;
  fs.copyFileSync(path.join(dir, one), path.join(dir, other));
  return `copied ${one} over ${other}`;
};

/** A copy that left files out: some tables and blob files, and all that is small. */
const leftOut: Damage = (dir, random) => {
  const files = fs.readdirSync(dir).filter((name) => /\.(?:sst|ldb|blob)$|^OPTIONS|^IDENTITY/.test(name));
  const gone = files.filter(() => random(4) === 0);
  for (const name of gone) fs.rmSync(path.join(dir, name));
  return gone.length === 0 ? undefined : `left out ${gone.join(', ')}`;
};

/** A sector of one file stands in another. */
const misdirected: Damage = (dir, random) => {
  const files = fs.readdirSync(dir).filter((name) => DAMAGED.test(name) && name !== 'CURRENT');
  const [from, to] = [pick(files, random), pick(files, random)];
  if (from === undefined || to === undefined) return undefined;
  const source = fs.readFileSync(path.join(dir, from));
  const bytes = fs.readFileSync(path.join(dir, to));
  const [at, into] = [source, bytes].map(({ length }) => SECTOR * random(Math.ceil(length / SECTOR) || 1));
  source.copy(bytes, into, at, at + SECTOR);
  fs.writeFileSync(path.join(dir, to), bytes);
  return `sector ${at} of ${from} in ${to} at ${into}`;
};

/** CURRENT names a MANIFEST that ends sooner, beside the one that goes on. */
const olderManifest: Damage = (dir, random) => {
  const name = pick(
    fs.readdirSync(dir).filter((file) => file.startsWith('MANIFEST-')),
    random,
  );
  if (name === undefined) return undefined;
  const bytes = fs.readFileSync(path.join(dir, name));
  const end = random(bytes.length || 1);
  fs.writeFileSync(path.join(dir, 'MANIFEST-000003'), bytes.subarray(0, end));
  if (fs.existsSync(path.join(dir, 'CURRENT')))
    fs.writeFileSync(path.join(dir, 'CURRENT'), 'MANIFEST-000003\n');
  return `the first ${end} bytes of ${name} in MANIFEST-000003, which CURRENT names`;
};

const WAYS: readonly Damage[] = [
  inOneFile('cut', (bytes, at) => bytes.subarray(0, at)),
  inOneFile('cut at a sector', (bytes, at) => bytes.subarray(0, at - (at % SECTOR))),
  inOneFile('zeroed', (bytes, at, random) =>
    bytes.fill(0, at, Math.min(bytes.length, at + 20 + random(600))),
  ),
  inOneFile('flipped', flipped),
  swapped,
  copiedOver,
  leftOut,
  renamed,
  misdirected,
  olderManifest,
];

function damage(dir: string, random: Random): string[] {
  return Array.from({ length: 2 + random(2) }, () => WAYS[random(WAYS.length)](dir, random)).flatMap(
    (done) => (done === undefined ? [] : [done]),
  );
}

async function planned(dir: string): Promise<RepairPlan | undefined> {
  try {
    return await planAuto(await readDatabase(dir), { onLostTombstones: 'keep-hidden' });
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

/** What a program with merge operators of its own sees: OPTIONS, which names them, may be gone. */
async function visibleToProgram(dir: string, whole: FileSet): ReturnType<typeof visible> {
  const gone = [...whole].filter(
    ([file]) => /^OPTIONS-\d+$/.test(file) && !fs.existsSync(path.join(dir, file)),
  );
  for (const [file, bytes] of gone) fs.writeFileSync(path.join(dir, file), bytes);
  const seen = await visible(dir);
  for (const [file] of gone) fs.rmSync(path.join(dir, file));
  return seen;
}

/** Without the version that orders keys of one name otherwise than by their bytes. */
const prefixOf = (key: Buffer) => Buffer.from(key.toString('latin1').replace(/@\d+$/, ''), 'latin1');

/** Whether a plan says of a key that it is gone or may show another value; where no file is gone, that it rests on tables alone does not do. */
function isTold(
  { loss, unproven = [], undecided = [], remarks }: RepairPlan,
  name: string,
  mayBeGone: boolean,
): boolean {
  if (undecided.length > 0 || remarks.some((remark) => remark.startsWith('left alone'))) return true;
  const key = prefixOf(Buffer.from(name.slice(name.indexOf('/') + 1), 'latin1'));
  const family = name.slice(0, name.indexOf('/'));
  return [...loss, ...unproven].some(
    ({ facts: { basis, columnFamily, keyRanges, notListed, hiddenKeys, keysThatMayComeBack } }) => {
      if (!mayBeGone && (basis !== undefined || (columnFamily ?? family) !== family)) return false;
      if (!Array.isArray(keyRanges) || notListed !== undefined) return true;
      if (hiddenKeys !== undefined || keysThatMayComeBack !== undefined) return true;
      return (keyRanges as Record<'from' | 'to', KeyBytes>[]).some(({ from, to }) => {
        const [first, last] = [from, to].map(({ base64 }) => prefixOf(Buffer.from(base64, 'base64')));
        return Buffer.compare(first, key) <= 0 && Buffer.compare(key, last) <= 0;
      });
    },
  );
}

describe('a repair of several damaged files', () => {
  it.each(DATABASES)(
    'of %s announces what it loses',
    async (name) => {
      const whole = await withDatabase(name, [], async (dir) => readFileSet(dir));
      const truth = await withDatabase(name, [], visible);
      const random = randomOf(SEED);
      for (let round = 0; round < ROUNDS; round++)
        await withDatabase(name, [], async (dir) => {
          const done = `${round}: ${damage(dir, random).join(', ')}`;
          const before = readFileSet(dir);
          const plan = await planned(dir);
          if (plan === undefined || plan.steps.length === 0) return;
          await carryOut(plan, dir);
          const seen = await visibleToProgram(dir, whole);
          const changed = [...new Set([...truth.keys(), ...seen.keys()])].filter(
            (key) => truth.get(key) !== seen.get(key) && !isTold(plan, key, true),
          );
          expect(changed, done).toEqual([]);
          await undo(realDisk, `${dir}.kvdoctor-undo-test`, async () => {});
          expect(readFileSet(dir), done).toEqual(before);
        });
    },
    240_000,
  );
});

const MOMENTS = fs
  .readdirSync(inRepository('fixtures', 'moments'))
  .map((file) => path.basename(file, '.tar.gz'));

const namesIn = (dir: string, kind: RegExp) => fs.readdirSync(dir).filter((name) => kind.test(name));

/** The directory of a later moment, with tables, MANIFESTs and logs of an earlier one among its own. Says what was done. */
function mixMoments(older: string, newer: string, dir: string, random: Random): string {
  const take = (name: string) => fs.copyFileSync(path.join(older, name), path.join(dir, name));
  const takeMissing = (kind: RegExp, chance: () => boolean) => {
    const names = namesIn(older, kind).filter((name) => !fs.existsSync(path.join(dir, name)) && chance());
    names.forEach(take);
    return names;
  };
  const drop = (kind: RegExp) => {
    for (const name of namesIn(dir, kind)) fs.rmSync(path.join(dir, name));
  };
  fs.cpSync(newer, dir, { recursive: true });
  const share = random(4);
  const tables = takeMissing(/\.(?:sst|blob)$/, () => share < 2 || (share === 2 && random(2) === 0));
  const way = random(6);
  if (way < 2) {
    drop(/^MANIFEST/);
    namesIn(older, /^(?:MANIFEST|CURRENT)/).forEach(take);
  } else if (way === 2) drop(/^MANIFEST/);
  else if (way === 3) drop(/^(?:MANIFEST|CURRENT)/);
  else if (way === 4) {
    takeMissing(/^MANIFEST/, () => true);
    take('CURRENT');
  } else {
    const manifest = path.join(dir, namesIn(dir, /^MANIFEST/)[0]);
    const bytes = fs.readFileSync(manifest);
    const at = random(bytes.length);
    fs.writeFileSync(manifest, random(2) === 0 ? bytes.subarray(0, at) : flipped(bytes, at, random));
  }
  const logs = random(2) === 0 ? takeMissing(/\.log$/, () => true) : [];
  const gone = random(3) === 0 ? pick(namesIn(dir, /\.sst$/), random) : undefined;
  if (gone !== undefined) fs.rmSync(path.join(dir, gone));
  return `way ${way}, with tables ${tables.join(', ')} and logs ${logs.join(', ')} of ${path.basename(older)} in ${path.basename(newer)}, without ${gone}`;
}

describe('a repair of files of two moments', () => {
  it.each(MOMENTS)(
    'of %s announces what it loses',
    (name) =>
      withTemporaryDirectory(async (parent) => {
        execFileSync('tar', ['xzf', inRepository('fixtures', 'moments', `${name}.tar.gz`), '-C', parent]);
        const moments = namesIn(parent, /^g\d$/).map((moment) => path.join(parent, moment));
        const truths = new Map<string, Map<string, string>>();
        for (const moment of moments) truths.set(moment, await visible(moment));
        const random = randomOf(SEED);
        for (let round = 0; round < ROUNDS; round++) {
          const later = 1 + random(moments.length - 1);
          const dir = path.join(parent, 'db');
          const done = `${round}: ${mixMoments(moments[random(later)], moments[later], dir, random)}`;
          const plan = await planned(dir);
          // of a table that is gone only a MANIFEST that names it, and LOG, tell
          const isGone = done.endsWith('.sst');
          const isUntold = isGone && !done.includes('way 5') && namesIn(dir, /^LOG/).length === 0;
          // an older moment without anything that is younger is one, too
          if (plan !== undefined && !isUntold && !(isGone && plan.steps.length === 0)) {
            if (plan.steps.length > 0) await carryOut(plan, dir);
            const [truth, seen] = [truths.get(moments[later])!, await visible(dir)];
            const changed = [...new Set([...truth.keys(), ...seen.keys()])].filter(
              (key) => truth.get(key) !== seen.get(key) && !isTold(plan, key, isGone),
            );
            expect(changed, done).toEqual([]);
          }
          for (const each of namesIn(parent, /^db/)) fs.rmSync(path.join(parent, each), { recursive: true });
        }
      }),
    240_000,
  );
});
