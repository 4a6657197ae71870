import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { withDatabase } from '../support/database.js';
import { journey, type Step } from '../support/journey.js';

/* What a person sees on the whole way, at a terminal of 80 and of 120 columns: `vitest run --update` writes it anew. */

/** Journeys by the damage that they begin with. */
const ways: Record<string, { base: string; patches: string[] }> = {
  'flipped-bit-in-a-wal': { base: 'basic-7.8', patches: ['flip 000019.log 0x60.3'] },
  'missing-table': { base: 'basic-7.8', patches: ['remove 000014.sst'] },
  'zeroed-table-block': { base: 'basic-7.8', patches: ['zero 000014.sst 0x200 512'] },
  'torn-wal-before-others': { base: 'wal-large-7.8', patches: ['truncate 000010.log 5000'] },
  'missing-wal': { base: 'wal-recycled-11.9', patches: ['remove 000023.log'] },
  'exchanged-wals': { base: 'wal-large-7.8', patches: ['swap 000010.log 000012.log'] },
  'damaged-manifest': { base: 'basic-7.8', patches: ['zero MANIFEST-000005 300 60'] },
  'empty-current': { base: 'basic-7.8', patches: ['truncate CURRENT 0'] },
  'two-kinds-of-damage': {
    base: 'leveldb',
    patches: ['zero 000005.ldb 100 100', 'flip 000004.log 300.2'],
  },
  'short-batch': { base: 'kvrocks-race-10/db', patches: [] },
  'damaged-backup': { base: 'backup-7.8', patches: ['truncate private/2/MANIFEST-000005 100'] },
};

/** The screens without what differs from run to run; the directory has a name of one length, as lines are wrapped by it. */
function screens(steps: readonly Step[], parent: string): string {
  return steps
    .map(({ line, out, status }) => `$ ${line}\n${out.trimEnd()}\n[exit status ${status}]\n`)
    .join('\n')
    .replaceAll(parent, '/tmp/kvdoctor-XXXXXX')
    .replaceAll(/\b\d+(\.\d+)? (ms|s)\b/g, 'N s');
}

describe.skipIf(process.platform === 'win32')('the whole way', () => {
  for (const columns of [80, 120])
    it.each(Object.entries(ways))(`of %s at ${columns} columns`, (name, { base, patches }) =>
      withDatabase(base, patches, async (dir) => {
        const parent = mkdtempSync('/tmp/kvdoctor-');
        try {
          const placed = path.join(parent, 'db');
          cpSync(dir, placed, { recursive: true });
          const steps = await journey(`kvdoctor scan ${placed}`, { columns });
          await expect(screens(steps, parent)).toMatchFileSnapshot(`golden/${name}-${columns}.txt`);
        } finally {
          rmSync(parent, { recursive: true });
        }
      }),
    );
});
