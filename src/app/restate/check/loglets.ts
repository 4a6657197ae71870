import { keyBytes } from '../../../finding/evidence.js';
import type { Severity } from '../../../finding/finding.js';
import type { View } from '../../../lsm/view.js';
import type { Reported } from '../../reported.js';
import type { RestateLayout } from '../instance.js';
import { decodeRecordKey, logletText } from '../log-keys.js';
import { decodeLogRecord } from '../log-values.js';
import { type LogFacts, type LogletFacts, noFacts, readLogFacts } from './log-facts.js';
import { walkFamily } from './walk.js';

/** Walks the records of a log server or a local loglet once, holding what is known beside them and one loglet's tail. */
export async function checkLoglets(
  view: View,
  layout: RestateLayout,
  families: { data: number; metadata: number },
  reported: Reported,
): Promise<void> {
  const facts = await readLogFacts(view, layout, families.metadata, reported);
  const check = new LogletCheck(layout, facts, reported);
  await walkFamily(view, families.data, (bytes, value, seen) => {
    const key = decodeRecordKey(bytes);
    if (key?.kind !== 'record') {
      reported.report('restate/unknown-key', {
        message: 'a key of the log is no record’s',
        evidence: { key: keyBytes(bytes.slice()) },
      });
      return;
    }
    check.take(key, value, seen);
  });
  check.finish();
}

interface Loglet {
  id: bigint;
  first: bigint;
  last: bigint;
  facts: LogletFacts;
  /** Records at or below the trim point. */
  trimmed: number;
  /** The record is there that was stored together with the sequencer, or may be. */
  hasFirstStored: boolean;
}

class LogletCheck {
  private readonly isServer: boolean;
  private current?: Loglet;
  private records = 0;

  constructor(
    { instance }: RestateLayout,
    private readonly facts: LogFacts,
    private readonly reported: Reported,
  ) {
    this.isServer = instance === 'log-server';
  }

  take(
    { loglet, offset }: { loglet: bigint; offset: bigint },
    value: Uint8Array,
    seen: { readonly sequence: bigint },
  ): void {
    this.records++;
    let { current } = this;
    if (current?.id !== loglet) {
      if (current !== undefined) this.judge(current);
      const facts = this.facts.loglets.get(loglet) ?? noFacts();
      this.facts.loglets.delete(loglet);
      current = { id: loglet, first: offset, last: offset, facts, trimmed: 0, hasFirstStored: false };
      this.current = current;
    } else if (offset > current.last + 1n) this.reportGap(current, current.last + 1n, offset - 1n);
    current.last = offset;
    if (offset <= current.facts.trimPoint) current.trimmed++;
    if (!this.isServer) return;
    // up to 1.6 the records of the first store stand before the sequencer in its batch, later after it
    const { sequencerAt = 0n } = current.facts;
    if (!current.hasFirstStored)
      current.hasFirstStored = sequencerAt === 0n || seen.sequence <= sequencerAt + 1n;
    if (decodeLogRecord(value) === undefined)
      this.reported.report('restate/undecodable-value', {
        message: `loglet ${logletText(loglet)}: record ${offset} does not decode`,
        evidence: { loglet: logletText(loglet), offset: String(offset) },
      });
  }

  /** What is left are loglets without records. */
  finish(): void {
    if (this.current !== undefined) this.judge(this.current);
    if (this.isServer && !this.facts.marked && this.records + this.facts.loglets.size > 0)
      this.reported.report('restate/marker-missing', {
        message: 'the log server’s storage marker is not there, and what it wrote after it is',
        evidence: { records: this.records },
      });
    for (const [id, facts] of this.facts.loglets) this.judgeEmpty(id, facts);
  }

  private judge(loglet: Loglet): void {
    const { id, first, last, facts, trimmed } = loglet;
    const { trimPoint, undecodable } = facts;
    if (!undecodable && first > trimPoint + 1n) this.reportBeginning(loglet);
    if (last > trimPoint) this.judgeEnd(loglet);
    if (trimmed === 0) return;
    const text = logletText(id);
    const evidence = {
      loglet: text,
      trimPoint: String(trimPoint),
      first: String(first),
      last: String(last),
      records: trimmed,
    };
    if (last <= trimPoint)
      this.reported.report('restate/trim-beyond-tail', {
        message: `loglet ${text} is trimmed up to ${trimPoint}, and its records ${first} to ${last} are there`,
        evidence,
      });
    else
      this.reported.report('restate/trimmed-record', {
        message: `loglet ${text} is trimmed up to ${trimPoint}, and its records begin with ${first}`,
        evidence,
      });
  }

  /** Records before the first are missing although they were not trimmed. */
  private reportBeginning({ id, first, facts, hasFirstStored }: Loglet): void {
    const [from, to] = [facts.trimPoint + 1n, first - 1n];
    const isProven = !this.isServer || (facts.trimPoint === 0n && !hasFirstStored);
    const beside = this.isServer
      ? ', nor is the one that was stored here together with the sequencer'
      : ', and nothing trimmed them';
    this.reported.report(isProven ? 'restate/log-beginning-gone' : 'restate/log-gap', {
      ...(!isProven && { severity: this.elsewhere() }),
      message: `loglet ${logletText(id)} begins with record ${first}: ${recordsText(from, to)} not there${isProven ? beside : ''}`,
      evidence: {
        loglet: logletText(id),
        trimPoint: String(facts.trimPoint),
        missingFrom: String(from),
        missingTo: String(to),
      },
    });
  }

  private judgeEmpty(id: bigint, { trimPoint, sequencerAt, released = 0n, undecodable }: LogletFacts): void {
    if (undecodable || (this.isServer ? trimPoint > 0n || sequencerAt === undefined : released <= trimPoint))
      return;
    const upTo = this.isServer ? '' : `, ${recordsText(trimPoint + 1n, released)} gone`;
    this.reported.report('restate/log-beginning-gone', {
      message: this.isServer
        ? `loglet ${logletText(id)}: no record is there and none was trimmed, and its sequencer was stored together with the first`
        : `loglet ${logletText(id)}: no record is there${upTo}`,
      evidence: {
        loglet: logletText(id),
        trimPoint: String(trimPoint),
        missingFrom: String(trimPoint + 1n),
        ...(!this.isServer && { missingTo: String(released) }),
      },
    });
  }

  /** Records that are known to have been written come after the last record that exists. */
  private judgeEnd({ id, last, facts: { released = 0n, globalTail = 0n } }: Loglet): void {
    const end = this.isServer ? (this.facts.alone ? globalTail - 1n : 0n) : released;
    if (end <= last) return;
    this.reported.report('restate/log-gap', {
      ...(this.isServer && { severity: 'warning' as const }),
      message: `loglet ${logletText(id)} ends with record ${last}: ${recordsText(last + 1n, end)} not there`,
      evidence: { loglet: logletText(id), missingFrom: String(last + 1n), missingTo: String(end) },
    });
  }

  private reportGap({ id, last }: Loglet, from: bigint, to: bigint): void {
    this.reported.report('restate/log-gap', {
      ...(this.isServer && { severity: this.elsewhere() }),
      message: `loglet ${logletText(id)}: ${recordsText(from, to)} not there, ${last} and ${to + 1n} are`,
      evidence: { loglet: logletText(id), missingFrom: String(from), missingTo: String(to) },
    });
  }

  /** A log server may lack records that others hold; a local loglet has all of them. */
  private elsewhere(): Severity {
    return this.facts.alone ? 'warning' : 'note';
  }
}

function recordsText(from: bigint, to: bigint): string {
  return from === to ? `record ${from} is` : `records ${from} to ${to} are`;
}
