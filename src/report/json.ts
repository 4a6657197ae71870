import type { Report, TargetReport } from './report.js';
import type { Reporter } from './reporter.js';

/** Numbers that can pass 2^53 are decimal strings; raw bytes are base64 in an object of their own. */
function plain(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) {
    return { base64: Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64') };
  }
  return value;
}

/** One line of JSON, as every JSON output writes values. */
export function compact(value: unknown): string {
  return JSON.stringify(value, plain);
}

/** An array with one element a line: a report can be searched with grep and compared with diff. */
function* lines(name: string, items: readonly unknown[], indent: string): Iterable<string> {
  if (items.length === 0) return yield `${indent}${JSON.stringify(name)}: []`;
  yield `${indent}${JSON.stringify(name)}: [\n`;
  for (const [i, item] of items.entries())
    yield `${indent}  ${compact(item)}${i < items.length - 1 ? ',' : ''}\n`;
  yield `${indent}]`;
}

const indent = '      ';

function* targetLines(target: TargetReport): Iterable<string> {
  const fields = Object.entries(target).filter(([, value]) => value !== undefined);
  yield '    {\n';
  for (const [i, [name, value]] of fields.entries()) {
    if (Array.isArray(value)) yield* lines(name, value, indent);
    else yield `${indent}${JSON.stringify(name)}: ${compact(value)}`;
    yield i < fields.length - 1 ? ',\n' : '\n';
  }
  yield '    }';
}

/** The report itself, word for word. Never as one string: with 100,000 files it would be tens of megabytes. */
function* render(report: Report): Iterable<string> {
  const { targets, ...head } = report;
  yield '{\n';
  for (const [name, value] of Object.entries(head)) yield `  ${JSON.stringify(name)}: ${compact(value)},\n`;
  yield '  "targets": [';
  for (const [i, target] of targets.entries()) {
    yield i === 0 ? '\n' : ',\n';
    yield* targetLines(target);
  }
  yield targets.length === 0 ? ']\n}\n' : '\n  ]\n}\n';
}

export function jsonReporter(): Reporter {
  return { render };
}
