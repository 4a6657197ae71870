import type { Finding } from '../finding/finding.js';
import { counted, offsetText } from '../finding/quantity.js';
import { compact } from './json.js';
import { filePath, pathOf, pathUri, repositoryPath, uniqueFingerprints } from './location.js';
import { printable } from './printable.js';
import type { FileReport, Report, SuppressedFinding, TargetReport } from './report.js';
import type { RenderSettings, Reporter } from './reporter.js';
import { knownRule, ruleHelpMarkdown, ruleHelpText } from './rule-help.js';

/** Results in one run that GitHub's code scanning takes; of these it shows the 5,000 that weigh most. */
const GITHUB_RESULTS = 25_000;

/** The published schema. */
const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';

interface Placed {
  finding: Finding;
  target: TargetReport;
}

const weight = { error: 0, warning: 1, note: 2 } as const;

/** What relative paths start from: GitHub and viewers know the root of the sources under this name. */
const ROOT = '%SRCROOT%';

function placeOf(path: string): object {
  return path.startsWith('/') ? { uri: pathUri(path) } : { uri: pathUri(path), uriBaseId: ROOT };
}

/** Where results point at and how, in the plain profile and in GitHub's. */
interface Profile {
  place(path: string): object;
  github: boolean;
}

/**
 * Regions are binary (byteOffset, byteLength). GitHub knows lines only and drops what has none, so there the place stands in
 * the message and the region is line 1.
 */
function regionOf({ offset, length }: Finding, { github }: Profile): object | undefined {
  if (github) return { startLine: 1 };
  if (offset === undefined) return undefined;
  return { byteOffset: offset, byteLength: length ?? 0 };
}

function messageOf({ message, offset, length }: Finding, { github }: Profile): string {
  const text = printable(message);
  if (!github || offset === undefined) return text;
  return `${text} (at ${offsetText(offset)}${length ? `, ${counted(length, 'byte')}` : ''})`;
}

/** What the configuration sets aside is there, marked as such. */
function suppressionsOf(finding: Finding | SuppressedFinding): object {
  if (!('suppressed' in finding)) return {};
  return { suppressions: [{ kind: 'external', justification: finding.suppressed.reason }] };
}

function ruleObject(id: string, findings: readonly Placed[]): object {
  const rule = knownRule(id);
  const area = id.split('/')[0];
  const level = rule?.severity ?? findings[0].finding.severity;
  const problem = level === 'note' ? 'recommendation' : level;
  const properties = { tags: ['data-integrity', area], 'problem.severity': problem, precision: 'very-high' };
  if (rule === undefined) return { id, defaultConfiguration: { level }, properties };
  return {
    id,
    name: id.replace(/(^|[/-])([a-z])/g, (_, _dash, letter: string) => letter.toUpperCase()),
    shortDescription: { text: rule.title },
    fullDescription: { text: rule.meaning },
    help: { text: ruleHelpText(rule), markdown: ruleHelpMarkdown(rule) },
    defaultConfiguration: { level },
    properties,
  };
}

function artifactObject(target: TargetReport, file: FileReport, profile: Profile): object {
  return {
    location: profile.place(filePath(target, file)),
    length: file.size,
    roles: ['analysisTarget'],
    properties: { kind: file.kind, status: file.status, ...(file.use && { use: file.use }) },
  };
}

/** Files with findings, in the order in which results name them. */
function artifactsOf(report: Report, profile: Profile): { objects: object[]; index: Map<string, number> } {
  const index = new Map<string, number>();
  const objects: object[] = [];
  for (const target of report.targets) {
    const named = new Set(target.findings.map((finding) => pathOf(target, finding)));
    for (const file of target.files) {
      const path = filePath(target, file);
      if (!named.has(path) || index.has(path)) continue;
      index.set(path, objects.length);
      objects.push(artifactObject(target, file, profile));
    }
  }
  return { objects, index };
}

