/** Takes what replay puts into memtables, in the order in which it does. */
export interface ReplaySink {
  /**
   * One operation under the sequence number and value type that it has in the memtable (`VALUE_TYPE` in
   * format/sst/internal-key.ts). `value` is the end key of a range delete, the packed value and write time of a timed
   * put, empty for deletes. Key and value are views that are overwritten after the call: copy what is kept.
   */
  apply(columnFamily: number, sequence: bigint, type: number, key: Uint8Array, value: Uint8Array): void;
}
