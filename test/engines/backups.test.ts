import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rocksdbMissing } from '../support/compile.js';
import { damageKinds, dice } from './backup-damage.js';
import {
  type BaseDirectory,
  bases,
  compareBackups,
  difference,
  isWhole,
  killBackups,
  makeBases,
} from './backups.js';

/*
 * Every verdict on a backup against BackupEngine. By default each kind of damage once on two layouts;
 * `npm run compare:backups` takes 584 directories of all layouts and kills 40 processes.
 */
const directories = Number(process.env.KVDOCTOR_BACKUPS ?? 0);
const kills = Number(process.env.KVDOCTOR_KILLS ?? 2);
const layouts = directories > 0 ? bases : ['backups=3 families', 'backups=3 shared reopen'];
const count = directories > 0 ? directories : layouts.length * damageKinds.length;
const HOUR = 3_600_000;

const missing = rocksdbMissing();
if (missing !== undefined) console.log(`skipped: ${missing}`);

describe.skipIf(missing !== undefined)('BackupEngine and a scan', () => {
  const parent = fs.mkdtempSync(path.join(os.tmpdir(), 'kvdoctor-backups-'));
  afterAll(() => fs.rmSync(parent, { recursive: true }));
  let made: BaseDirectory[] = [];
  beforeAll(async () => {
    made = await makeBases(parent, 1, layouts);
  }, HOUR);

  it('agree on what is not damaged', () => {
    for (const { words, truth } of made)
      for (const [id, word] of Object.entries(truth.backups))
        expect([words, id, isWhole(word)]).toEqual([words, id, true]);
  });

  it(
    'agree on healthy backups of databases that are odd',
    async () => {
      const odd = ['backups=3 txn', 'backups=3 txn written-prepared', 'backups=3 busy flush nologs'];
      const healthy = await makeBases(path.join(parent, 'odd'), 9, odd);
      for (const { name, restorable, rules } of await compareBackups(parent, healthy, healthy.length))
        expect({ name, restorable, warned: rules.filter((rule) => !rule.startsWith('note')) }).toEqual({
          name,
          restorable: true,
          warned: [],
        });
    },
    HOUR,
  );

  it(
    `agree on ${count} damaged directories`,
    async () => {
      const compared = await compareBackups(parent, made, count);
      const differences = compared.map((each) => ({ each, why: difference(each) }));
      const unexplained = differences.filter(({ why }) => why === 'unexplained');
      const lines = unexplained.map(({ each: { name, word, verdict, rules } }) => ({
        name,
        word,
        verdict,
        rules,
      }));
      expect(lines).toEqual([]);
      const healthy = compared.filter(({ kind }) => kind === 'healthy');
      expect(healthy.filter(({ restorable }) => !restorable)).toEqual([]);
      expect(healthy.flatMap(({ rules }) => rules.filter((rule) => !rule.startsWith('note')))).toEqual([]);
      if (directories === 0) return;
      const right = differences.filter(({ why }) => why === undefined).length;
      const verified = compared.filter(
        ({ word, same }) => (word?.checksums === 'OK') === (isWhole(word) && same),
      ).length;
      console.log(
        `${count} directories, ${compared.length} backups: ${right} verdicts as the engine's, ${compared.length - right} explained; ` +
          `VerifyBackup with checksums alone is right about ${verified}`,
      );
      for (const { each, why } of differences.filter(({ why: reason }) => reason !== undefined))
        console.log(`${why}: ${each.name}`);
    },
    HOUR,
  );

  it(
    `give one answer after ${kills} kills`,
    async () => {
      const killed = await killBackups(parent, kills, dice(kills));
      for (const { name, engine, report, status, statusOfOne, id } of killed) {
        const known = Object.entries(engine.backups)
          .filter(([, word]) => isWhole(word))
          .map(([each]) => Number(each));
        expect({ name, corrupt: engine.corrupt, restorable: report.restorable, status }).toEqual({
          name,
          corrupt: [],
          restorable: known,
          status: 0,
        });
        const others = (report.backups ?? []).filter((backup) => !known.includes(backup.id));
        expect(others.map(({ verdict }) => verdict)).toEqual(others.map(() => 'unfinished'));
        expect({ name, statusOfOne }).toEqual({ name, statusOfOne: known.includes(id) ? 0 : 3 });
      }
      if (directories === 0) return;
      for (const { name, report } of killed)
        console.log(
          `${name}: ${report.backups?.map((backup) => `${backup.id} ${backup.verdict}`).join(', ')}`,
        );
    },
    HOUR,
  );
});
