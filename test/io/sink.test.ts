import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFile } from '../../src/io/sink.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kvdoctor-sink-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('a file that a command was asked to write', () => {
  it('appears under its name when it is whole', async () => {
    const path = join(dir, 'report.json');
    const file = await createFile(path);
    await file.write('{');
    expect(existsSync(path)).toBe(false);
    await file.write('}');
    await file.commit();
    expect(readFileSync(path, 'utf8')).toBe('{}');
    expect(readdirSync(dir)).toEqual(['report.json']);
  });

  it('leaves the old one as it was when it is abandoned', async () => {
    const path = join(dir, 'report.json');
    writeFileSync(path, 'old');
    const file = await createFile(path);
    await file.write('half');
    await file.abandon();
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(dir)).toEqual(['report.json']);
  });

  it('never replaces a device', async () => {
    const file = await createFile('/dev/null');
    await file.write('gone');
    await file.commit();
    await expect(createFile(dir)).rejects.toMatchObject({ code: 'EISDIR' });
  });
});
