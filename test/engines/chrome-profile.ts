import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { inRepository } from '../support/repository.js';

/*
 * A Chromium profile from damage to data: a page of our own writes IndexedDB and localStorage, the browser is killed, a copy of the profile
 * is damaged in one of three ways, `repair --strategy auto` goes over it, and the browser opens it again:
 *   npm run chrome-profile
 * Prints what the page finds each time, without the repair too. Exits 0 when no repaired profile is without its data.
 */

const RECORDS = 6000;
const ITEMS = 200;
const executablePath = '/usr/bin/chromium';
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'chrome-profile-'));
const server = http.createServer((_, answer) => {
  answer.setHeader('content-type', 'text/html');
  answer.end('<!doctype html><title>data</title>');
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

interface Seen {
  records: number;
  /** Values that are not those that were written. */
  wrong: number;
  items: number;
}

/** Runs a page over a profile; `kill`: the browser goes as a killed process goes. */
async function browse<T>(profile: string, kill: boolean, body: (page: Page) => Promise<T>): Promise<T> {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    timeout: 120_000,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  context.setDefaultTimeout(180_000);
  try {
    const page = await context.newPage();
    await page.goto(origin);
    const result = await body(page);
    if (kill) {
      // the browser notes its own process in its profile, as HOST-PID
      const pid = Number(/-(\d+)$/.exec(fs.readlinkSync(path.join(profile, 'SingletonLock')))![1]);
      process.kill(pid, 'SIGKILL');
    }
    return result;
  } finally {
    await context.close().catch(() => {});
    for (const name of ['SingletonLock', 'SingletonCookie', 'SingletonSocket'])
      fs.rmSync(path.join(profile, name), { force: true });
  }
}

/** Run in the page. */
const WRITE = `(async () => {
  const db = await new Promise((resolve, reject) => {
    const opening = indexedDB.open('shop', 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore('orders', { keyPath: 'id' });
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
  for (let from = 0; from < ${RECORDS}; from += 500) {
    const writing = db.transaction('orders', 'readwrite', { durability: 'strict' });
    for (let id = from; id < from + 500; id++)
      writing.objectStore('orders').put({ id, text: 'order ' + id + ' ' + String(id * 7919).repeat(150) });
    await new Promise((resolve) => { writing.oncomplete = resolve; });
  }
  for (let i = 0; i < ${ITEMS}; i++) localStorage.setItem('item' + i, 'value ' + i);
})()`;

const READ = `(async () => {
  const db = await new Promise((resolve) => {
    const opening = indexedDB.open('shop');
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => resolve(undefined);
  });
  const items = localStorage.length;
  if (db === undefined || !db.objectStoreNames.contains('orders')) return { records: 0, wrong: 0, items };
  const all = await new Promise((resolve) => {
    const asking = db.transaction('orders').objectStore('orders').getAll();
    asking.onsuccess = () => resolve(asking.result);
    asking.onerror = () => resolve([]);
  });
  const wrong = all.filter(({ id, text }) => text !== 'order ' + id + ' ' + String(id * 7919).repeat(150)).length;
  return { records: all.length, wrong, items };
})()`;

async function write(page: Page): Promise<void> {
  await page.evaluate(WRITE);
  // the browser writes localStorage some seconds later
  await page.waitForTimeout(8000);
}

const read = (page: Page) => page.evaluate<Seen>(READ);

const fileOf = (dir: string, name: RegExp) =>
  path.join(
    dir,
    fs
      .readdirSync(dir)
      .filter((file) => name.test(file))
      .sort()[0],
  );

function change(file: string, body: (bytes: Buffer) => Buffer): void {
  fs.writeFileSync(file, body(fs.readFileSync(file)));
}

const damages: [string, (idb: string) => void][] = [
  [
    'a bad block in a table',
    (idb) => change(fileOf(idb, /\.ldb$/), (bytes) => bytes.fill(0, 20_000, 20_512)),
  ],
  ['a torn MANIFEST', (idb) => change(fileOf(idb, /^MANIFEST/), (bytes) => bytes.subarray(0, -9))],
  [
    'a damaged WAL',
    (idb) =>
      change(fileOf(idb, /\.log$/), (bytes) => bytes.fill(0x5a, bytes.length >> 1, (bytes.length >> 1) + 8)),
  ],
];

const profile = path.join(scratch, 'profile');
await browse(profile, true, write);
const whole = await browse(copyOf(profile, 'whole'), false, read);
const told = ({ records, wrong, items }: Seen) =>
  `${records} records${wrong > 0 ? ` (${wrong} of them wrong)` : ''}, ${items} items of localStorage`;
console.log(`killed and opened again: ${told(whole)}`);
let failed = whole.records !== RECORDS;

function copyOf(from: string, name: string): string {
  const to = path.join(scratch, name);
  fs.cpSync(from, to, { recursive: true, verbatimSymlinks: true });
  return to;
}

const idbOf = (dir: string) => {
  const parent = path.join(dir, 'Default', 'IndexedDB');
  return fileOf(parent, /\.indexeddb\.leveldb$/);
};

for (const [what, damage] of damages) {
  const left = copyOf(profile, 'left');
  damage(idbOf(left));
  const unrepaired = await browse(left, false, read);
  const dir = copyOf(profile, 'repaired');
  damage(idbOf(dir));
  const args = [
    inRepository('bin', 'kvdoctor.js'),
    'repair',
    '--strategy',
    'auto',
    '--in-place',
    '--yes',
    '--format',
    'json',
    idbOf(dir),
  ];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  const { plan } = JSON.parse(stdout).targets[0];
  const repaired = await browse(dir, false, read);
  console.log(
    `${what}: the browser alone ${told(unrepaired)}; after the repair (exit ${status}) ${told(repaired)}`,
  );
  for (const { file, detail } of plan.loss) console.log(`  announced as lost: ${file}: ${detail}`);
  const unproven: { file: string; detail: string }[] = plan.unproven ?? [];
  for (const { file, detail } of unproven) console.log(`  announced as not proven: ${file}: ${detail}`);
  const unannounced = repaired.wrong > 0 && unproven.length === 0;
  if (status !== 0 || repaired.records === 0 || unannounced) failed = true;
  for (const used of [left, dir]) fs.rmSync(used, { recursive: true, force: true });
}
server.close();
fs.rmSync(scratch, { recursive: true, force: true });
process.exitCode = failed ? 1 : 0;
