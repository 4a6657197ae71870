import type { Finding } from '../finding/finding.js';
import type { Report, TargetReport } from './report.js';

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

/** The same for one target: what is shown before a report is made. */
export function redactTarget(target: TargetReport, redaction: Redaction): TargetReport {
  if (redaction === 'none') return target;
  // what a merge needs holds keys and cannot be redacted
  const { units: _units, shard: _shard, ...kept } = target;
  return {
    ...kept,
    findings: copy(kept.findings, redaction) as typeof kept.findings,
    ...(kept.suppressed && { suppressed: copy(kept.suppressed, redaction) as typeof kept.suppressed }),
    ...(kept.recovery && { recovery: copy(kept.recovery, redaction) as typeof kept.recovery }),
    ...(kept.recommendation && {
      recommendation: copy(kept.recommendation, redaction) as typeof kept.recommendation,
    }),
    ...(kept.plan && { plan: copy(kept.plan, redaction) as typeof kept.plan }),
    ...(kept.repair && { repair: copy(kept.repair, redaction) as typeof kept.repair }),
  };
}

/**
 * A copy of a report without private bytes. `values` takes out values and windows of raw bytes, which hold values; `keys`
 * takes out keys too. What is taken out is replaced by `{redacted: <bytes>}`. Messages are free text and stay: checks must
 * not put keys or values into them.
 */
export function redact(report: Report, redaction: Redaction): Report {
  if (redaction === 'none') return report;
  return { ...report, targets: report.targets.map((target) => redactTarget(target, redaction)) };
}
