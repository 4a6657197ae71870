import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { profileOf } from '../../../src/app/profile-of.js';
import { readDatabase } from '../../../src/engine/database.js';
import { ruleOf } from '../../../src/finding/catalog.js';
import type { Finding } from '../../../src/finding/finding.js';
import { digestFamily } from '../../../src/lsm/digest.js';
import { openView } from '../../../src/lsm/recovered-view.js';
import { recoveryModes } from '../../../src/recovery/mode.js';
import { scanTarget } from '../../../src/scan/scan.js';
import { fixture, withTemporaryDirectory, writeFileSet } from '../../support/files.js';

interface Checked {
  /** What readers see, a line for each column family. Absent where no mode opens it. */
  contents?: string[];
  findings: Finding[];
}

async function checked(dir: string): Promise<Checked> {
  const database = await readDatabase(dir);
  const profile = await profileOf(database);
  const { view } = await openView(database, recoveryModes.toReversed());
  if (view === undefined) return { findings: [] };
  const findings: Finding[] = [];
  const contents: string[] = [];
  try {
    await profile?.check?.(view, (finding) => findings.push(finding));
    for (const { id } of view.columnFamilies) {
      const { name, entries, fnv1a64, complete } = await digestFamily(view, id);
      contents.push(`${name} ${entries} ${fnv1a64} ${complete}`);
    }
  } finally {
    view.close();
  }
  return { contents, findings };
}

describe.each(['replicated-metadata-server', 'log-store', 'local-loglet', 'db'])('a damaged %s', (name) => {
  it('is checked without a failure, and is never called clean where readers see something else', async () => {
    const files = fixture(`restate/${name}`);
    const damageable = [...files.keys()].filter((file) => /\.(sst|log)$/.test(file));
    const places = fc.array(fc.tuple(fc.constantFrom(...damageable), fc.nat(), fc.nat(255)), {
      minLength: 1,
      maxLength: 6,
    });
    const whole = await withTemporaryDirectory(async (dir) => {
      writeFileSet(files, dir);
      return checked(dir);
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
          const { contents, findings } = await checked(dir);
          for (const { rule, message, file } of findings) {
            expect(ruleOf(rule)).toBeDefined();
            expect(rule).toMatch(/^restate\//);
            expect(message).toMatch(/^[\x20-\x7e“”‘’–…]+$/);
            expect(file).toBe('.');
          }
          expect(findings.length).toBeLessThan(500);
          const scan = await scanTarget(dir, { jobs: 1 });
          const said = scan.findings.filter(({ severity }) => severity !== 'note');
          if (said.length + scan.unchecked.length === 0) expect(contents).toEqual(whole.contents);
        }),
      ),
      { numRuns: 15 },
    );
  });
});
