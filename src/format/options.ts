/**
 * OPTIONS-N, an ini-like text (rocksdb options/options_parser.cc):
 *
 *   # comment
 *   [Version]
 *     rocksdb_version=11.9.0
 *     options_file_version=1.1
 *
 *   [DBOptions]
 *     wal_recovery_mode=kPointInTimeRecovery
 *     …
 *   [CFOptions "default"]
 *     merge_operator={id=StringAppendOperator;delimiter=,;}
 *     …
 *   [TableOptions/BlockBasedTable "default"]
 *     …
 *
 * Sections come in this order, one CFOptions with its TableOptions for each column family, `default` first. A `#` starts a
 * comment unless a backslash stands before it. A last line without newline is dropped by the engine.
 */
import type { Anomaly, Range } from '../finding/finding.js';

export interface OptionsSection extends Range {
  /** `Version`, `DBOptions`, `CFOptions`, `TableOptions/BlockBasedTable`. */
  title: string;
  /** The column family's name, between the quotes. */
  argument?: string;
  values: Map<string, string>;
}

export interface OptionsFile {
  sections: OptionsSection[];
  /** In file order; offsets are bytes of the file. */
  anomalies: Anomaly[];
}

/** Anomalies kept for one file; a file of noise would give one for every line. */
const MAX_ANOMALIES = 20;

const escapes: Record<string, string> = { n: '\n', r: '\r', '#': '#', ':': ':', '\\': '\\' };

/** Engines name options in printable ASCII. */
const OPTION_NAME = /^[ -~]*$/;

function unescaped(value: string): string {
  return value.includes('\\') ? value.replace(/\\(.)/gs, (_, c: string) => escapes[c] ?? c) : value;
}

function withoutComment(line: string): string {
  for (let at = line.indexOf('#'); at >= 0; at = line.indexOf('#', at + 1)) {
    if (at === 0 || line[at - 1] !== '\\') return line.slice(0, at);
  }
  return line;
}

function sectionHead(line: string): { title: string; argument?: string } {
  const open = line.indexOf('"');
  const close = line.lastIndexOf('"');
  if (open < 0 || close <= open) return { title: line.slice(1, -1).trim() };
  return { title: line.slice(1, open).trim(), argument: unescaped(utf8(line.slice(open + 1, close))) };
}

/** Lines are cut in latin1, where a character is a byte, so that offsets are right; what is kept is UTF-8. */
function utf8(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8');
}

/** Parses an OPTIONS file. Never throws; what cannot be read is an anomaly and skipped. */
export function parseOptions(bytes: Uint8Array): OptionsFile {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  const sections: OptionsSection[] = [];
  const anomalies: Anomaly[] = [];
  const report = (anomaly: Anomaly) => {
    if (anomalies.length < MAX_ANOMALIES) anomalies.push(anomaly);
  };

  let section: OptionsSection | undefined;
  let terminated = true;
  for (let start = 0, end: number; start < text.length; start = end + 1) {
    end = text.indexOf('\n', start);
    if (end < 0) {
      terminated = false;
      break;
    }
    const line = withoutComment(text.slice(start, end)).trim();
    if (section) section.length = end + 1 - section.offset;
    if (line === '') continue;
    if (line.length >= 2 && line.startsWith('[') && line.endsWith(']')) {
      section = { ...sectionHead(line), values: new Map(), offset: start, length: end + 1 - start };
      sections.push(section);
      continue;
    }
    const equals = line.indexOf('=');
    if (!section || equals <= 0 || !OPTION_NAME.test(line.slice(0, equals))) {
      report({
        rule: 'directory/options-malformed',
        offset: start,
        length: Math.max(end - start, 1),
        message: section ? 'a line is not of the form name=value' : 'a line stands outside any section',
        evidence: { engine: 'Invalid argument: [RocksDBOptionsParser Error]' },
      });
      continue;
    }
    section.values.set(line.slice(0, equals).trim(), unescaped(utf8(line.slice(equals + 1).trim())));
  }

  checkEnd(text, terminated, sections, report);
  checkSections(text.length, sections, report);
  return { sections, anomalies };
}

/** RocksDB ends every section with a line of blanks, so a file that stops elsewhere was cut. */
function checkEnd(
  text: string,
  terminated: boolean,
  sections: OptionsSection[],
  report: (anomaly: Anomaly) => void,
): void {
  const last = sections.at(-1);
  const startOfLast = text.lastIndexOf('\n') + 1;
  if (!terminated && text.slice(startOfLast).trim() !== '') {
    report({
      rule: 'directory/options-truncated',
      offset: startOfLast,
      length: text.length - startOfLast,
      message: 'the file ends in the middle of a line',
      evidence: last ? { section: label(last) } : {},
    });
  } else if (last && !last.title.startsWith('TableOptions')) {
    report({
      rule: 'directory/options-truncated',
      offset: last.offset,
      length: text.length - last.offset,
      message: `the file ends with ${label(last)}; table options should follow`,
      evidence: { section: label(last) },
    });
  }
}

function label(section: OptionsSection): string {
  return section.argument === undefined ? `[${section.title}]` : `[${section.title} "${section.argument}"]`;
}

function checkSections(size: number, sections: OptionsSection[], report: (anomaly: Anomaly) => void): void {
  const missing = (what: string, engine: string) =>
    report({
      rule: 'directory/options-missing-section',
      offset: 0,
      length: size,
      message: `section ${what} is missing`,
      evidence: { section: what, engine: `Corruption: ${engine}` },
    });
  if (!sections.some((s) => s.title === 'DBOptions')) {
    missing('[DBOptions]', 'A RocksDB Option file must have a single DBOptions section');
  }
  const first = sections.find((s) => s.title === 'CFOptions');
  if (first?.argument !== 'default') {
    missing('[CFOptions "default"]', 'A RocksDB Option file must have a single CFOptions:default section');
  }
  const seen = new Set<string>();
  for (const section of sections) {
    const name = label(section);
    if (seen.has(name)) {
      report({
        rule: 'directory/options-malformed',
        offset: section.offset,
        length: section.length,
        message: `section ${name} stands twice`,
      });
    }
    seen.add(name);
  }
}

/** Splits a nested value, `{id=StringAppendOperator;delimiter=,;}`, one level deep. A plain value gives an empty map. */
export function parseStruct(value: string): Map<string, string> {
  const fields = new Map<string, string>();
  if (!value.startsWith('{') || !value.endsWith('}')) return fields;
  const body = value.slice(1, -1);
  for (let at = 0; at < body.length; ) {
    const end = endOfField(body, at);
    const field = body.slice(at, end);
    const equals = field.indexOf('=');
    if (equals > 0) fields.set(field.slice(0, equals).trim(), field.slice(equals + 1));
    at = end + 1;
  }
  return fields;
}

/** Position of the `;` that ends the field at `at`, outside braces. */
function endOfField(body: string, at: number): number {
  let depth = 0;
  for (let i = at; i < body.length; i++) {
    if (body[i] === '{') depth++;
    else if (body[i] === '}') depth--;
    else if (body[i] === ';' && depth <= 0) return i;
  }
  return body.length;
}
