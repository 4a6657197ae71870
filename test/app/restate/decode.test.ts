import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { invocationEnd, invocationText } from '../../../src/app/restate/ids.js';
import { type Instance, type RestateLayout, restateLayout } from '../../../src/app/restate/instance.js';
import { logletText } from '../../../src/app/restate/log-keys.js';
import { decodePartitionKey } from '../../../src/app/restate/partition-keys.js';
import { restateProfile } from '../../../src/app/restate/profile.js';
import { columnFamilies, keys, values } from '../../support/restate.js';

const nothing = async () => [];

async function layoutOf(instance: Instance, sample: (name: string) => Promise<Uint8Array[]> = nothing) {
  const families = columnFamilies[instance].map((name, id) => ({ id, name }));
  const directories: Partial<Record<Instance, string>> = {
    'metadata-server': '/d/replicated-metadata-server',
    'local-metadata-store': '/d/local-metadata-store',
  };
  const directory = directories[instance] ?? '/d/log-store';
  return (await restateLayout({ columnFamilies: families, sample, directory })) as RestateLayout;
}

const u32 = fc.integer({ min: 1, max: 0xffff_ffff });
const u64 = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
const word = fc.string({ unit: 'grapheme-ascii', maxLength: 20 });
const invocation = fc.uint8Array({ minLength: 16, maxLength: 16 });
const partition = fc.integer({ min: 0, max: 0xffff });

/** What each instance writes: column family, key, value and what the key is. */
const written: Record<
  Instance,
  fc.Arbitrary<{ family: number; key: Buffer; value: Buffer; said: string }>
> = {
  'metadata-server': fc.oneof(
    fc.tuple(u32, u32).map(([index, term]) => ({
      family: 1,
      key: keys.entry(index),
      value: values.entry(index, term),
      said: `raft entry ${index}: term ${term}, command of ${`command ${index}`.length} bytes`,
    })),
    fc.tuple(u32, u32).map(([commit, term]) => ({
      family: 2,
      key: Buffer.from('hard-state'),
      value: values.hardState(commit, term),
      said: `hard state: term ${term}, vote 1, commit ${commit}`,
    })),
    u32.map((index) => ({
      family: 2,
      key: Buffer.from('snapshot'),
      value: values.snapshot(index),
      said: `snapshot: up to entry ${index}, term 2, 8 bytes`,
    })),
    fc.array(u32, { minLength: 1, maxLength: 9 }).map((voters) => ({
      family: 2,
      key: Buffer.from('conf-state'),
      value: values.confState(...voters),
      said: `conf state: voters ${voters.join(', ')}`,
    })),
  ),
  'log-server': fc.oneof(
    fc.tuple(u64, u32, u64, word).map(([loglet, offset, of, body]) => ({
      family: 1,
      key: keys.record(loglet, offset),
      value: values.record(body, of),
      said: `loglet ${logletText(loglet)}, record ${offset}: partition key ${of}, payload of ${body.length} bytes`,
    })),
    fc.tuple(u64, u32).map(([loglet, offset]) => ({
      family: 2,
      key: keys.trimPoint(loglet),
      value: values.offset(offset),
      said: `loglet ${logletText(loglet)}, trim point: offset ${offset}`,
    })),
    fc.tuple(u64, u32, u32).map(([loglet, node, generation]) => ({
      family: 2,
      key: keys.sequencer(loglet),
      value: values.node(node, generation),
      said: `loglet ${logletText(loglet)}, sequencer: N${node}:${generation}`,
    })),
    u64.map((loglet) => ({
      family: 2,
      key: keys.seal(loglet),
      value: Buffer.from('2025-04-14T10:00:00'),
      said: `loglet ${logletText(loglet)}, seal: 2025-04-14T10:00:00`,
    })),
  ),
  'local-loglet': fc.oneof(
    fc.tuple(u64, u32).map(([loglet, offset]) => ({
      family: 1,
      key: keys.record(loglet, offset),
      value: Buffer.from('any'),
      said: `loglet ${logletText(loglet)}, record ${offset}`,
    })),
    u64.map((loglet) => ({
      family: 2,
      key: keys.logletState(loglet),
      value: values.released(30),
      said: `loglet ${logletText(loglet)}, release pointer, trim point and seal: released up to 30`,
    })),
  ),
  'local-metadata-store': fc.oneof(
    fc.constant({
      family: 1,
      key: Buffer.from('##restate_internal_sealed##'),
      value: Buffer.from('2026-11-28T17:28:13'),
      said: 'seal: 2026-11-28T17:28:13',
    }),
    fc.uint8Array({ maxLength: 40 }).map((value) => ({
      family: 1,
      key: Buffer.from('nodes_config'),
      value: Buffer.from(value),
      said: `metadata nodes_config: ${value.length} bytes`,
    })),
  ),
  'partition-store': fc.oneof(
    fc.tuple(partition, u32, invocation).map(([number, at, id]) => ({
      family: 1,
      key: keys.timer(number, at, id),
      value: Buffer.alloc(0),
      said: `timer: partition ${number}, at ${at}, delayed call of invocation …${invocationEnd(id)}`,
    })),
    fc.tuple(u32, invocation, u32).map(([hash, id, index]) => ({
      family: 2,
      key: keys.journal(hash, id, index),
      value: Buffer.alloc(0),
      said: `journal: invocation ${invocationText(BigInt(hash), id)}, entry ${index}`,
    })),
    fc.constant({
      family: 1,
      key: keys.state(7, 'Counter', 'user 1', 'count'),
      value: Buffer.alloc(0),
      said: 'state: partition key 7, service Counter, key "user 1", state key count',
    }),
    fc.constant({
      family: 1,
      key: keys.variable(3, 2),
      value: Buffer.alloc(0),
      said: 'state machine: partition 3, applied LSN',
    }),
  ),
};

