import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { takeInventory } from '../../src/io/inventory.js';
import { queuesOf } from '../../src/recovery/raft-engine/files.js';
import { replayRaftEngine } from '../../src/recovery/raft-engine/open.js';
import { simulateTarget } from '../../src/repair/simulate-target.js';
import { scanTarget } from '../../src/scan/scan.js';
import { comparable, kvdoctorSays } from '../engines/raft-engine.js';
import { randomOf } from '../engines/raft-engine-damage.js';
import { fixture, withTemporaryDirectory, writeFileSet } from '../support/files.js';

/* KVDOCTOR_RAFT_MUTATIONS=100000 runs as many. */
const RUNS = Number(process.env.KVDOCTOR_RAFT_MUTATIONS ?? 150);

const change = fc.record({
  name: fc.constantFrom('plain', 'recycled', 'rewritten'),
  file: fc.nat(5),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }),
  cut: fc.boolean(),
});

it('no change of bytes makes a scan or a simulation fail, and both agree on what opens', {
  timeout: 3_600_000,
}, async () => {
  await withTemporaryDirectory(async (parent) => {
    let made = 0;
    await fc.assert(
      fc.asyncProperty(change, async ({ name, file, at, bytes, cut }) => {
        const dir = path.join(parent, String(made++));
        const files = new Map(fixture(`raft-engine/${name}`));
        const names = [...files.keys()];
        const changed = names[file % names.length];
        const content = Uint8Array.from(files.get(changed)!);
        const offset = Math.floor(at * (content.length - 1));
        content.set(bytes.subarray(0, content.length - offset), offset);
        files.set(changed, cut ? content.subarray(0, offset + bytes.length) : content);
        writeFileSet(files, dir);
        const { findings, unchecked } = await scanTarget(dir);
        const { recovery = [] } = await simulateTarget(dir);
        const own = recovery.find((mode) => mode.own)!;
        const errors = findings.filter(({ severity }) => severity === 'error').length;
        expect(unchecked).toEqual([]);
        // what opens and loses nothing has no error, and the other way round
        expect(own.harmless).toBe(errors === 0);
        fs.rmSync(dir, { recursive: true });
      }),
      { numRuns: RUNS },
    );
  });
});

/** A flipped bit of a checksum can make a batch that of an older file, byte for byte: nothing tells it from what that one left. */
async function endsAsOlder(dir: string): Promise<boolean> {
  const { entries } = await takeInventory(dir);
  const { stops } = await replayRaftEngine(queuesOf(entries));
  return stops.some(({ cause }) => cause.kind === 'batch' && cause.stop.signature !== undefined);
}

/* KVDOCTOR_RAFT_FLIPS=20000 flips as many bits. */
const FLIPS = Number(process.env.KVDOCTOR_RAFT_FLIPS ?? 300);

it.each(['plain', 'recycled', 'rewritten'])(
  'no flipped bit of %s takes anything away without a word',
  { timeout: 3_600_000 },
  async (name) => {
    await withTemporaryDirectory(async (parent) => {
      const dir = path.join(parent, 'log');
      const files = fixture(`raft-engine/${name}`);
      writeFileSet(files, dir);
      const held = async () => comparable((await kvdoctorSays(dir))['tolerate-tail-corruption']);
      const whole = await held();
      const random = randomOf(31 + name.length);
      for (let i = 0; i < FLIPS; i++) {
        const names = [...files.keys()];
        // half of them in the newest file, of which an open cuts the end without a word
        const last = names.findLast((each) => each.endsWith('.raftlog'))!;
        const file = random(2) === 0 ? last : names[random(names.length)];
        const bytes = Uint8Array.from(files.get(file)!);
        const [at, bit] = [random(bytes.length), random(8)];
        bytes[at] ^= 1 << bit;
        fs.writeFileSync(path.join(dir, file), bytes);
        const { findings, unchecked } = await scanTarget(dir);
        const isSilent = unchecked.length === 0 && findings.every(({ severity }) => severity === 'note');
        if (isSilent && !(await endsAsOlder(dir)))
          expect(await held(), `flip ${file} ${at}.${bit}`).toEqual(whole);
        fs.writeFileSync(path.join(dir, file), files.get(file)!);
      }
    });
  },
);
