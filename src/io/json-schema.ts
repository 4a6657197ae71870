import type { ErrorObject } from 'ajv/dist/2020.js';

/** A schema error as a person would say it: `/targets/0/kind must be equal to one of the allowed values`. */
function schemaErrorText({ instancePath, message = 'is wrong', params }: ErrorObject): string {
  const allowed = Array.isArray(params.allowedValues) ? `: ${params.allowedValues.join(', ')}` : '';
  const extra = typeof params.additionalProperty === 'string' ? ` (${params.additionalProperty})` : '';
  return `${instancePath === '' ? 'it' : instancePath} ${message}${allowed}${extra}`;
}

/** Says what is wrong with a value, or nothing where it fits the schema. */
type SchemaCheck = (value: unknown) => string | undefined;

const compiled = new WeakMap<object, SchemaCheck>();

/** Compiles a JSON Schema (2020-12), once for each. The validator is loaded here: it is large, and few commands need it. */
export async function schemaCheck(schema: object): Promise<SchemaCheck> {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const { Ajv2020 } = await import('ajv/dist/2020.js');
  const validate = new Ajv2020({ strictTypes: false }).compile(schema);
  const check = (value: unknown) => (validate(value) ? undefined : schemaErrorText(validate.errors![0]));
  compiled.set(schema, check);
  return check;
}
