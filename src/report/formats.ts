import { jsonReporter } from './json.js';
import type { Format } from './reporter.js';
import { textReporter } from './text.js';

/** Every output format by its name on the command line. */
export const formats = {
  text: { description: 'for a person at a terminal', redaction: 'none', create: textReporter },
  json: {
    description: 'the whole report, as report.schema.json describes it',
    redaction: 'none',
    create: jsonReporter,
  },
} as const satisfies Record<string, Format>;

export type FormatName = keyof typeof formats;

export function isFormatName(name: string): name is FormatName {
  return Object.hasOwn(formats, name);
}
