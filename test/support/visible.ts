import { readDatabase } from '../../src/engine/database.js';
import { exportEntries } from '../../src/export/entries.js';

/** What a reader sees: `family/key` to value, bytes as Latin-1. */
export async function visible(dir: string): Promise<Map<string, string>> {
  const seen = new Map<string, string>();
  let name = '';
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
  await exportEntries(await readDatabase(dir), {
    async family(family) {
      name = family.name;
    },
    entry({ key, value }) {
      seen.set(`${name}/${text(key)}`, text(value));
    },
    async flush() {},
  });
  return seen;
}
