import { detectProfile } from '../app/applications.js';
import { databaseFacts } from '../app/facts.js';
import type { KeyReader, SeenEffect } from '../app/redis/replies.js';
import { absentReason } from '../engine/absent-places.js';
import { type DatabaseRequest, readDatabase } from '../engine/database.js';
import { openView } from '../lsm/recovered-view.js';
import type { RecoveryMode } from '../recovery/mode.js';
import { type Expectation, expectationsOf } from './expected.js';
import { keyName, type LoggedKeys, loggedKeys } from './logged-commands.js';
import { type Match, matchLogs } from './match-logs.js';
import type { Acknowledged } from './pair.js';

/** What became of an acknowledged command on one key. */
export interface WriteVerdict {
  write: Acknowledged;
  state: 'written' | 'absent' | 'undecided' | 'replaced';
  /** Of an absent one: the logs hold every batch that could be it, and none is. */
  proven?: true;
  because: string;
  /** What readers see of it now, where that is not what it left. */
  readersSee?: string;
  /** Of an absent one: readers see what it would have left, for another write left the same. */
  harmless?: true;
}

/** Acknowledged writes of a capture against the database that they went to. */
export interface DatabaseCheck {
  directory: string;
  /** Why nothing can be told. */
  reason?: string;
  mode: RecoveryMode;
  /** Sequences that the logs span, archived ones too. */
  logs?: { first: bigint; last: bigint };
  written: number;
  absent: number;
  undecided: number;
  /** The logs do not tell, and it makes no difference: a later write of the capture took their place. */
  replaced: number;
  /** Of the absent and undecided ones: the first. */
  verdicts: WriteVerdict[];
  /** Absent ones that nothing took the place of, in their order: to be written again. */
  again: Acknowledged[];
}

/** Verdicts that are kept. */
const KEPT = 10_000;

/** Looks for what a connection was told. Rejects with a `TargetError` when the directory cannot be listed. */
export async function checkAgainst(
  directory: string,
  acknowledged: readonly Acknowledged[],
  request: DatabaseRequest = {},
): Promise<DatabaseCheck> {
  const database = await readDatabase(directory, request);
  const mode = database.options.walRecoveryMode;
  const check: DatabaseCheck = {
    directory,
    mode,
    written: 0,
    absent: 0,
    undecided: 0,
    replaced: 0,
    verdicts: [],
    again: [],
  };
  const [place] = database.absent;
  if (place !== undefined) return { ...check, reason: absentReason(place, directory) };
  const facts = databaseFacts(database);
  const profile = await detectProfile(facts).finally(() => facts.close());
  const replies = profile?.replies;
  if (replies === undefined)
    return { ...check, reason: 'no application that speaks the Redis protocol is recognised in it' };
  const { view, reason } = await openView(database);
  if (view === undefined) return { ...check, reason: `it ${reason}` };
  try {
    const reader = replies.reader(view);
    const namespaces = await reader.namespaces();
    const expectations = expectationsOf(
      acknowledged,
      (token) => namespaces.get(token) ?? replies.defaultNamespace,
    );
    const wanted = new Set(
      expectations.flatMap(({ namespace, key }) => (key ? [keyName(namespace, key)] : [])),
    );
    const logged = await loggedKeys(database, replies, wanted);
    if (logged.span !== undefined) check.logs = logged.span;
    const matches = matchLogs(expectations, logged);
    const replaced = replacedLater(expectations);
    const judged: WriteVerdict[] = [];
    for (const [i, expectation] of expectations.entries())
      judged.push(await judge(expectation, matches[i], logged, reader, replaced[i]));
    judgeWholeBatches(judged);
    for (const verdict of judged) {
      check[verdict.state]++;
      const told = verdict.state === 'absent' || verdict.state === 'undecided';
      if (told && check.verdicts.length < KEPT) check.verdicts.push(verdict);
    }
    check.again = writeAgain(expectations, judged);
    return check;
  } finally {
    view.close();
  }
}

