import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CronJob } from 'kubernetes-models/batch/v1/CronJob';
import { Job } from 'kubernetes-models/batch/v1/Job';
import { afterAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { inRepository } from './support/repository.js';

// Kubernetes' own schemas say which fields must be there and what they hold, its types which fields there are at all

const models = { CronJob, Job };
type Kind = keyof typeof models;

const compiler = inRepository('node_modules/typescript/bin/tsc');

/** In the repository, so that the compiler finds the types. */
mkdirSync(inRepository('tmp'), { recursive: true });
const folder = mkdtempSync(inRepository('tmp', 'kubernetes-'));
afterAll(() => rmSync(folder, { recursive: true }));

const documents = (text: string) =>
  parseAllDocuments(text).map((document) => document.toJS() as { kind: Kind; apiVersion: string });

/** What the compiler says of the documents as values of their types: a field that is not there is named. */
function misnamed(all: readonly { kind: Kind }[]): string[] {
  const file = join(folder, 'documents.ts');
  const lines = all.map(
    (document, i) => `export const document${i}: I${document.kind} = ${JSON.stringify(document)};`,
  );
  const imports = (Object.keys(models) as Kind[]).map(
    (kind) => `import type { I${kind} } from 'kubernetes-models/batch/v1/${kind}';`,
  );
  writeFileSync(file, [...imports, ...lines].join('\n'));
  const options = '--noEmit --strict --skipLibCheck --ignoreConfig --module nodenext'.split(' ');
  const { stdout } = spawnSync(process.execPath, [compiler, ...options, file], { encoding: 'utf8' });
  return stdout.split('\n').filter((line) => line !== '');
}

const names = readdirSync(inRepository('deploy/kubernetes')).filter((name) => name.endsWith('.yaml'));

describe.each(names)('deploy/kubernetes/%s', (name) => {
  const all = documents(readFileSync(inRepository('deploy/kubernetes', name), 'utf8'));

  it.each(all.map((document) => [document.kind, document] as const))(
    '%s fits the schema',
    (kind, document) => {
      expect(document.apiVersion).toBe('batch/v1');
      new models[kind](document as never).validate();
    },
  );

  it('has fields that there are', () => {
    expect(misnamed(all)).toEqual([]);
  });
});

it('a field that is not there, and one of another type, are found', () => {
  const job = documents(readFileSync(inRepository('deploy/kubernetes/fleet.yaml'), 'utf8'))[0];
  const changed = (spec: object) => ({ ...job, spec: { ...(job as { spec?: object }).spec, ...spec } });
  expect(misnamed([changed({ completionss: 8 })])[0]).toContain('completionss');
  expect(() => new Job(changed({ completions: '8' }) as never).validate()).toThrow('must be integer');
});
