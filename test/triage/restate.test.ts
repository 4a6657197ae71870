import { existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { LogTriage } from '../../src/triage/triage.js';
import { kvdoctor } from '../cli/host.js';
import { withDatabase } from '../support/database.js';
import { inRepository } from '../support/repository.js';

const logs = inRepository('..', 'shared', 'corpus', 'real', 'restate');

// lines as servers of 1.7.12 print them: time, level and module on one line, the message and its fields below

const start = [
  '2026-11-28T17:31:53.504202Z INFO restate_server',
  '  Starting Restate Server 1.7.12 (577e032 x86_64-unknown-linux-musl 2026-09-22)',
  '    base_dir: e/srv/node1/',
  'on main',
  '2026-11-28T17:31:53.528185Z ERROR octocrab',
  '  failed with error client error (Connect)',
  'on rs:worker-1',
];
const works = ['2026-11-28T17:31:59.745864Z INFO restate_core::network::net_util', '  Server listening'];
const stops = (reason: string) => [
  '2026-11-28T17:31:59.892291Z ERROR restate_worker::partition_processor_manager',
  '  Partition processor exited unexpectedly, will retry after 2s',
  '    partition_id: 0',
  `    err: ${reason}`,
];
const gone =
  'open failed due to rocksdb error: Corruption: Corruption: IO error: No such file or directory: While open a file for random read: e/srv/node1/db/000027.sst: No such file or directory  The file e/srv/node1/db/MANIFEST-000021 may be corrupted.';
const flipped =
  'generic storage error: Corruption: block checksum mismatch: stored(context removed) = 3375748327, computed = 2095772108, type = 4  in e/srv/node1/db/000041.sst offset 27824 size 27460, block_type = Data';
const blocked = [
  '2026-11-28T17:20:11.266529Z ERROR restate_worker::partition_processor_manager',
  "  Partition processor start error: partition is blocked; restate-server cannot perform data migration. reason='Cannot upgrade from version <1.5 directly to 1.6 or later.'",
];

function triaged(...lines: string[]) {
  const triage = new LogTriage();
  triage.add(Buffer.from(`${lines.join('\n')}\n`));
  const { sightings, incidents } = triage.end();
  return {
    sightings: sightings.map(({ symptom }) => symptom.id),
    incidents: incidents.map(({ id }) => id),
  };
}

describe('the log of a Restate server', () => {
  it('that works shows nothing', () => {
    expect(triaged(...start, ...works)).toEqual({ sightings: [], incidents: [] });
  });

  it('that ends after its start is of one that ended in silence', () => {
    expect(triaged(...start)).toEqual({ sightings: [], incidents: ['restate-silent-start'] });
    expect(triaged(...start, ...works, ...start).incidents).toEqual(['restate-silent-start']);
    const said =
      '    error: building log-server failed: failed building log server: Corruption: checksum mismatch';
    expect(triaged(...start, said)).toMatchObject({ incidents: [] });
  });

  it('says of a damaged partition store that it is built again', () => {
    for (const reason of [gone, flipped])
      expect(triaged(...start, ...works, ...stops(reason)).incidents).toEqual(['restate-partition-store']);
    expect(triaged(...start, ...works, ...blocked).incidents).toEqual(['restate-partition-store']);
    expect(triaged(...start, ...works, ...stops('timeout')).incidents).toEqual([]);
  });
});

describe('a node of Restate', () => {
  it('bears out that its partition store is built again from the log beside it', () =>
    withDatabase('restate-1.7', [], async (node) => {
      const { out } = await kvdoctor(
        `triage --format json --dir ${path.join(node, 'db')} ${path.join(node, 'server.log')}`,
      );
      const [{ id, verified }] = JSON.parse(out).incidents;
      expect(id).toBe('restate-partition-store');
      expect(verified.verdict).toBe('borne-out');
      expect(verified.detail).toContain('has every record from the first on');
    }));

  it('bears out that its log server lost the marker', () =>
    withDatabase('restate-1.7', [], async (node) => {
      const store = path.join(node, 'log-store');
      rmSync(path.join(store, '000008.sst'));
      await kvdoctor(`repair --strategy auto --in-place --stopped --yes ${store}`);
      const log = path.join(node, 'server.log');
      writeFileSync(
        log,
        'Detected data loss for log-server of my node N1. The log-server marker is missing, storage-state was read-write\n',
      );
      const { out } = await kvdoctor(`triage --dir ${store} ${log}`);
      expect(out).toContain('error restate-marker-missing');
      expect(out).toContain('kvdoctor scan --application');
    }));
});

describe.skipIf(!existsSync(logs))('a real node', () => {
  const said: Record<string, string[]> = {
    'DL2-flip': ['restate-log-server', 'checksum-mismatch'],
    'DM1-torn': ['restate-fenced'],
    'DM2-flip': ['restate-metadata-store', 'checksum-mismatch'],
    'DP2-gone': ['restate-partition-stops', 'table-missing'],
    'P1-db-sst-flip': ['restate-partition-stops', 'block-checksum'],
    'P2-partition-blocked-after-auto': ['restate-partition-blocked'],
    'log-marker-gone': ['restate-marker-missing'],
  };
  it.each(Object.entries(said))('whose log is server-log-%s.txt', async (name, symptoms) => {
    const { out } = await kvdoctor(`triage --format json ${path.join(logs, `server-log-${name}.txt`)}`);
    const ids = JSON.parse(out).symptoms.map(({ id }: { id: string }) => id);
    expect(ids).toEqual(expect.arrayContaining(symptoms));
  });
});