async function judge(
  { write, namespace, key, effects, undecided }: Expectation,
  match: Match | undefined,
  { span }: LoggedKeys,
  reader: KeyReader,
  replaced: boolean,
): Promise<WriteVerdict> {
  if (key === undefined || match === undefined)
    return { write, state: 'undecided', because: undecided ?? 'nothing is known of it' };
  if (match.found !== undefined) return { write, state: 'written', because: `sequence ${match.found}` };
  if (replaced && match.rivals === undefined && match.covered === undefined)
    return { write, state: 'replaced', because: 'a later write of this connection took its place' };
  const seen = await worst(reader, namespace, key, effects);
  const told = seen.same ? {} : { readersSee: seen.says };
  if (match.rivals !== undefined)
    return {
      write,
      state: 'undecided',
      because: `an equal write stands in the logs at sequence ${match.rivals}, and whose it is cannot be told`,
      ...told,
    };
  if (match.covered) {
    const harmless = seen.same && { harmless: true as const };
    return { write, state: 'absent', proven: true, because: match.covered, ...told, ...harmless };
  }
  const logs = span === undefined ? 'there are no logs' : `the logs begin with sequence ${span.first}`;
  if (seen.same === true && !write.refused) return { write, state: 'written', because: 'readers see it' };
  if (seen.same === false && write.refused)
    return {
      write,
      state: 'absent',
      because: `readers do not see it; ${logs}, so it may have been overwritten`,
      ...told,
    };
  const why = seen.same
    ? 'readers see the same, which may be the work of another write'
    : seen.same === undefined
      ? 'readers cannot tell it'
      : 'it may have been overwritten, removed or have expired since';
  return { write, state: 'undecided', because: `${why}: ${logs}`, ...told };
}

/** What an EXEC does is one batch: where a part of it is proven to be absent all of it is. */
function judgeWholeBatches(judged: WriteVerdict[]): void {
  const absent = new Set(judged.flatMap(({ write, proven }) => (proven && write.exec ? [write.exec] : [])));
  for (const { write, state } of judged) if (state === 'written' && write.exec) absent.delete(write.exec);
  for (const [i, { write, state }] of judged.entries()) {
    if (state !== 'undecided' || write.exec === undefined || !absent.has(write.exec)) continue;
    const because = 'other commands of its EXEC are proven to be absent, and an EXEC is one batch';
    judged[i] = { write, state: 'absent', proven: true, because };
  }
}

/** The first effect that readers do not see; else one that cannot be told. */
async function worst(
  reader: KeyReader,
  namespace: string,
  key: Uint8Array,
  effects: Expectation['effects'],
): Promise<SeenEffect> {
  let result: SeenEffect = { same: true, says: 'the same' };
  for (const effect of effects) {
    const seen = await reader.see(namespace, key, effect);
    if (seen.same === false) return seen;
    if (seen.same === undefined) result = seen;
  }
  return result;
}

/** Whether later commands of the capture, which were not refused, left nothing of what each one did. */
function replacedLater(expectations: readonly Expectation[]): boolean[] {
  const replaced = new Set<string>();
  const result: boolean[] = new Array(expectations.length);
  for (let i = expectations.length - 1; i >= 0; i--) {
    const { key, namespace, effects, write } = expectations[i];
    if (key === undefined) {
      result[i] = false;
      continue;
    }
    const name = keyName(namespace, key);
    const targets = effects.map(({ kind, part }) => targetOf(name, kind, part));
    result[i] = replaced.has(name) || targets.every((target) => target !== undefined && replaced.has(target));
    if (write.refused) continue;
    for (const target of targets) if (target !== undefined) replaced.add(target);
  }
  return result;
}

/** Absent commands, without those in whose place a later one of the capture came, and those that would change nothing. */
function writeAgain(expectations: readonly Expectation[], judged: readonly WriteVerdict[]): Acknowledged[] {
  const replaced = new Set<string>();
  const again = new Set<Acknowledged>();
  for (let i = expectations.length - 1; i >= 0; i--) {
    const { key, namespace, effects } = expectations[i];
    const { state, write, harmless } = judged[i];
    if (state === 'undecided' || state === 'replaced') continue;
    if (key === undefined) {
      if (state === 'absent') again.add(write);
      continue;
    }
    const name = keyName(namespace, key);
    const targets = effects.map(({ kind, part }) => targetOf(name, kind, part));
    const open =
      targets.some((target) => target === undefined || !replaced.has(target)) && !replaced.has(name);
    if (state === 'absent' && open && !harmless) again.add(write);
    for (const target of targets) if (target !== undefined) replaced.add(target);
  }
  return [...again].reverse();
}

/** What a later write of the same takes the place of: the key as a whole, or one part of it. Elements of lists add up. */
function targetOf(name: string, kind: string, part: Uint8Array | undefined): string | undefined {
  if (kind === 'value' || kind === 'no-key') return name;
  return part && `${name} ${Buffer.from(part).toString('latin1')}`;
}
