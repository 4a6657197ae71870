import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { inRepository } from '../support/repository.js';
import { type Kind, kinds, lost, make, repairedCopy, seenAfterLdb, seenBy } from './moments.js';

/*
 * Holds `repair --strategy auto` against `ldb repair` on directories of several moments:
 *   npm run moments -- [--seeds 8] [--from 1] [--write]
 * --write puts the table into docs/repair.md. KVDOCTOR_MOMENTS names moments.cc linked with another release of RocksDB.
 */

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '8' },
    from: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
  },
});

const rows = [
  '| what happened | directories | visible entries lost | `ldb repair` |',
  '| --- | --- | --- | --- |',
];
const number = (value: number) => value.toLocaleString('en');
for (const kind of Object.keys(kinds) as Kind[]) {
  let [made, entries, ours, theirs] = [0, 0, 0, 0];
  for (let seed = Number(values.from); seed < Number(values.from) + Number(values.seeds); seed++) {
    const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'moments-'));
    const dir = path.join(scratch, 'db');
    const truth = make(kind, seed, dir);
    if (truth !== undefined) {
      made++;
      entries += Object.values(truth).reduce((sum, { n }) => sum + n, 0);
      theirs += lost(truth, seenAfterLdb(dir));
      const { output } = await repairedCopy(dir);
      const missing = lost(truth, seenBy(output));
      if (missing > 0) console.log(`${kind}, seed ${seed}: ${missing} entries`);
      ours += missing;
    }
    fs.rmSync(scratch, { recursive: true, force: true });
  }
  rows.push(
    `| ${kinds[kind].about} | ${made} | ${number(ours)} of ${number(entries)} | ${number(theirs)} of ${number(entries)} |`,
  );
}
console.log(rows.join('\n'));
if (values.write) {
  const page = inRepository('docs', 'repair.md');
  const text = fs.readFileSync(page, 'utf8');
  const table = `$1${rows.join('\n')}\n$2`;
  fs.writeFileSync(page, text.replace(/(<!-- moments -->\n)[\s\S]*(<!-- end of moments -->)/, table));
}
