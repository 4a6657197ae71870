import type { Severity } from '../finding/finding.js';
import { counted, offsetText } from '../finding/quantity.js';
import { digestOf, pathOf, repositoryPath, uniqueFingerprints } from './location.js';
import { printable } from './printable.js';
import type { Reporter } from './reporter.js';

/** GitLab's five degrees are blocker, critical, major, minor, info. */
const severities = { error: 'critical', warning: 'minor', note: 'info' } as const satisfies Record<
  Severity,
  string
>;

/** A GitLab Code Quality report (`artifacts:reports:codequality`): the fields of Code Climate's issues that GitLab reads. */
export function gitlabReporter(): Reporter {
  return {
    *render(report) {
      const fingerprint = uniqueFingerprints();
      let first = true;
      const item = (issue: object) => {
        const comma = first ? '' : ',';
        first = false;
        return `${comma}\n  ${JSON.stringify(issue)}`;
      };
      yield '[';
      for (const target of report.targets) {
        for (const finding of target.findings) {
          const { offset, length } = finding;
          const place =
            offset === undefined
              ? ''
              : ` (at ${offsetText(offset)}${length ? `, ${counted(length, 'byte')}` : ''})`;
          yield item({
            description: printable(finding.message) + place,
            check_name: finding.rule,
            fingerprint: fingerprint(finding),
            severity: severities[finding.severity],
            location: { path: repositoryPath(pathOf(target, finding)), lines: { begin: 1 } },
          });
        }
        for (const { file, reason, offset = 0 } of target.unchecked) {
          yield item({
            description: `Not checked: ${printable(reason)}`,
            check_name: 'kvdoctor/unchecked',
            fingerprint: digestOf(['unchecked', target.path, file, reason, offset]),
            severity: 'major',
            location: { path: repositoryPath(pathOf(target, { file })), lines: { begin: 1 } },
          });
        }
      }
      yield first ? ']\n' : '\n]\n';
    },
  };
}
