import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { shellWord } from '../../src/finding/shell-word.js';
import { inspectKindOf } from '../../src/inspect/inspect.js';
import { syncDirectory } from '../../src/io/sync-directory.js';
import { journalName } from '../../src/repair/leftovers.js';

/* Where Windows and macOS differ from Linux, as far as it can be told without them. */

/** What Windows takes in no name, and what it takes for a device (learn.microsoft.com, Naming Files). */
const forbidden = /[<>:"/\\|?*]|[. ]$/;
const devices = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

describe('other systems', () => {
  it('have no directory synced on Windows, which opens none', async () => {
    await expect(syncDirectory('/no/such/directory', 'win32')).resolves.toBeUndefined();
    await expect(syncDirectory('/no/such/directory', 'linux')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(syncDirectory('/no/such/directory', 'darwin')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('take the names of what kvdoctor makes', async () => {
    const made = [
      path.basename(await journalName(os.tmpdir(), new Date('2026-04-01T03:15:00.123Z'))),
      'db.repaired',
      'db.export',
      'db.damaged',
      'db.restored-2',
      'new.db.kvdoctor-partial',
    ];
    for (const name of made)
      expect([name, forbidden.test(name), devices.test(name)]).toEqual([name, false, false]);
  });

  it('know a backup meta file by a path of Windows', async () => {
    expect(await inspectKindOf('C:\\backups\\meta\\3')).toBe('backup');
    expect(await inspectKindOf('/backups/meta/3')).toBe('backup');
  });

  it('get a path of Windows as one word, in quotes that PowerShell takes', () => {
    expect(shellWord('C:\\Program Files\\db')).toBe("'C:\\Program Files\\db'");
    expect(shellWord('C:/data/db')).toBe('C:/data/db');
  });
});
