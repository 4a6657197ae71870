import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { simulateTarget } from '../../src/repair/simulate-target.js';
import { scanTarget } from '../../src/scan/scan.js';
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
