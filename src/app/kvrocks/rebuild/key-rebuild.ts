import type { BatchOpInput } from '../../../encode/batch/encode.js';
import type { RuleId } from '../../../finding/catalog.js';
import type { View } from '../../../lsm/view.js';
import type { IncoherentKey, IncoherentKeys, KeyRebuild, RebuildOptions } from '../../rebuild.js';
import { redisCommand } from '../../redis/word.js';
import { examineKvrocks } from '../check/examine.js';
import { idOf, KeyElements } from '../check/key-elements.js';
import { keyEvidence } from '../check/metadata-check.js';
import { decodeUserKey } from '../key.js';
import type { KvrocksLayout } from '../layout.js';
import { valueTypes } from '../metadata.js';
import { type BrokenKey, brokenKeys } from './broken-keys.js';
import { reasonNotToEmit, rebuildingKey } from './commands.js';
import { rebuildable, rebuildKey } from './rebuild.js';

/** Rules that a rebuilt key may still break. */
const KEPT_BROKEN: ReadonlySet<RuleId> = new Set<RuleId>(['kvrocks/wrong-family', 'kvrocks/stream-groups']);

/** Makes keys of Kvrocks coherent from the elements that are there: sizes, ends of lists, score indexes. */
export function kvrocksRebuild(layout: KvrocksLayout): KeyRebuild {
  return {
    rules: rebuildable,
    incoherent: (view) => incoherentKeys(view, layout),
    orphans: (view, budget, drop) => dropOrphans(view, layout, budget, drop),
  };
}

async function incoherentKeys(view: View, layout: KvrocksLayout): Promise<IncoherentKeys> {
  const { keys, more, others } = await brokenKeys(view, layout);
  const ended = others.find(({ rule }) => rule === 'kvrocks/check-ended');
  return {
    keys: keys.map((key) => incoherentKey(key, view, layout)),
    more,
    ...(ended && { unread: ended.message }),
  };
}

function incoherentKey(broken: BrokenKey, view: View, layout: KvrocksLayout): IncoherentKey {
  const { metadataKey, faults } = broken;
  const rules = [...new Set(faults.map(({ rule }) => rule))];
  const mustKeep = rules.find((rule) => !KEPT_BROKEN.has(rule));
  const named = keyEvidence(decodeUserKey(metadataKey, layout.slots)!);
  const elementsOf = () => KeyElements.find(view, layout, metadataKey);
  return {
    id: Buffer.from(metadataKey).toString('base64'),
    named,
    rules,
    ...(mustKeep && { mustKeep }),
    async rebuild(options: RebuildOptions) {
      const elements = await elementsOf();
      const type = elements && { type: valueTypes[elements.metadata.type] };
      return { facts: { ...named, ...type, rules }, result: await rebuildKey(broken, elements, options) };
    },
    async commands(options: RebuildOptions) {
      const elements = await elementsOf();
      const left = await reasonNotToEmit(broken, elements, options);
      if (left !== undefined) return left;
      return elements === undefined ? { reason: 'it is not there' } : { lines: commandLines(elements) };
    },
  };
}

async function* commandLines(elements: KeyElements): AsyncGenerator<string> {
  for await (const words of rebuildingKey(elements)) yield redisCommand(words);
}

async function dropOrphans(
  view: View,
  layout: KvrocksLayout,
  budget: number,
  drop: (op: BatchOpInput) => void,
): Promise<void> {
  const orphan = (family: 'default' | 'zset_score' | 'stream', key: Uint8Array) =>
    drop({ kind: 'delete', columnFamily: idOf(layout, family)!, key: key.slice() });
  await examineKvrocks(view, layout, () => {}, { now: Date.now(), budget, orphan });
}
