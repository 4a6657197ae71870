import { createRequire } from 'node:module';
import { schemaCheck } from '../io/json-schema.js';
import type { Report } from './report.js';

/** The file is not a report that this version can read; the message says why. */
export class ReportError extends Error {}

/** A report that `--format json` wrote. Rejects with a `ReportError` for anything else. */
export async function parseReport(text: string): Promise<Report> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new ReportError('it is not JSON, or not all of it is there');
  }
  const { schemaVersion, targets } = (json ?? {}) as Partial<Report>;
  if (schemaVersion !== 1 && targets !== undefined) {
    throw new ReportError(
      `it is a report of version ${String(schemaVersion)}, and this kvdoctor reads version 1`,
    );
  }
  const check = await schemaCheck(createRequire(import.meta.url)('../../report.schema.json'));
  const wrong = check(json);
  if (wrong === undefined) return json as Report;
  throw new ReportError(`it is not a report of kvdoctor: ${wrong}`);
}
