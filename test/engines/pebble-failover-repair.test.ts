import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { LogWriter } from '../../src/encode/log/writer.js';
import { readDatabase } from '../../src/engine/database.js';
import { unknownSecond } from '../../src/engine/unseen.js';
import { byLog, parseFileName } from '../../src/format/filename.js';
import { memorySource } from '../../src/io/source.js';
import { BatchWalker } from '../../src/recovery/batch-walker.js';
import { PebbleLogReader } from '../../src/recovery/pebble-log.js';
import { undoRepair } from '../../src/repair/undo-repair.js';
import { withTemporaryDirectory } from '../support/files.js';
import { repairInPlace } from '../support/repair.js';
import { makeFailover, pebbleMissing, type Release, seedsAsked, seenBy } from './pebble.js';
import { disagreement } from './pebble-agree.js';
import { copyAcross, damage, filesIn } from './pebble-damage.js';

/*
 * Stores of Pebble whose logs went on in a second directory, damaged in either directory and repaired: the engine opens what the repair
 * makes, at a moment that the store was really in, no earlier than the first write that is damaged; an undo gives back every byte.
 * KVDOCTOR_PEBBLE as in pebble-repair.test.ts.
 */

const why = pebbleMissing();
if (why !== undefined) console.log(`skipped: ${why}`);

const seeds = seedsAsked([1, 2, 3]);
const makers: Release[] = ['2.1.4', '2.1.7'];
const DAMAGES = 4;

interface Batch {
  sequence: bigint;
  /** Of its last operation. */
  last: bigint;
  bytes: Uint8Array;
}

/** The batches of each log, each once, as far as Pebble reads its files. */
async function batchesOf(dir: string): Promise<Map<bigint, Batch[]>> {
  const logs = filesIn(dir)
    .map((file) => ({ file, ...parseFileName(path.basename(file)) }))
    .filter(({ kind }) => kind === 'wal')
    .sort(byLog);
  const all = new Map<bigint, Batch[]>();
  for (const { file, number } of logs) {
    const batches = all.get(number!) ?? [];
    all.set(number!, batches);
    const source = memorySource(fs.readFileSync(path.join(dir, file)));
    const reader = new PebbleLogReader(source, file, number!, { lastType: 12, readsAhead: true });
    for (let record = await reader.next(); record !== undefined; record = await reader.next()) {
      const { sequence, count } = new BatchWalker(record.bytes, 'pebble');
      if (count === 0 || sequence <= (batches.at(-1)?.sequence ?? 0n)) continue;
      batches.push({ sequence, last: sequence + BigInt(count) - 1n, bytes: record.bytes });
    }
  }
  return all;
}

/** The last sequence of a history before which nothing is missing in the logs that are left. */
function reachOf(history: ReadonlyMap<bigint, Batch[]>, left: ReadonlyMap<bigint, Batch[]>): bigint {
  let reach = 0n;
  for (const [number, batches] of [...history].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const here = new Set(left.get(number)?.map(({ sequence }) => sequence));
    for (const { sequence, last } of batches) {
      if (!here.has(sequence)) return reach;
      reach = last;
    }
  }
  return reach;
}

/** Writes the logs of a store anew, one file each, with what it held up to a sequence. */
function cutTo(dir: string, history: ReadonlyMap<bigint, Batch[]>, end: bigint): void {
  for (const name of filesIn(dir)) if (name.endsWith('.log')) fs.rmSync(path.join(dir, name));
  for (const [number, batches] of history) {
    const writer = new LogWriter({ number, recyclable: true });
    const kept = batches.filter(({ last }) => last <= end);
    const bytes = kept.map((batch) => writer.record(batch.bytes).slice());
    fs.writeFileSync(path.join(dir, `${String(number).padStart(6, '0')}.log`), Buffer.concat(bytes));
  }
}

/** All files, without the lock. */
const contentsOf = (dir: string) =>
  filesIn(dir).flatMap((name) => {
    const isFile = fs.statSync(path.join(dir, name)).isFile() && name !== 'LOCK';
    return isFile ? [`${name} ${fs.readFileSync(path.join(dir, name)).toString('base64')}`] : [];
  });

const repaired = (dir: string, engineVersion: Release) => repairInPlace(dir, { engineVersion });

describe.skipIf(why !== undefined)('Pebble opens what a repair makes of logs in two directories', () => {
  const all = makers.flatMap((maker) => seeds.map((seed) => [maker, seed] as const));
  it.each(all)('%s, seed %i', { timeout: 120_000 }, async (maker, seed) => {
    await withTemporaryDirectory(async (parent) => {
      const whole = path.join(parent, 'whole');
      makeFailover(maker, seed, whole, [13, 19, 20, 24][seed % 4]);
      const truth = seenBy(maker, whole);
      const history = await batchesOf(whole);
      const wrong: string[] = [];
      const { repair: ofWhole } = await repaired(whole, maker);
      if (ofWhole?.state !== 'nothing-to-do') wrong.push(`undamaged: ${ofWhole?.state}`);
      for (let i = 0; i <= DAMAGES; i++) {
        const dir = path.join(parent, `damaged-${i}`);
        fs.cpSync(whole, dir, { recursive: true });
        const done = (i < DAMAGES ? damage : copyAcross)(dir, seed * 1000 + i);
        const complain = (what: string) => wrong.push(`${done}: ${what}`);
        const [before, left] = [contentsOf(dir), await batchesOf(dir)];
        if (unknownSecond(await readDatabase(dir)) !== undefined) continue;
        const { repair, plan, recovery, findings } = await repaired(dir, maker);
        // of tables not all can be written anew
        if (repair?.state === 'refused' && !/sst|MANIFEST/.test(done)) complain(`refused: ${repair.reason}`);
        const errors = findings.filter(({ severity }) => severity === 'error');
        const isLeft = repair?.state === 'not-clean' || repair?.state === 'nothing-to-do';
        if (isLeft && errors.length > 0)
          complain(`${repair.state}: ${errors.map(({ rule, file }) => `${rule} ${file}`)}`);
        if (repair?.journal === undefined) continue;
        const seen = seenBy(maker, dir);
        if (seen.open !== 'OK' || seen.iter !== 'OK') complain(`engine says ${seen.open} ${seen.iter}`);
        const problem = await disagreement(maker, dir, seen);
        if (problem !== undefined) complain(problem);
        const isWhole = seen.n === truth.n && seen.fnv === truth.fnv;
        if (plan?.loss.length === 0 && !isWhole) complain('something is lost, and the plan names no loss');
        if (!isWhole && !done.includes('.sst')) {
          const end = BigInt(recovery![0].lastSequence!);
          const reach = reachOf(history, left);
          if (end < reach) complain(`ends at ${end}, and nothing is missing up to ${reach}`);
          // the last sequence of the MANIFEST may be beyond the logs
          const moments = [end, reach].map((last) => {
            const model = path.join(parent, `model-${i}-${last}`);
            fs.cpSync(whole, model, { recursive: true });
            cutTo(model, history, last);
            return seenBy(maker, model);
          });
          if (!moments.some(({ n, fnv }) => n === seen.n && fnv === seen.fnv))
            complain(`${seen.n} ${seen.fnv}; up to ${end} the store had ${moments[0].n} ${moments[0].fnv}`);
        }
        const { outcome } = await undoRepair(repair.journal, { stopped: true });
        expect(contentsOf(dir)).toEqual(before);
        if (outcome !== 'undone') complain(`undo: ${outcome}`);
      }
      expect(wrong).toEqual([]);
    });
  });
});
