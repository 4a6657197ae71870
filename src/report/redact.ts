import type { Finding } from '../finding/finding.js';
import type { Report } from './report.js';

/** What is left out of a report: nothing; values and raw bytes; keys as well. */
export type Redaction = 'none' | 'values' | 'keys';

/** What stands in the place of bytes that were left out. */
interface Redacted {
  /** Bytes left out. */
  redacted: number;
}

function byteLength(base64: string): number {
  return Buffer.byteLength(base64, 'base64');
}

function isRecord(node: unknown): node is Record<string, unknown> {
  return typeof node === 'object' && node !== null && !Array.isArray(node) && !(node instanceof Uint8Array);
}

const keyFields = new Set(['base64', 'utf8', 'text']);

function isKey(node: Record<string, unknown>): node is { base64: string; utf8?: string; text?: string } {
  return typeof node.base64 === 'string' && Object.keys(node).every((name) => keyFields.has(name));
}

const left = (length: number): Redacted => ({ redacted: length });

function copy(node: unknown, redaction: Redaction): unknown {
  if (node instanceof Uint8Array) return redaction === 'keys' ? left(node.length) : node;
  if (Array.isArray(node)) return node.map((item) => copy(item, redaction));
  if (!isRecord(node)) return node;
  if (isKey(node)) return redaction === 'keys' ? left(byteLength(node.base64)) : node;
  return Object.fromEntries(
    Object.entries(node).map(([name, item]) => {
      if (name === 'value' && isRecord(item) && isKey(item)) return [name, left(byteLength(item.base64))];
      if (name === 'hex' && isRecord(item) && typeof item.base64 === 'string') {
        return [name, { start: item.start, marks: item.marks, ...left(byteLength(item.base64)) }];
      }
      if (typeof item === 'string' && isPrivate(name, redaction))
        return [name, left(Buffer.byteLength(item))];
      return [name, copy(item, redaction)];
    }),
  );
}

/** What an application calls things: `text` holds values, `keyText` keys alone. */
function isPrivate(name: string, redaction: Redaction): boolean {
  return name === 'text' || (name === 'keyText' && redaction === 'keys');
}

/** The same for one finding. */
export function redactFinding(finding: Finding, redaction: Redaction): Finding {
  return redaction === 'none' ? finding : (copy(finding, redaction) as Finding);
}

/**
 * A copy of a report without private bytes. `values` takes out values and windows of raw bytes, which hold values; `keys`
 * takes out keys too. What is taken out is replaced by `{redacted: <bytes>}`. Messages are free text and stay: checks must
 * not put keys or values into them.
 */
export function redact(report: Report, redaction: Redaction): Report {
  if (redaction === 'none') return report;
  return {
    ...report,
    // what a merge needs holds keys and cannot be redacted
    targets: report.targets.map(({ units: _units, shard: _shard, ...target }) => ({
      ...target,
      findings: copy(target.findings, redaction) as typeof target.findings,
      ...(target.suppressed && {
        suppressed: copy(target.suppressed, redaction) as typeof target.suppressed,
      }),
      ...(target.recovery && { recovery: copy(target.recovery, redaction) as typeof target.recovery }),
      ...(target.recommendation && {
        recommendation: copy(target.recommendation, redaction) as typeof target.recommendation,
      }),
      ...(target.plan && { plan: copy(target.plan, redaction) as typeof target.plan }),
      ...(target.repair && { repair: copy(target.repair, redaction) as typeof target.repair }),
    })),
  };
}
