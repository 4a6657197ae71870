import fs from 'node:fs';
import path from 'node:path';
import { encodeLogRecords } from '../../src/encode/log/writer.js';
import { encodeVersionEdit } from '../../src/encode/manifest/edit.js';
import type { VersionEdit } from '../../src/format/manifest/edit.js';
import { replayManifest } from '../../src/format/manifest/replay.js';
import { memorySource } from '../../src/io/source.js';
import type { RepairMethod } from '../../src/repair/method.js';
import { repairTarget } from '../../src/repair/run.js';
import { simulateTarget } from '../../src/repair/simulate-target.js';

/** Repairs a Pebble directory in place. */
export const repaired = (dir: string, way: RepairMethod = { strategy: 'auto' }) =>
  repairTarget(
    dir,
    { way, destination: { kind: 'in-place' }, stopped: true, jobs: 1, tool: 'test' },
    { confirm: async () => true },
  );

/** Keys that Pebble would show, and a hash of them. */
export async function shown(dir: string): Promise<string> {
  const { recovery = [] } = await simulateTarget(dir, { digest: true });
  const family = recovery[0].columnFamilies?.[0];
  return recovery[0].opens ? `${family?.entries} ${family?.fnv1a64}` : `refused: ${recovery[0].error}`;
}

/** Writes the MANIFEST with the highest number anew, with edits that have been changed; the others stay as they are, byte for byte. */
export async function rewriteManifest(dir: string, change: (edits: VersionEdit[]) => void): Promise<void> {
  const names = fs.readdirSync(dir).filter((name) => /^MANIFEST/.test(name));
  const file = path.join(dir, names.sort().at(-1)!);
  const edits: VersionEdit[] = [];
  const stored = new Map<VersionEdit, { bytes: Uint8Array; encoded: Uint8Array }>();
  await replayManifest(memorySource(fs.readFileSync(file)), {
    dialect: 'pebble',
    onEdit({ edit }, { payload }) {
      edits.push(edit);
      stored.set(edit, { bytes: payload.slice(), encoded: encodeVersionEdit(edit) });
    },
  });
  change(edits);
  const records = edits.map((edit) => {
    const bytes = encodeVersionEdit(edit);
    const before = stored.get(edit);
    return before !== undefined && Buffer.compare(before.encoded, bytes) === 0 ? before.bytes : bytes;
  });
  fs.writeFileSync(file, encodeLogRecords(records));
}
