import { createRequire } from 'node:module';

/** The version in package.json, two directories up in the sources and in the built package alike. */
export const toolVersion: string = createRequire(import.meta.url)('../../package.json').version;