function invocationOf(report: Report, profile: Profile): object {
  const { startedAt, milliseconds, interrupted } = report.summary;
  const start = new Date(startedAt);
  const notifications = report.targets.flatMap((target) =>
    target.unchecked.map(({ file, reason, offset, length }) => ({
      level: 'warning',
      message: { text: `Not checked: ${printable(reason)}` },
      locations: [
        {
          physicalLocation: {
            artifactLocation: profile.place(pathOf(target, { file })),
            ...(offset !== undefined &&
              !profile.github && { region: { byteOffset: offset, byteLength: length ?? 0 } }),
          },
        },
      ],
    })),
  );
  return {
    executionSuccessful: interrupted !== true && notifications.length === 0,
    ...(Number.isNaN(start.getTime())
      ? {}
      : {
          startTimeUtc: start.toISOString(),
          endTimeUtc: new Date(start.getTime() + milliseconds).toISOString(),
        }),
    ...(notifications.length > 0 && { toolExecutionNotifications: notifications }),
  };
}

function* lines(items: Iterable<object>): Iterable<string> {
  let first = true;
  for (const item of items) {
    yield `${first ? '\n' : ',\n'}        ${compact(item)}`;
    first = false;
  }
  if (!first) yield '\n      ';
}

/** A SARIF 2.1.0 log of one run. */
export function sarifReporter({ sarifProfile }: RenderSettings): Reporter {
  const github = sarifProfile === 'github';
  const profile: Profile = { github, place: (path) => placeOf(github ? repositoryPath(path) : path) };
  return {
    *render(report) {
      const all = report.targets.flatMap((target) =>
        [...target.findings, ...(target.suppressed ?? [])].map((finding) => ({ finding, target })),
      );
      const placed = github
        ? all
            .toSorted((a, b) => weight[a.finding.severity] - weight[b.finding.severity])
            .slice(0, GITHUB_RESULTS)
        : all;
      const rules = new Map<string, Placed[]>();
      for (const each of placed)
        rules.set(each.finding.rule, [...(rules.get(each.finding.rule) ?? []).slice(0, 1), each]);
      const ruleIndex = new Map([...rules.keys()].map((id, i) => [id, i]));
      const artifacts = artifactsOf(report, profile);
      const fingerprint = uniqueFingerprints();

      yield `{\n  "$schema": ${JSON.stringify(SCHEMA)},\n  "version": "2.1.0",\n  "runs": [\n    {\n`;
      const driver = {
        name: report.tool.name,
        version: report.tool.version,
        semanticVersion: report.tool.version,
        rules: [...rules].map(([id, findings]) => ruleObject(id, findings)),
      };
      yield `      "tool": ${compact({ driver })},\n`;
      yield `      "invocations": [${compact(invocationOf(report, profile))}],\n`;
      yield `      "originalUriBaseIds": ${compact({ [ROOT]: { description: { text: 'The directory that kvdoctor ran in' } } })},\n`;
      yield `      "automationDetails": ${compact({ id: 'kvdoctor/' })},\n`;
      yield '      "artifacts": [';
      yield* lines(artifacts.objects);
      yield '],\n      "results": [';
      yield* lines(
        (function* () {
          for (const { finding, target } of placed) {
            const path = pathOf(target, finding);
            const artifact = artifacts.index.get(path);
            const region = regionOf(finding, profile);
            const print = fingerprint(finding);
            const { evidence, cause, impact, next } = finding;
            yield {
              ruleId: finding.rule,
              ruleIndex: ruleIndex.get(finding.rule),
              level: finding.severity,
              message: { text: messageOf(finding, profile) },
              locations: [
                {
                  physicalLocation: {
                    artifactLocation: {
                      ...profile.place(path),
                      ...(artifact !== undefined && { index: artifact }),
                    },
                    ...(region && { region }),
                  },
                },
              ],
              partialFingerprints: github
                ? { primaryLocationLineHash: `${print}:1` }
                : { 'kvdoctor/v1': print },
              ...(finding.known && { baselineState: 'unchanged' }),
              ...suppressionsOf(finding),
              properties: {
                evidence,
                ...(cause && { cause }),
                ...(impact && { impact }),
                ...(next && { next }),
              },
            };
          }
        })(),
      );
      yield `],\n      "properties": ${compact({ verdict: report.verdict, summary: report.summary })}\n    }\n  ]\n}\n`;
    },
  };
}
