import { expect, test } from 'vitest';
import { landAt } from '../../src/inspect/at.js';
import { inspectBytes } from '../../src/inspect/inspect.js';
import type { Detail } from '../../src/inspect/node.js';
import { plainPalette } from '../../src/report/reporter.js';
import { treeText } from '../../src/report/text/tree.js';
import { treeJson } from '../../src/report/tree-json.js';
import { mutate } from '../mutation/mutate.js';
import { Random } from '../mutation/random.js';
import { allSubjects, type Subject } from '../mutation/subjects.js';
import { type Collected, collect, every, kindOf } from './collect.js';

/** More with MUTATIONS=…; each is its own seed. */
const COUNT = Number(process.env.MUTATIONS ?? 120);
const FROM = Number(process.env.MUTATIONS_FROM ?? 0);
/** Longer than this is a hang. */
const SECONDS = 10;

/** Nodes that claim bytes which are not there. */
function misplaced(root: Collected, size: number): Collected[] {
  return [...every(root)].filter(({ inFile = [], offset = 0, length = 0 }) => {
    const outside = inFile.some((range) => range.offset < 0 || range.offset + range.length > size);
    return outside || offset < 0 || length < 0 || !Number.isSafeInteger(offset + length);
  });
}

async function look(file: string, bytes: Uint8Array, random: Random): Promise<void> {
  const kind = kindOf(file)!;
  const all: Detail = { records: true, entries: true };
  const whole = await inspectBytes(bytes, kind, all, file);
  const root = await collect(whole.root);
  expect(misplaced(root, bytes.length)).toEqual([]);

  const settings = {
    width: 90,
    palette: plainPalette,
    size: bytes.length,
    hex: random.chance(0.5),
    full: false,
  };
  const shown = await inspectBytes(bytes, kind, random.pick([all, { limit: 3 }, { properties: true }]), file);
  for await (const piece of treeText(shown.root, settings)) {
    if (/undefined|NaN|\[object/.test(piece)) throw new Error(`it says: ${piece}`);
  }
  const told = await inspectBytes(bytes, kind, all, file);
  let json = '';
  for await (const piece of treeJson(told.root, {})) json += piece;
  JSON.parse(json);

  if (bytes.length === 0) return;
  const offset = random.below(bytes.length);
  const near = await inspectBytes(bytes, kind, { ...all, near: offset }, file);
  expect(await landAt(near.root, { offset }, near.source, async (way) => void (await collect(way)))).toBe(
    true,
  );
}

test(`${COUNT} random mutations: no exception, no hang, nothing outside the file`, async () => {
  const subjects: Subject[] = (await allSubjects()).filter(({ file }) => kindOf(file));
  const failures: string[] = [];
  for (let index = FROM; index < FROM + COUNT; index++) {
    const random = new Random(7_000_001 + index);
    const { base, file, healthy, layout } = random.pick(subjects);
    const { bytes, patches } = await mutate(healthy, layout, random);
    const started = process.cpuUsage();
    const said = await look(file, bytes, random).then(
      () => '',
      (error) => String(error.stack).slice(0, 400),
    );
    // of the processor: a busy machine decides nothing
    const { user, system } = process.cpuUsage(started);
    const seconds = (user + system) / 1e6;
    if (said !== '' || seconds > SECONDS)
      failures.push(
        `${index} ${base} ${file} ${patches.join('; ').slice(0, 200)} ${seconds.toFixed(1)} s ${said}`,
      );
  }
  expect(failures).toEqual([]);
});
