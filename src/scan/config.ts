import { createRequire } from 'node:module';
import type { Config } from './policy.js';

/** The file that is read when none is named. */
export const CONFIG_NAME = 'kvdoctor.config.json';

/** A configuration that cannot be used; the message says why. */
export class ConfigError extends Error {}

/** Reads kvdoctor.config.json as kvdoctor.config.schema.json describes it. Rejects with a `ConfigError`. */
export async function parseConfig(text: string): Promise<Config> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new ConfigError(`it is not JSON: ${(error as Error).message}`);
  }
  const { Ajv2020 } = await import('ajv/dist/2020.js');
  const schema = createRequire(import.meta.url)('../../kvdoctor.config.schema.json');
  const check = new Ajv2020({ strictTypes: false }).compile(schema);
  if (check(json)) return json as Config;
  const [{ instancePath, message, params }] = check.errors!;
  const which = typeof params.additionalProperty === 'string' ? ` (${params.additionalProperty})` : '';
  const allowed = Array.isArray(params.allowedValues) ? `: ${params.allowedValues.join(', ')}` : '';
  throw new ConfigError(`${instancePath === '' ? 'it' : instancePath} ${message}${which}${allowed}`);
}
