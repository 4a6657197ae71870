import type { FileReader } from '../engine/detect.js';
import { databasesBelow } from './below.js';
import { readHead, readTail } from './head.js';

/** Reads the files of a target on disk. */
export function diskReader(target: string): FileReader {
  return {
    head: (entry, limit) => readHead(entry.source, limit),
    tail: (entry, limit) => readTail(entry.source, limit),
    databasesBelow: () => databasesBelow(target),
  };
}
