import { type CommandLine, keyInWords, toCommandLines } from '../app/command-lines.js';
import type { Profile } from '../app/profile.js';
import type { ByteSource } from '../bytes/source.js';
import type { WalFacts } from '../check/unit.js';
import type { Database } from '../engine/database.js';
import type { EvidenceValue, KeyBytes } from '../finding/evidence.js';
import type { Finding, Impact } from '../finding/finding.js';
import { FlippedSource } from './flipped-source.js';
import { ownerOf, userKey } from './live-tables.js';
import { type TornOperations, tornOperations } from './torn-operations.js';
import { logicalRecordAt } from './wal-record.js';

/** Lines of one finding about a batch or a range of keys, in the words of the application that the database belongs to. */
const RANGE_LINES = 20;

/** What the damaged batches of one WAL did: sets `impact.commands` of findings that are about a batch. */
export async function nameCommands(
  findings: readonly Finding[],
  source: ByteSource,
  facts: WalFacts,
  profile: Profile,
): Promise<void> {
  for (const finding of findings) {
    if (!isAboutBatch(finding)) continue;
    const ops = await operationsOf(finding, source, facts);
    const words = ops && profile.batchWords(ops.before);
    if (ops === undefined || words === undefined) continue;
    const behind = ops.behind.length === 0 ? undefined : profile.batchWords(ops.behind);
    const [before, after] = [toCommandLines(words), behind && toCommandLines(behind)];
    const commands: CommandLine[] = [
      ...before.first,
      ...(after?.first ?? []).map((line): CommandLine => ({ ...line, behindDamage: true })),
    ];
    if (commands.length === 0) continue;
    const left = before.count + (after?.count ?? 0) - commands.length;
    finding.impact = { ...finding.impact, commands, ...(left > 0 && { commandsLeftOut: left }) };
  }
}

/** The bytes of the batch are known: as they are, or with the bits put back that the cause names. */
function isAboutBatch({ rule, impact }: Finding): boolean {
  return impact?.operations !== undefined && (rule.startsWith('batch/') || rule.startsWith('wal/'));
}

/** The operations of the batch that a finding is about. */
async function operationsOf(
  { offset, evidence, cause }: Finding,
  source: ByteSource,
  facts: WalFacts,
): Promise<TornOperations | undefined> {
  if (offset === undefined) return undefined;
  const begin = typeof evidence.recordOffset === 'number' ? Math.min(evidence.recordOffset, offset) : offset;
  const record = await logicalRecordAt(new FlippedSource(source, cause?.changes ?? []), facts, begin);
  return (
    record && tornOperations(record.bytes, new Set(facts.columnFamilies.map(({ id }) => id)), facts.dialect)
  );
}

const KEYS = ['keysFrom', 'keysTo', 'keysAfter', 'keysUpTo'] as const;

/** Which of the application's things the lost keys are: sets `text` of the keys in impacts, and `impact.hits`. */
export function nameKeys(finding: Finding, database: Database, profile: Profile): void {
  const { impact } = finding;
  const { version } = database;
  if (impact === undefined || impact.hits !== undefined || version === undefined) return;
  const owner = ownerOf(finding.file, version);
  const named = [...version.columnFamilies.values()].find(({ name }) => name === impact.columnFamily);
  const family = owner?.family ?? named;
  if (family === undefined) return;
  const keys: Partial<Record<(typeof KEYS)[number], KeyBytes>> = {};
  for (const name of KEYS) {
    const key = asKey(impact[name]);
    if (key !== undefined) keys[name] = keyInWords(key, family.id, profile);
  }
  if (Object.keys(keys).length === 0) return;
  const from = keys.keysFrom ?? keys.keysAfter ?? owner?.table.smallest;
  const to = keys.keysTo ?? keys.keysUpTo ?? owner?.table.largest;
  finding.impact = { ...impact, ...keys, ...hits(profile, family.id, from, to) };
}

function hits(
  profile: Profile,
  family: number,
  from: KeyBytes | Uint8Array | undefined,
  to: KeyBytes | Uint8Array | undefined,
): Impact {
  if (from === undefined || to === undefined) return {};
  const lines = profile.rangeText?.(family, bytesOf(from), bytesOf(to)) ?? [];
  if (lines.length === 0) return {};
  const kept = lines.slice(0, RANGE_LINES);
  const left = lines.length - kept.length;
  return { hits: kept.map((keyText) => ({ keyText })), ...(left > 0 && { hitsLeftOut: left }) };
}

function bytesOf(key: KeyBytes | Uint8Array): Uint8Array {
  return key instanceof Uint8Array ? userKey(key) : Buffer.from(key.base64, 'base64');
}

function asKey(value: EvidenceValue | undefined): KeyBytes | undefined {
  const { base64 } = (value ?? {}) as Partial<KeyBytes>;
  return base64 === undefined ? undefined : (value as unknown as KeyBytes);
}