const instances = Object.keys(written) as Instance[];

describe.each(instances)('what the %s writes', (instance) => {
  it('is read as what it is', async () => {
    const profile = restateProfile(await layoutOf(instance));
    fc.assert(
      fc.property(written[instance], ({ family, key, value, said }) => {
        const text = profile.valueText(family, key, value);
        expect(`${profile.keyText(family, key)}${text === undefined ? '' : `: ${text}`}`).toBe(said);
      }),
    );
  });

  it('may be any bytes', async () => {
    const profile = restateProfile(await layoutOf(instance));
    const damaged = fc
      .tuple(written[instance], fc.nat(), fc.nat(255), fc.nat(), fc.nat(3))
      .map(([{ family, key, value }, at, byte, cut, to]) => {
        const change = (bytes: Buffer) => {
          const copy = Buffer.from(bytes.subarray(0, to === 0 ? cut % (bytes.length + 1) : bytes.length));
          if (copy.length > 0) copy[at % copy.length] = byte;
          return copy;
        };
        return { family: to === 3 ? at % 4 : family, key: change(key), value: change(value) };
      });
    const anyBytes = fc.record({
      family: fc.nat(3),
      key: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      value: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    });
    fc.assert(
      fc.property(fc.oneof(damaged, anyBytes), ({ family, key, value }) => {
        profile.keyText(family, key);
        const text = profile.valueText(family, key, value) ?? '';
        expect(text.length).toBeLessThan(20_000);
        profile.rangeText?.(family, key, value);
        const op = {
          tag: 5,
          kind: 'put',
          columnFamily: family,
          key,
          value,
          counted: true,
          offset: 12,
          length: 9,
        };
        profile.batchWords([op as never, { ...op, kind: 'range-delete' } as never]);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a database of Restate', () => {
  const sampled = (family: string, ...found: Buffer[]) =>
    layoutOf('metadata-server', async (name) => (name === family ? found : []));

  it('is told by its keys where column families have the same names', async () => {
    expect(await sampled('data', keys.entry(1))).toMatchObject({ instance: 'metadata-server' });
    expect(await sampled('data', keys.record(1, 1))).toMatchObject({ instance: 'log-server' });
    expect(await sampled('data', keys.record(1, 1), Buffer.from('x'))).toBeUndefined();
    expect(await sampled('metadata', Buffer.from('hard-state'))).toMatchObject({
      instance: 'metadata-server',
    });
  });

  it('of metadata is told by its directory or by a key of Restate', async () => {
    const of = (directory: string, ...found: string[]) =>
      restateLayout({
        columnFamilies: columnFamilies['local-metadata-store'].map((name, id) => ({ id, name })),
        sample: async () => found.map((key) => Buffer.from(key)),
        directory,
      });
    const known = { instance: 'local-metadata-store' };
    expect(await of('/d/local-metadata-store')).toMatchObject(known);
    expect(await of('/d/copy', 'mine', 'bifrost_config')).toMatchObject(known);
    expect(await of('/d/copy', 'mine', 'bifrost')).toBeUndefined();
  });

  it('is told by its directory where it is empty', async () => {
    expect(await layoutOf('metadata-server')).toMatchObject({ instance: 'metadata-server' });
    expect(await layoutOf('log-server')).toMatchObject({ instance: 'log-server' });
    const families = columnFamilies['log-server'].map((name, id) => ({ id, name }));
    expect(
      await restateLayout({ columnFamilies: families, sample: nothing, directory: '/d/db' }),
    ).toBeUndefined();
  });

  it('is none of others', async () => {
    for (const names of [
      ['default'],
      ['default', 'data', 'metadata', 'more'],
      ['default', 'data-x'],
      ['data-1', 'x'],
    ]) {
      const families = names.map((name, id) => ({ id, name }));
      expect(
        await restateLayout({ columnFamilies: families, sample: nothing, directory: '/log-store' }),
      ).toBeUndefined();
    }
  });
});

describe('keys of a partition', () => {
  it('end where their fields end', () => {
    const key = keys.deduplication(1, 'topic-7');
    expect(decodePartitionKey(key)).toMatchObject({ table: 'de', partition: 1n });
    expect(decodePartitionKey(Buffer.concat([key, Buffer.from([0])]))).toBeUndefined();
    expect(decodePartitionKey(key.subarray(0, -1))).toBeUndefined();
    expect(decodePartitionKey(Buffer.from('zz12345678'))).toBeUndefined();
  });
});
