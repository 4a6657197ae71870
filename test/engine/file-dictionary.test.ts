import { createCipheriv, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFileDictionary } from '../../src/format/file-dictionary.js';
import { repairTarget } from '../../src/repair/run.js';
import { simulateTarget } from '../../src/repair/simulate-target.js';
import { scanTarget } from '../../src/scan/scan.js';
import { withDatabase } from '../support/database.js';

/* file.dict as TiKV writes it, of both versions, and files that AES-256-CTR has encrypted. */

const number = (field: number, value: number) => Buffer.from([field << 3, value]);
const bytes = (field: number, content: Uint8Array) => {
  const length =
    content.length < 128 ? [content.length] : [(content.length & 127) | 128, content.length >> 7];
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...length]), content]);
};
const info = (method: number, key: number) =>
  Buffer.concat([number(1, method), number(2, key), bytes(3, Buffer.alloc(16, 7))]);
const entry = (name: string, method: number, key = 5) =>
  bytes(1, Buffer.concat([bytes(1, Buffer.from(name)), bytes(2, info(method, key))]));

function header(version: number, content: Uint8Array): Buffer {
  const head = Buffer.alloc(16);
  head[0] = version;
  head.writeUInt32BE(crc32(content), 4);
  head.writeBigUInt64BE(BigInt(content.length), 8);
  return Buffer.concat([head, content]);
}

function record(kind: 1 | 2, name: string, content: Uint8Array = new Uint8Array(0)): Buffer {
  const head = Buffer.alloc(9);
  const all = Buffer.concat([Buffer.from(name), content]);
  head.writeUInt32BE(crc32(all), 0);
  head.writeUInt16BE(Buffer.byteLength(name), 4);
  head.writeUInt16BE(content.length, 6);
  head[8] = kind;
  return Buffer.concat([head, all]);
}

const version1 = (...entries: Buffer[]) =>
  header(
    1,
    Buffer.concat([
      bytes(1, Buffer.from('\n\u0006method\u0012\u0009plaintext')),
      bytes(2, Buffer.concat(entries)),
    ]),
  );

/** Encrypts files in place; returns the entries that TiKV has of them. */
function encrypt(dir: string, names: readonly string[]): Buffer[] {
  return names.map((name) => {
    const file = path.join(dir, name);
    const cipher = createCipheriv('aes-256-ctr', randomBytes(32), randomBytes(16));
    fs.writeFileSync(file, cipher.update(fs.readFileSync(file)));
    return entry(`/data/${path.basename(dir)}/${name}`, 4);
  });
}

const dataFiles = (dir: string) =>
  fs.readdirSync(dir).filter((name) => /^(?:MANIFEST|OPTIONS)|\.(?:sst|log)$/.test(name));

describe('file.dict', () => {
  it('is read in both versions, with the records after it', () => {
    const first = decodeFileDictionary(version1(entry('/a/db/1.sst', 4), entry('/a/db/2.sst', 1)));
    expect(first).toMatchObject({ version: 1, names: 2 });
    expect([...first.encrypted]).toEqual([['/a/db/1.sst', { method: 'AES-256-CTR', keyId: 5n }]]);
    const second = decodeFileDictionary(
      Buffer.concat([
        header(2, entry('/a/db/1.sst', 4)),
        record(1, '/a/db/3.sst', info(5, 9)),
        record(2, '/a/db/1.sst'),
      ]),
    );
    expect(second.error).toBeUndefined();
    expect([...second.encrypted]).toEqual([['/a/db/3.sst', { method: 'SM4-CTR', keyId: 9n }]]);
  });

  it('that is damaged says where, and never throws', () => {
    const whole = Buffer.concat([header(2, entry('/a/db/1.sst', 4)), record(1, '/a/db/3.sst', info(2, 9))]);
    expect(decodeFileDictionary(whole).error).toBeUndefined();
    for (let length = 0; length < whole.length; length++) {
      const cut = decodeFileDictionary(whole.subarray(0, length));
      expect(cut.error === undefined).toBe(
        length === whole.length - record(1, '/a/db/3.sst', info(2, 9)).length,
      );
    }
    for (let at = 4; at < whole.length; at++) {
      const bad = Buffer.from(whole);
      bad[at] ^= 0x10;
      expect(decodeFileDictionary(bad).error, `byte ${at}`).toBeDefined();
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => void decodeFileDictionary(noise)));
  });

  it('tells how the files of a store are encrypted, and of which it has no entry', () =>
    withDatabase('basic-7.8', [], async (dir) => {
      const names = dataFiles(dir);
      const entries = encrypt(dir, names);
      const dictionary = path.join(dir, '..', 'file.dict');
      const reason = async () => {
        const { findings, unchecked } = await scanTarget(dir, { jobs: 1 });
        expect(findings).toEqual([]);
        return unchecked.map((each) => each.reason).join();
      };
      fs.writeFileSync(dictionary, version1(...entries));
      expect(await reason()).toContain(`${names.length} by AES-256-CTR, with 1 key`);
      fs.writeFileSync(dictionary, header(2, Buffer.concat(entries.slice(1))));
      expect(await reason()).toContain(`it has no entry for 1 (${names[0]})`);
      fs.writeFileSync(dictionary, version1(...entries).fill(0, 40, 44));
      expect(await reason()).toContain('file.dict itself is damaged: it does not match its checksum');
    }));

  it('keeps encrypted tables of a store whose metadata is not from being called damaged', () =>
    withDatabase('basic-7.8', [], async (dir) => {
      const [table] = fs.readdirSync(dir).filter((name) => name.endsWith('.sst'));
      const entries = encrypt(dir, [table]);
      const others = fs.readdirSync(dir).filter((name) => name.endsWith('.sst') && name !== table);
      // an entry that was not removed, of a name that was used again
      const stale = others.map((name) => entry(`/data/${path.basename(dir)}/${name}`, 4));
      fs.writeFileSync(path.join(dir, '..', 'file.dict'), header(2, Buffer.concat([...entries, ...stale])));
      const { findings, unchecked } = await scanTarget(dir, { jobs: 1 });
      expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
      expect(unchecked.map(({ file }) => file)).toEqual([table]);
    }));

  it.each(['.sst', '.log'])(
    'keeps a simulation and a repair from taking an encrypted %s for damaged',
    (ending) =>
      withDatabase('basic-7.8', [], async (dir) => {
        const [file] = fs.readdirSync(dir).filter((name) => name.endsWith(ending));
        fs.writeFileSync(path.join(dir, '..', 'file.dict'), header(2, Buffer.concat(encrypt(dir, [file]))));
        const simulated = await simulateTarget(dir);
        expect(simulated.unchecked.map((each) => each.file)).toEqual([file]);
        expect(simulated.recovery).toBeUndefined();
        for (const way of [
          { strategy: 'auto', onLostTombstones: 'keep-hidden' },
          { mode: 'point-in-time' },
        ] as const) {
          const { repair, plan } = await repairTarget(
            dir,
            { way, destination: { kind: 'dry-run' }, tool: 'test' },
            { confirm: async () => true },
          );
          expect(plan).toBeUndefined();
          expect(repair).toMatchObject({ state: 'refused', reason: expect.stringContaining(file) });
        }
      }),
  );
});
