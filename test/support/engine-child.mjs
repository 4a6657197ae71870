// Runs a script of steps against a real engine, in a process of its own: a native crash must not take the test with it,
// and `kill` must leave the directory as a killed server does.
//   node engine-child.mjs ENGINE DIR < script.json   →  one JSON line {opened, error?, results: […]}
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { shapes } from './wal-shapes.mjs';

const require = createRequire(import.meta.url);
const [engine, dir] = process.argv.slice(2);
const { options = {}, steps } = JSON.parse(fs.readFileSync(0, 'utf8'));
const results = [];

const bytes = (value) =>
  typeof value === 'string' ? Buffer.from(value) : Buffer.from(value.base64, 'base64');
const pair = ([key, value]) => [Buffer.from(key).toString('base64'), Buffer.from(value).toString('base64')];
const readable = (number, size) => `value-${number}-`.padEnd(size, 'abcdefghijklmnopqrstuvwxyz');

async function openModern() {
  const { RocksLevel } = require('@nxtedition/rocksdb');
  const db = new RocksLevel(dir, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  await db.open(options);
  const within = (column) => (column === undefined ? {} : { column: db.columns[column] });
  return {
    batch: (ops) => db.batch(ops.map(({ column, ...op }) => ({ ...op, ...within(column) }))),
    iterate: async (column) => {
      const iterator = db.iterator({ keyEncoding: 'buffer', valueEncoding: 'buffer', ...within(column) });
      const entries = [];
      for (;;) {
        const next = await iterator.next();
        if (next === undefined) break;
        entries.push(pair(next));
      }
      await iterator.close();
      return entries;
    },
    compact: async () => {
      throw new Error('this binding cannot compact');
    },
    property: (name) => db.getProperty(name),
    close: () => db.close(),
  };
}

const promised = (run) =>
  new Promise((done, failed) => run((error, value) => (error ? failed(error) : done(value))));

async function openClassic(db, compact) {
  return {
    batch: (ops) => promised((done) => db.batch(ops, done)),
    iterate: async () => {
      const iterator = db.iterator({ keyAsBuffer: true, valueAsBuffer: true });
      const entries = [];
      for (;;) {
        const next = await new Promise((done, failed) =>
          iterator.next((error, key, value) =>
            error ? failed(error) : done(key === undefined ? undefined : [key, value]),
          ),
        );
        if (next === undefined) break;
        entries.push(pair(next));
      }
      await promised((done) => iterator.end(done));
      return entries;
    },
    compact,
    property: (name) => db.getProperty(name),
    close: () => promised((done) => db.close(done)),
  };
}

async function open() {
  if (engine === 'rocksdb-9.7') return openModern();
  if (engine === 'rocksdb-6.17') {
    const db = require('rocksdb')(dir);
    await promised((done) => db.open(options, done));
    return openClassic(db, () => promised((done) => db.compactRange('\x00', '\xff', done)));
  }
  const { ClassicLevel } = require('classic-level');
  const db = new ClassicLevel(dir, { keyEncoding: 'buffer', valueEncoding: 'buffer', ...options });
  await db.open();
  return {
    batch: (ops) => db.batch(ops),
    iterate: async () => (await db.iterator().all()).map(pair),
    compact: () => db.compactRange(Buffer.from([0]), Buffer.from([255])),
    property: (name) => db.getProperty(name),
    close: () => db.close(),
  };
}

function print(report) {
  fs.writeSync(1, `${JSON.stringify(report)}\n`);
}

async function run(db, step) {
  const { op, column } = step;
  const within = column === undefined ? {} : { column };
  if (op === 'put')
    return db.batch([{ type: 'put', key: bytes(step.key), value: bytes(step.value), ...within }]);
  if (op === 'del') return db.batch([{ type: 'del', key: bytes(step.key), ...within }]);
  if (op === 'batch')
    return db.batch(
      step.ops.map((o) => ({
        type: o.type,
        key: bytes(o.key),
        ...(o.type === 'put' ? { value: bytes(o.value) } : {}),
        ...(o.column === undefined ? {} : { column: o.column }),
      })),
    );
  if (op === 'fill') {
    for (let i = step.from; i < step.to; i += step.batch ?? 1) {
      const ops = [];
      for (let j = i; j < Math.min(step.to, i + (step.batch ?? 1)); j++)
        ops.push({
          type: 'put',
          key: Buffer.from(`${step.prefix ?? 'key'}:${String(j).padStart(6, '0')}`),
          value: Buffer.from(readable(j, step.size ?? 48)),
          ...within,
        });
      await db.batch(ops);
    }
    return undefined;
  }
  if (op === 'load') {
    // Overwrites and deletions all over the key range, so that every flush gives compaction something to do.
    const end = Date.now() + step.milliseconds;
    let n = 1;
    while (Date.now() < end) {
      const ops = [];
      for (let i = 0; i < 50; i++) {
        n = (n * 48271) % 2147483647;
        const key = Buffer.from(`key:${String(n % 20000).padStart(6, '0')}`);
        ops.push(
          n % 7 === 0
            ? { type: 'del', key, ...within }
            : { type: 'put', key, value: Buffer.from(readable(n, 40 + (n % 400))), ...within },
        );
      }
      await db.batch(ops);
    }
    return undefined;
  }
  if (op === 'shape') {
    const batches = shapes[step.shape]();
    for (let written = Number.POSITIVE_INFINITY; walBytes() < step.bytes; ) {
      // the file is looked at a few hundred times, not for every small batch
      for (written = 0; written < step.bytes / 100; ) {
        const ops = batches.next().value;
        await db.batch(ops.map((each) => ({ type: 'put', ...each, ...within })));
        for (const { value } of ops) written += value.length;
      }
    }
    return undefined;
  }
  if (op === 'digest') {
    const entries = await db.iterate(column);
    const hash = createHash('sha256');
    for (const [key, value] of entries) hash.update(`${key} ${value}\n`);
    return { entries: entries.length, sha256: hash.digest('hex'), lastKey: entries.at(-1)?.[0] };
  }
  if (op === 'iterate') return db.iterate(column);
  if (op === 'compact') return db.compact();
  if (op === 'property') return db.property(step.name);
  if (op === 'sleep') return new Promise((done) => setTimeout(done, step.milliseconds));
  if (op === 'close') return db.close();
  throw new Error(`unknown step ${op}`);
}

/** Bytes of the write-ahead logs. */
function walBytes() {
  const logs = fs.readdirSync(dir).filter((name) => name.endsWith('.log'));
  return logs.reduce((sum, name) => sum + fs.statSync(path.join(dir, name)).size, 0);
}

let opened = false;
try {
  const db = await open();
  opened = true;
  for (const step of steps) {
    if (step.op === 'kill') {
      print({ opened, results });
      process.kill(process.pid, 'SIGKILL');
      await new Promise(() => {});
    }
    if (step.op === 'announce') print({ opened, results });
    else results.push((await run(db, step)) ?? null);
  }
  print({ opened, results });
  process.exit(0);
} catch (error) {
  print({ opened, error: [error.message, error.cause?.message].filter(Boolean).join(': '), results });
  process.exit(0);
}
