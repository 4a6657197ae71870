import type { Rule } from '../rule.js';

const draft = { severity: 'error', title: '', meaning: '', origin: '', action: '' } as const satisfies Rule;

export const sstRules = {
  'sst/empty': draft,
  'sst/truncated': draft,
  'sst/zeroed': draft,
  'sst/bad-magic': draft,
  'sst/bad-footer': draft,
  'sst/footer-checksum': draft,
  'sst/trailing-bytes': draft,
  'sst/block-checksum': draft,
  'sst/decompression': draft,
  'sst/bad-handle': draft,
  'sst/bad-block': draft,
  'sst/bad-entry': draft,
  'sst/bad-key': draft,
  'sst/bad-restart': draft,
  'sst/bad-metaindex': draft,
  'sst/bad-property': draft,
  'sst/missing-properties': draft,
  'sst/missing-index': draft,
  'sst/bad-range-tombstone': draft,
  'sst/bad-dictionary': draft,
} as const satisfies Record<`sst/${string}`, Rule>;
