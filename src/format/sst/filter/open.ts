/*
 * A RocksDB filter block says in its last five bytes what it is (rocksdb table/block_based/filter_policy.cc,
 * BuiltinFilterPolicy::GetBuiltinFilterBitsReader); the name in the metaindex is the same for all of them.
 *
 *   | bits or solution … L bytes | kind i8 | parameters, 4 bytes |
 *
 *   kind  1…127   legacy Bloom, that many probes; u32 number of lines
 *   kind  0       always true (what the builder leaves after an error: six zero bytes)
 *   kind -1       FastLocalBloom; sub-implementation 0, probes | log2(line size / 64) << 5, 0, 0
 *   kind -2       Standard128 Ribbon; seed, u24 number of blocks
 *   below         reserved, always true
 *
 * Five bytes and less match nothing: no key was added.
 */
import { u32At } from '../../../bytes/u32.js';
import { FastLocalBloom, LegacyBloom } from './bloom.js';
import type { Filter, FilterProblem } from './filter.js';
import { RibbonFilter } from './ribbon.js';

const METADATA = 5;

/**
 * Opens the payload of a full filter block or of a filter partition, without its trailer. Metadata that no writer leaves
 * gives a filter that matches everything, as it does in RocksDB, and a problem.
 */
export function openFilter(payload: Uint8Array): Filter {
  if (payload.length <= METADATA) return { kind: 'matches-nothing', mayMatch: () => false, problems: [] };
  const length = payload.length - METADATA;
  const kind = (payload[length] << 24) >> 24;
  if (kind > 0) return openLegacyBloom(payload, length, kind);
  if (kind === -1) return openFastLocalBloom(payload, length);
  if (kind === -2) return openRibbon(payload, length);
  const written = kind === 0 && payload.length === 6 && payload.every((byte) => byte === 0);
  return alwaysTrue(written ? [] : [problem(length, 1, `no RocksDB writes filters of kind ${kind}`)]);
}

const alwaysTrue = (problems: FilterProblem[]): Filter => ({
  kind: 'always-true',
  mayMatch: () => true,
  problems,
});

const problem = (offset: number, length: number, message: string): FilterProblem => ({
  offset,
  length,
  message,
});

function openLegacyBloom(payload: Uint8Array, length: number, probes: number): Filter {
  const at = length + 1;
  const lines = u32At(payload, at);
  const lineSize = length / lines;
  const isPowerOfTwo = Number.isInteger(lineSize) && (lineSize & (lineSize - 1)) === 0;
  if (lines === 0 || !isPowerOfTwo) {
    return alwaysTrue([
      problem(at, 4, `${lines} lines do not divide ${length} bytes into lines of a power of two`),
    ]);
  }
  // an even number of lines would waste hash bits, so writers make it odd
  const problems =
    lines % 2 === 0 ? [problem(at, 4, `${lines} lines: no RocksDB writes an even number`)] : [];
  return new LegacyBloom(payload.subarray(0, length), lines, lineSize, probes, problems);
}

function openFastLocalBloom(payload: Uint8Array, length: number): Filter {
  const [implementation, setting, zero1, zero2] = payload.subarray(length + 1);
  const probes = setting & 0x1f;
  const wrong =
    implementation !== 0
      ? `the Bloom implementation ${implementation} is unknown`
      : setting >> 5 !== 0 || probes < 1 || probes > 30
        ? `the Bloom setting ${setting} is none that a writer leaves`
        : zero1 !== 0 || zero2 !== 0
          ? 'the reserved bytes are not zero'
          : length % FastLocalBloom.LINE !== 0
            ? `${length} bytes are not whole lines of 64`
            : undefined;
  if (wrong !== undefined) return alwaysTrue([problem(length + 1, METADATA - 1, wrong)]);
  return new FastLocalBloom(payload.subarray(0, length), probes);
}

function openRibbon(payload: Uint8Array, length: number): Filter {
  const at = length + 1;
  const blocks = payload[at + 1] | (payload[at + 2] << 8) | (payload[at + 3] << 16);
  const segments = Math.floor(length / RibbonFilter.SEGMENT);
  const wrong =
    blocks < 2
      ? `a Ribbon filter has at least 2 blocks, not ${blocks}`
      : length % RibbonFilter.SEGMENT !== 0
        ? `${length} bytes are not whole segments of 16`
        : segments < blocks
          ? `${segments} segments are too few for ${blocks} blocks`
          : undefined;
  if (wrong !== undefined) return alwaysTrue([problem(at, METADATA - 1, wrong)]);
  return new RibbonFilter(payload.subarray(0, length), payload[at], blocks);
}
