import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { scanTarget } from '../../src/scan/scan.js';
import { withDatabase } from '../support/database.js';
import { typed } from '../support/journey.js';

/* `kvdoctor export --backup ID`: what a scan of a damaged backup directory names as the next step. */

describe('a damaged backup directory', () => {
  it('names the newest backup that is whole, and the command gives it as a database', () =>
    withDatabase('backup-7.8', ['truncate private/2/MANIFEST-000005 100'], async (dir) => {
      const scanned = await typed(`kvdoctor scan ${dir}`);
      const next = scanned.printed.at(-1)!;
      expect(scanned.text).toContain('can be restored: 1; newest: 1; damaged: 2');
      expect(next).toEqual({
        label: 'next',
        line: `kvdoctor export --backup 1 --output ${dir}.restored-1 ${dir}`,
      });
      const restored = await typed(next.line);
      expect(restored).toMatchObject({ status: 0 });
      expect(restored.printed.at(-1)?.line).toBe(`kvdoctor scan ${dir}.restored-1`);
      const { findings, kind, files } = await scanTarget(`${dir}.restored-1`, {});
      expect({ findings, kind }).toEqual({ findings: [], kind: 'checkpoint' });
      expect(files.map((file) => path.basename(file.path))).toContain('CURRENT');
    }));

  it('is not restored where a file differs from its record, which leads to what can be read', () =>
    withDatabase('backup-7.8', ['flip private/1/MANIFEST-000005 0x20.1'], async (dir) => {
      const { status, text, printed } = await typed(`kvdoctor export --backup 1 --output ${dir}.new ${dir}`);
      expect(status).toBe(5);
      expect(text).toContain('does not match the checksum that it had when it was backed up');
      expect(printed.at(-1)?.line).toBe(
        `kvdoctor export --lenient --backup 1 --output ${dir}.restored-1 ${dir}`,
      );
      expect(await typed(printed.at(-1)!.line)).not.toMatchObject({ status: 2 });
    }));

  it('is not repaired, and that leads to the newest one that is whole, too', () =>
    withDatabase('backup-7.8', ['truncate private/2/MANIFEST-000005 100'], async (dir) => {
      const { status, text, printed } = await typed(`kvdoctor repair --strategy auto --dry-run ${dir}`);
      expect({ status, refused: text.includes('kvdoctor refuses: a RocksDB backup directory') }).toEqual({
        status: 5,
        refused: true,
      });
      expect(printed.at(-1)?.line).toBe(`kvdoctor export --backup 1 --output ${dir}.restored-1 ${dir}`);
      expect(await typed(printed.at(-1)!.line)).toMatchObject({ status: 0 });
    }));

  it('is asked which backup is meant', () =>
    withDatabase('backup-7.8', [], async (dir) => {
      const { status, text } = await typed(`kvdoctor export --output ${dir}.new ${dir}`);
      expect({ status, text: text.includes('--backup ID') }).toEqual({ status: 2, text: true });
      expect(await typed(`kvdoctor export --backup 9 --output ${dir}.new ${dir}`)).toMatchObject({
        status: 2,
      });
    }));
});
