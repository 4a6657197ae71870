/** Entries of a raft log in the words of the application that writes them: raft-engine is TiKV's. */
export { type EntryWords, entryWords } from './tikv/entry-text.js';
