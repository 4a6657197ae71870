import { createRequire } from 'node:module';
import { schemaCheck } from '../io/json-schema.js';
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
  const check = await schemaCheck(createRequire(import.meta.url)('../../kvdoctor.config.schema.json'));
  const wrong = check(json);
  if (wrong === undefined) return json as Config;
  throw new ConfigError(wrong);
}
