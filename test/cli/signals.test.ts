import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { batch, FIRST, operation, withLog } from '../../bench/limits-inputs.js';
import { fakeHost, kvdoctor } from './host.js';

const RECORDS = 10_000;
const OPERATIONS = 200;
const PUT = 1;

let folder: string;
let target: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kvdoctor-signals-'));
  target = join(folder, 'db');
  withLog(target, function* () {
    const operations = Buffer.concat(
      Array.from({ length: OPERATIONS }, (_, i) => operation(PUT, `k${i}`, new Uint8Array(0))),
    );
    for (let i = 0; i < RECORDS; i++) yield batch(FIRST + i * OPERATIONS, OPERATIONS, operations);
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Processor time that this process has had, in seconds: the machine may have much else to do. */
function processor(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

it.each([
  ['scan --jobs 1', ''],
  ['simulate', '--digest'],
  ['find', '--key k1'],
  ['export', '--output OUT.ndjson'],
])('%s ends within a second of Ctrl-C', async (command, flags) => {
  const host = fakeHost();
  let asked = Number.NaN;
  const { onInterrupt } = host;
  host.onInterrupt = (handler) => {
    setTimeout(() => {
      asked = processor();
      host.interrupt();
    }, 100);
    return onInterrupt(handler);
  };
  const line = `${command} ${target} ${flags.replace('OUT', join(folder, 'out'))} --no-progress`;
  const { status, err } = await kvdoctor(line, host);
  expect(err).not.toContain('internal error');
  expect(status).toBe(130);
  expect(processor() - asked).toBeLessThan(1);
});
