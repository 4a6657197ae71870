/** What a file can be taken as. */
export const inspectKinds = [
  'wal',
  'batch',
  'table',
  'manifest',
  'blob',
  'raft-log',
  'options',
  'backup',
  'current',
  'text',
] as const;

export type InspectKind = (typeof inspectKinds)[number];
