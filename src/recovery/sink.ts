/** The log that replay is in. Its fields change with each record. */
export interface ReplayedLog {
  /** The record whose operations are applied, and the file offset of its first header. */
  bytes: Uint8Array;
  offset: number;
  /** Reads the record at a file offset again. Rejects where the medium fails, and where the file has changed. */
  read(offset: number): Promise<RecordAgain>;
}

export interface RecordAgain {
  bytes: Uint8Array;
  /** The bytes are not looked at any more. */
  release(): void;
}

/** Takes what replay puts into memtables, in the order in which it does. */
export interface ReplaySink {
  /**
   * One operation under the sequence number and value type that it has in the memtable (`VALUE_TYPE` in
   * format/sst/internal-key.ts). `value` is the end key of a range delete, the packed value and write time of a timed
   * put, empty for deletes. Key and value are views that are overwritten after the call: copy what is kept. `log`: what the value
   * is a view of; absent where the value stands in no record as it is.
   */
  apply(
    columnFamily: number,
    sequence: bigint,
    type: number,
    key: Uint8Array,
    value: Uint8Array,
    log?: ReplayedLog,
  ): void;
}
