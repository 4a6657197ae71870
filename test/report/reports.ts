import { keyBytes } from '../../src/finding/evidence.js';
import type { Finding } from '../../src/finding/finding.js';
import { type FormatName, formats } from '../../src/report/formats.js';
import { redact } from '../../src/report/redact.js';
import type { Report } from '../../src/report/report.js';
import type { Format, RenderSettings } from '../../src/report/reporter.js';
import { kvdoctor } from '../cli/host.js';
import { checksumMismatch, files, obsolete, report, rule, settings, target } from './sample.js';

/** A report in a format, with what that format leaves out by default. */
export function rendered(name: FormatName, of: Report, changes: Partial<RenderSettings> = {}): string {
  const format: Format = formats[name];
  return [...format.create(settings(changes)).render(redact(of, format.redaction))].join('');
}

/** Names and messages as an attacker, or a broken disk, would choose them. */
const nasty = '<b>&"\'`|*\u001b[31m\u202e\ud800 ]]> --> %0A::error::\r\n';

const withNastyNames = (): Report => {
  const finding: Finding = {
    ...checksumMismatch,
    file: `${nasty}.sst`,
    message: `It says ${nasty}`,
    evidence: {
      engine: nasty,
      key: keyBytes(Buffer.from('user:1')),
      value: { value: keyBytes(Buffer.from('secret')) },
    },
    next: `kvdoctor explain ${nasty}`,
  };
  return report(
    target({
      path: `/data/${nasty}/db`,
      files: [{ ...files[3], path: `${nasty}.sst` }],
      findings: [finding, { ...finding }],
      unchecked: [{ file: `${nasty}.log`, reason: `because ${nasty}`, offset: 1, length: 2 }],
    }),
  );
};

const withMany = (): Report =>
  report(
    target({
      files: Array.from({ length: 2500 }, (_, i) => ({
        path: `${i}.sst`,
        kind: 'table',
        size: 10,
        status: 'clean',
      })),
      findings: Array.from({ length: 26_000 }, (_, i) => ({
        ...(i % 3 === 0 ? obsolete : checksumMismatch),
        file: `${i % 100}.sst`,
        offset: i,
        evidence: {},
      })),
    }),
  );

/** Reports that a format must be able to show, by what is special about them. */
export const reports: Record<string, () => Report | Promise<Report>> = {
  'nothing at all': () => report(target({ files: [], findings: [] })),
  'a clean database': () =>
    report(target({ findings: [], files: files.filter(({ status }) => status === 'clean') })),
  'a damaged database': () => report(),
  'two targets with the same damage': () => report(target(), target({ path: 'backups/2026-01-02' })),
  'an interrupted scan': () => {
    const whole = report();
    return { ...whole, summary: { ...whole.summary, interrupted: true } };
  },
  'a target that could not be read': () =>
    report(
      target({ files: [], findings: [], unchecked: [{ file: '.', reason: 'permission denied (EACCES)' }] }),
    ),
  'a rule that this version does not know': () =>
    report(target({ findings: [{ ...obsolete, rule: rule('new/rule') }] })),
  'hostile names': withNastyNames,
  '26,000 findings': withMany,
  'a real scan': async () =>
    JSON.parse((await kvdoctor('scan fixtures/kvrocks-race-10/db --format json')).out),
};
