import type { Finding } from '../finding/finding.js';
import { compact } from './json.js';
import { fingerprintOf } from './location.js';
import type { Report } from './report.js';
import type { Reporter } from './reporter.js';
import { toolVersion } from './tool.js';

/** A line: what it is, then its fields. */
function line(type: string, fields: object): string {
  return `${compact({ type, ...fields })}\n`;
}

/** What tells one finding from another; a finding that comes again with another severity is another. */
function keyOf(finding: Finding, target: string): string {
  return `${target}\0${fingerprintOf(finding)}\0${finding.severity}\0${finding.message}`;
}

/**
 * One JSON object a line. Findings come the moment their file has been read, the rest when the scan has ended: findings that
 * needed several files, then targets, files, what was not checked, and the summary last. A `withdrawn` line takes back a
 * finding that proved to be the work of a live engine.
 */
export function ndjsonReporter(): Reporter {
  const given = new Map<string, number>();
  let begun = false;
  const head = () => {
    if (begun) return '';
    begun = true;
    return line('run', { schemaVersion: 1, tool: { name: 'kvdoctor', version: toolVersion } });
  };

  function* render(report: Report): Iterable<string> {
    yield head();
    for (const { path, findings } of report.targets) {
      for (const finding of findings) {
        const key = keyOf(finding, path);
        const before = given.get(key) ?? 0;
        if (before === 0) yield line('finding', { target: path, ...finding });
        else given.set(key, before - 1);
      }
    }
    for (const [key, count] of given) {
      const [target, fingerprint, , message] = key.split('\0');
      for (let i = 0; i < count; i++) yield line('withdrawn', { target, fingerprint, message });
    }
    for (const { findings: _, files, unchecked, units: _units, shard: _shard, ...target } of report.targets) {
      yield line('target', target);
      for (const file of files) yield line('file', { target: target.path, ...file });
      for (const each of unchecked) yield line('unchecked', { target: target.path, ...each });
    }
    yield line('summary', { verdict: report.verdict, ...report.summary });
  }

  return {
    found(finding, target) {
      const key = keyOf(finding, target);
      given.set(key, (given.get(key) ?? 0) + 1);
      return head() + line('finding', { target, ...finding });
    },
    render,
  };
}
