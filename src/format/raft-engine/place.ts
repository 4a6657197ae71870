import type { SourceDescriptor } from '../../bytes/source.js';
import type { EntriesFault } from './batch.js';
import type { HeaderFault, Queue, RaftLogHeader, RaftLogName } from './file.js';
import type { RaftLogBatch, RaftLogStop } from './reader.js';

/** A file of one of the queues. */
export interface QueueFile extends RaftLogName {
  /** Relative to the target. */
  file: string;
  /** Bytes. */
  size: number;
  source: SourceDescriptor;
}

/** Where the engine stops reading a file, and cuts it if its mode allows. */
export interface FileStop {
  file: QueueFile;
  /** The newest of its queue. */
  isLast: boolean;
  /** Absent where it is damaged. */
  header?: RaftLogHeader;
  /** Where it is cut. */
  offset: number;
  cause:
    | { kind: 'header'; fault: HeaderFault }
    | { kind: 'batch'; stop: RaftLogStop }
    /** The entries of the last whole batch. */
    | { kind: 'entries'; fault: EntriesFault; batch: Pick<RaftLogBatch, 'offset' | 'length' | 'entries'> };
}

/** Where a batch lies. */
export interface BatchPlace {
  file: string;
  queue: Queue;
  /** Of the batch in the file. */
  offset: number;
  /** Its entries as stored. */
  entries: { offset: number; length: number };
  compression: 0 | 1;
  /** Why none of its entries can be read. */
  fault?: EntriesFault;
  /** Entries among whole ones that are not what the batch says they are. */
  misfits?: EntryMisfit[];
}

/** An entry that the engine ends over when it is asked for. */
interface EntryMisfit {
  region: bigint;
  index: bigint;
  /** What the entry says its index is; absent where it does not decode or lies outside of what there is. */
  says?: bigint;
}
