import { githubReporter } from './github.js';
import { gitlabReporter } from './gitlab.js';
import { htmlReporter } from './html.js';
import { jsonReporter } from './json.js';
import { junitReporter } from './junit.js';
import { markdownReporter } from './markdown.js';
import { ndjsonReporter } from './ndjson.js';
import { prometheusReporter } from './prometheus.js';
import type { Format } from './reporter.js';
import { sarifReporter } from './sarif.js';
import { textReporter } from './text.js';

/** Every output format by its name on the command line. */
export const formats = {
  text: { description: 'for a person at a terminal', redaction: 'none', create: textReporter },
  json: {
    description: 'the whole report, as report.schema.json describes it',
    redaction: 'none',
    create: jsonReporter,
  },
  ndjson: {
    description: 'one JSON object a line, findings as they come',
    redaction: 'none',
    create: ndjsonReporter,
  },
  sarif: {
    description: 'SARIF 2.1.0 with byte regions and rules',
    redaction: 'values',
    create: sarifReporter,
  },
  junit: { description: 'JUnit XML, a test for each file', redaction: 'values', create: junitReporter },
  github: {
    description: 'annotations and step summary of GitHub Actions',
    redaction: 'values',
    create: githubReporter,
  },
  gitlab: { description: 'a GitLab Code Quality report', redaction: 'values', create: gitlabReporter },
  prometheus: {
    description: 'metrics for the textfile collector of node_exporter',
    redaction: 'values',
    create: prometheusReporter,
  },
  markdown: { description: 'for an issue or a chat', redaction: 'values', create: markdownReporter },
  html: { description: 'one page with pictures, for a browser', redaction: 'values', create: htmlReporter },
} as const satisfies Record<string, Format>;

export type FormatName = keyof typeof formats;

export function isFormatName(name: string): name is FormatName {
  return Object.hasOwn(formats, name);
}
