import type { Expectation } from './expected.js';
import { keyName, type LoggedCommand, type LoggedKeys } from './logged-commands.js';

/** What the logs say of an expectation. */
export interface Match {
  /** The sequence of the batch that is its work. */
  found?: bigint;
  /** Not found, and why that is a proof. */
  covered?: string;
  /** Not told apart from a write of another connection at this sequence. */
  rivals?: bigint;
}

/**
 * Finds the work of acknowledged commands in the logs. One connection's writes stand there in the order in which they were
 * acknowledged. Places are sought from both ends: where both agree, a command that the server refused after all must stand
 * between the sure ones around it, or it was not made. What was not refused is taken for made wherever an equal write is left.
 */
export function matchLogs(expectations: readonly Expectation[], logged: LoggedKeys): (Match | undefined)[] {
  const earliest = walk(expectations, logged, false);
  const latest = walk(expectations, logged, true);
  const used = new Set(earliest);
  const certain = earliest.map((command, i) =>
    command === latest[i] && !expectations[i].idle ? command : undefined,
  );
  const before = nearest(certain, false);
  const behind = nearest(certain, true);
  return expectations.map((expectation, i) => {
    const { key, idle, write } = expectation;
    if (key === undefined) return undefined;
    if (earliest[i] !== undefined) return { found: earliest[i].sequence };
    const left = commandsOn(expectation, logged).filter(
      (command) => !used.has(command) && fits(expectation, command),
    );
    const made = write.refused ? undefined : left[0];
    if (made !== undefined) {
      used.add(made);
      return { found: made.sequence };
    }
    const [from, to] = [before[i], behind[i]];
    const within = left.find(
      ({ sequence }) => (from === undefined || sequence >= from) && (to === undefined || sequence <= to),
    );
    if (within !== undefined) return { rivals: within.sequence };
    const covered = idle && !write.refused ? undefined : proof(logged, from, to);
    return covered === undefined ? {} : { covered };
  });
}

/** That the logs hold every batch from one sequence to another, where they do. */
function proof({ span, holes, cut }: LoggedKeys, from?: bigint, to?: bigint): string | undefined {
  if (span === undefined || cut) return undefined;
  if (from === undefined && span.first > 1n) return undefined;
  const [first, last] = [from ?? span.first, to ?? span.last];
  if (holes.some((hole) => hole.from < last && hole.to > first)) return undefined;
  const end = to === undefined ? 'to their end' : `to ${to}`;
  return `the logs hold every batch from sequence ${first} ${end}, and none is its work`;
}

const name = ({ namespace, key }: Expectation) => (key === undefined ? '' : keyName(namespace, key));
const commandsOn = (expectation: Expectation, { byKey }: LoggedKeys) => byKey.get(name(expectation)) ?? [];

/** A batch leaves out what was so before. */
function fits({ ids, changed }: Expectation, { effects }: LoggedCommand): boolean {
  if (effects.size === 0 || effects.size < Math.min(changed, ids.size)) return false;
  for (const effect of effects) if (!ids.has(effect)) return false;
  return true;
}

/** The earliest places for all that was not refused, in order; from the end, the latest. */
function walk(
  expectations: readonly Expectation[],
  logged: LoggedKeys,
  backwards: boolean,
): (LoggedCommand | undefined)[] {
  const found: (LoggedCommand | undefined)[] = new Array(expectations.length);
  const used = new Set<LoggedCommand>();
  const passed = new Map<string, number>();
  let bound: bigint | undefined;
  const isPast = ({ sequence }: LoggedCommand) =>
    bound !== undefined && (backwards ? sequence > bound : sequence < bound);
  for (let n = 0; n < expectations.length; n++) {
    const i = backwards ? expectations.length - 1 - n : n;
    const expectation = expectations[i];
    if (expectation.key === undefined || expectation.write.refused) continue;
    const commands = commandsOn(expectation, logged);
    const at = (k: number) => commands[backwards ? commands.length - 1 - k : k];
    let start = passed.get(name(expectation)) ?? 0;
    while (start < commands.length && isPast(at(start))) start++;
    passed.set(name(expectation), start);
    for (let k = start; k < commands.length; k++) {
      const command = at(k);
      if (used.has(command) || !fits(expectation, command)) continue;
      used.add(command);
      found[i] = command;
      bound = command.sequence;
      break;
    }
  }
  return found;
}

/** For each, the sequence of the nearest one before it, or after it, whose place is certain. */
function nearest(found: readonly (LoggedCommand | undefined)[], backwards: boolean): (bigint | undefined)[] {
  const result: (bigint | undefined)[] = new Array(found.length);
  let last: bigint | undefined;
  for (let n = 0; n < found.length; n++) {
    const i = backwards ? found.length - 1 - n : n;
    result[i] = last;
    last = found[i]?.sequence ?? last;
  }
  return result;
}
