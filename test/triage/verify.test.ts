import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kvdoctor } from '../cli/host.js';
import { withDatabase } from '../support/database.js';

const SERVER = 'restate/replicated-metadata-server';
const logs = {
  restate: 'restate-server 1.3.0\nCorruption: truncated record body',
  tikv: 'Welcome to TiKV\nregion 26972 is prepared for write before, but it is not the current region',
  full: 'No space left on device\nCorruption: bad block contents',
  race: 'kvrocks version 2.11.0\nCorruption: WriteBatch has wrong count',
  stall: 'kvrocks version 2.11.0\nResult incomplete: Write stall',
  replica: '[kvrocks] sequence out of range, please use fullsync',
};

/** What the files say to an incident: base, damage, log and verdict. */
const cases: [string, string[], keyof typeof logs, string, RegExp][] = [
  [SERVER, [], 'restate', 'borne-out', /only absolute-consistency refuses .* safe to cut/],
  [SERVER, ['flip 000012.log 0x630.3'], 'restate', 'contradicted', /more than the end of a log is damaged/],
  ['restate/log-store', [], 'restate', 'contradicted', /every recovery mode opens it/],
  ['leveldb', [], 'restate', 'open', /cannot be told/],
  ['basic-7.8', [], 'tikv', 'borne-out', /the files are whole/],
  ['basic-7.8', ['flip 000014.sst 0x20.1'], 'tikv', 'contradicted', /there is damage too: sst\//],
  ['basic-7.8', ['truncate 000014.sst 100'], 'full', 'borne-out', /1 error|2 errors/],
  ['basic-7.8', [], 'full', 'contradicted', /finds no damage/],
  ['kvrocks-race-9/db', [], 'race', 'borne-out', /^batch\/wrong-count in .* the disk is not to blame/],
  ['kvrocks-race-12/db', [], 'race', 'borne-out', /another thread was counting on/],
  ['kvrocks-master/db', [], 'race', 'open', /every key agrees with its elements/],
  ['basic-7.8', ['flip 000014.sst 0x20.1'], 'race', 'contradicted', /something else: sst\//],
  ['kvrocks-master/db', [], 'stall', 'open', /kvdoctor resp --dir/],
  ['kvrocks-master/db', [], 'replica', 'open', /kvdoctor compare/],
];

describe('what the files say to an incident', () => {
  it.each(cases)('%s %j, %s: %s', async (base, patches, name, verdict, detail) => {
    await withDatabase(base, patches, async (dir) => {
      const log = join(dir, '..', 'server.log');
      writeFileSync(log, `${logs[name]}\n`);
      const { out } = await kvdoctor(`triage --format json --dir ${dir} ${log}`);
      const [{ verified }] = JSON.parse(out).incidents;
      expect(verified).toMatchObject({ verdict, detail: expect.stringMatching(detail) });
      const text = await kvdoctor(`triage --dir ${dir} ${log}`);
      expect(text.out).toMatch(/^ {2}files {3}they (bear it out|speak against it|do not settle it): /m);
    });
  });
});
