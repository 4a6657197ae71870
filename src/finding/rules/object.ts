import type { Rule } from '../rule.js';

const when =
  'A damaged file of a bucket is read once more, from its beginning to its end, and checked again, where the store keeps a checksum of it. ';

export const objectRules = {
  'object/uploaded-damaged': {
    severity: 'note',
    title: 'Damage was there when the object was uploaded',
    meaning: `${when}Its bytes have the checksum that the store keeps, and the same damage: the store gives back what it was given.`,
    origin:
      'The file was damaged where the backup was made, by its disk or memory or by the engine, or on its way before the upload.',
    action:
      'Fetching it again gives the same bytes. Look for an older backup, or repair a copy of this one, and look at the machine that it was made ' +
      'on: the database there may have the same damage.',
    references: ['Amazon S3 API HeadObject: x-amz-checksum-mode'],
  },
  'object/not-as-uploaded': {
    severity: 'error',
    title: 'Object is not what was uploaded',
    meaning: `${when}Its bytes do not have the checksum that the store keeps of the upload.`,
    origin: 'Damage in the store, in a cache or proxy before it, or on the way from it to this machine.',
    action:
      'Read it from another machine and without a proxy. If it stays so, ask for an older version or a replica of the object, and tell who runs ' +
      'the store. The database that the backup was made of need not be damaged.',
    references: ['Amazon S3 API HeadObject: x-amz-checksum-mode'],
  },
  'object/damaged-on-the-way': {
    severity: 'warning',
    title: 'Damage was gone when the object was read again',
    meaning: `${when}Its bytes have the checksum that the store keeps, and nothing is wrong with them: what was found is not in the store.`,
    origin:
      'The first answer was changed on the way (a proxy, a connection without TLS) or in the memory of this machine.',
    action: 'Scan again, from another machine as well, and test the memory of this one.',
    references: ['Amazon S3 API HeadObject: x-amz-checksum-mode'],
  },
} as const satisfies Record<`object/${string}`, Rule>;
