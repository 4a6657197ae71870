import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { profileOf } from '../../../src/app/application.js';
import { readDatabase } from '../../../src/engine/database.js';
import { openView } from '../../../src/lsm/recovered-view.js';
import { recoveryModes } from '../../../src/recovery/mode.js';
import { fixture, withTemporaryDirectory, writeFileSet } from '../../support/files.js';

describe.each(['replicated-metadata-server', 'log-store', 'local-loglet', 'db'])('a damaged %s', (name) => {
  it('is checked without a failure', async () => {
    const files = fixture(`restate/${name}`);
    const damageable = [...files.keys()].filter((file) => /\.(sst|log)$/.test(file));
    const places = fc.array(fc.tuple(fc.constantFrom(...damageable), fc.nat(), fc.nat(255)), {
      minLength: 1,
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(places, (changes) =>
        withTemporaryDirectory(async (dir) => {
          const damaged = new Map(files);
          for (const [file, at, byte] of changes) {
            const bytes = Buffer.from(damaged.get(file)!);
            if (bytes.length > 0) bytes[at % bytes.length] = byte;
            damaged.set(file, bytes);
          }
          writeFileSet(damaged, dir);
          const database = await readDatabase(dir);
          const profile = await profileOf(database);
          const { view } = await openView(database, recoveryModes.toReversed());
          let findings = 0;
          if (view !== undefined) {
            await profile?.check(view, () => findings++);
            view.close();
          }
          expect(findings).toBeLessThan(500);
        }),
      ),
      { numRuns: 15 },
    );
  });
});
