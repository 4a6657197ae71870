import { createRequire } from 'node:module';
import type { ErrorObject, ValidateFunction } from 'ajv/dist/2020.js';
import type { Report } from './report.js';

/** A file that is no report that this version can read; the message says why. */
export class ReportError extends Error {}

let validator: ValidateFunction | undefined;

/** Loaded here, for it is large and only some commands read reports. */
async function loadValidator(): Promise<ValidateFunction> {
  const { Ajv2020 } = await import('ajv/dist/2020.js');
  const schema = createRequire(import.meta.url)('../../report.schema.json');
  validator ??= new Ajv2020({ strictTypes: false }).compile(schema);
  return validator;
}

/** A schema error as a person would say it: `/targets/0/kind must be equal to one of the allowed values`. */
export function schemaErrorText({ instancePath, message = 'is wrong', params }: ErrorObject): string {
  const allowed = Array.isArray(params.allowedValues) ? `: ${params.allowedValues.join(', ')}` : '';
  const extra = typeof params.additionalProperty === 'string' ? ` (${params.additionalProperty})` : '';
  return `${instancePath === '' ? 'it' : instancePath} ${message}${allowed}${extra}`;
}

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
  const check = await loadValidator();
  if (check(json)) return json as Report;
  throw new ReportError(`it is not a report of kvdoctor: ${schemaErrorText(check.errors![0])}`);
}
