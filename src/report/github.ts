import { type Finding, type Severity, severities } from '../finding/finding.js';
import { counted, offsetText } from '../finding/quantity.js';
import { pathOf, repositoryPath } from './location.js';
import { markdownPieces } from './markdown.js';
import { printable } from './printable.js';
import type { Report, TargetReport } from './report.js';
import type { Reporter } from './reporter.js';

/** Annotations of one kind that GitHub shows for a step; it drops the rest in silence. */
const SHOWN = 10;

/** Bytes of a step summary, of which GitHub takes 1 MiB and drops all of a longer one. */
const SUMMARY = 1_000_000;

const commands = { error: 'error', warning: 'warning', note: 'notice' } as const satisfies Record<
  Severity,
  string
>;

/** Lines of a message; what a log or a page would act upon in them is shown and not sent. */
function data(text: string): string {
  return text.split('\n').map(printable).join('\n').replace(/%/g, '%25').replace(/\n/g, '%0A');
}

function property(text: string): string {
  return printable(text).replace(/%/g, '%25').replace(/:/g, '%3A').replace(/,/g, '%2C');
}

interface Annotation {
  severity: Severity;
  title: string;
  file?: string;
  message: string;
}

function command({ severity, title, file, message }: Annotation): string {
  const place = file === undefined ? '' : `file=${property(file)},`;
  return `::${commands[severity]} ${place}title=${property(title)}::${data(message)}\n`;
}

function annotationOf(finding: Finding, target: TargetReport): Annotation {
  const { offset, length, message, next } = finding;
  const path = pathOf(target, finding);
  const place =
    offset === undefined ? '' : ` at ${offsetText(offset)}${length ? `, ${counted(length, 'byte')}` : ''}`;
  const lines = [`${path}${place}`, message, ...(next === undefined ? [] : [`next: ${next}`])];
  return {
    severity: finding.severity,
    title: finding.rule,
    file: repositoryPath(path),
    message: lines.map(printable).join('\n'),
  };
}

/** Findings of the baseline are not annotated; the summary counts them. */
function annotations(report: Report): Annotation[] {
  const found = report.targets.flatMap((target) =>
    target.findings.filter(({ known }) => !known).map((finding) => annotationOf(finding, target)),
  );
  const unchecked = report.targets.flatMap((target) =>
    target.unchecked.map(({ file, reason }): Annotation => {
      const path = pathOf(target, { file });
      return {
        severity: 'warning',
        title: 'not checked',
        file: repositoryPath(path),
        message: printable(`${path}: ${reason}`),
      };
    }),
  );
  return [...found, ...unchecked];
}

/** The first of a kind, and in place of the last that fits the number of those that do not. */
function* withinLimit(ofKind: readonly Annotation[]): Iterable<Annotation> {
  if (ofKind.length <= SHOWN) return yield* ofKind;
  yield* ofKind.slice(0, SHOWN - 1);
  const rest = ofKind.slice(SHOWN - 1);
  const { severity } = ofKind[0];
  yield {
    severity,
    title: `${counted(rest.length, `more ${severity}`)}`,
    message: `GitHub shows ${SHOWN} annotations of a kind; the step summary and the other reports have all of them`,
  };
}

/** The Markdown report, cut at the end of a piece before it gets too long for a step summary. */
function stepSummary(report: Report): string {
  const room = SUMMARY - 200;
  const pieces: string[] = [];
  let bytes = 0;
  for (const piece of markdownPieces(report)) {
    bytes += Buffer.byteLength(piece);
    if (bytes > room)
      return `${pieces.join('')}\n\nThe rest is too long for a step summary: see the other reports.\n`;
    pieces.push(piece);
  }
  return pieces.join('');
}

/** Annotations as workflow commands on standard output, and a step summary. */
export function githubReporter(): Reporter {
  return {
    *render(report) {
      const all = annotations(report);
      for (const severity of severities) {
        for (const each of withinLimit(all.filter((annotation) => annotation.severity === severity)))
          yield command(each);
      }
    },
    stepSummary,
  };
}
