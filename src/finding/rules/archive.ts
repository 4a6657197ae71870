import type { Rule } from '../rule.js';

const rest =
  'Files of a tar archive that came before the damage have been checked; what is after it has not, and nothing that is missing because ' +
  'of it is reported. Of a zip archive all files are checked but those that it cannot give back.';

export const archiveRules = {
  'archive/cut-short': {
    severity: 'error',
    title: 'Archive ends before its end',
    meaning: `The tar archive, or the compressed stream around it, stops in the middle or lacks the zeros that close it; or a zip archive has lost its end, where it says what it holds. ${rest}`,
    origin: 'A full disk or a broken pipe while it was written, an upload or a copy that stopped.',
    action:
      'Compare its size with the original and copy it again; otherwise this backup holds only its first files.',
  },
  'archive/damaged': {
    severity: 'error',
    title: 'Archive cannot be read',
    meaning: `The compressed stream or a header of the tar archive, or a file in a zip archive, does not match its checksum or makes no sense. ${rest}`,
    origin: 'A bad sector, a bad transfer, a transfer in text mode.',
    action: 'Copy the archive again from where it was made, or use another backup.',
  },
} as const satisfies Record<`archive/${string}`, Rule>;
