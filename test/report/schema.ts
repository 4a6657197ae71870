import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'vitest';
import { inRepository } from '../support/repository.js';

const schema = JSON.parse(readFileSync(inRepository('report.schema.json'), 'utf8'));
const validate = new Ajv2020({ allErrors: true, strictTypes: false }).compile(schema);

/** Whether a report, as it stands in JSON, is what report.schema.json describes. */
export function isValid(json: unknown): boolean {
  return validate(json);
}

/** Fails with what is wrong where. */
export function expectValid(json: unknown): void {
  validate(json);
  expect(validate.errors).toBeNull();
}
