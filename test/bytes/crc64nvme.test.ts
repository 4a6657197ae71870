import { expect, it } from 'vitest';
import { Crc64Nvme } from '../../src/bytes/crc64nvme.js';

it('has the check value of the specification, in one piece or several', () => {
  const bytes = Buffer.from('123456789');
  expect(new Crc64Nvme().update(bytes).digest().toString('hex')).toBe('ae8b14860a799888');
  const pieces = new Crc64Nvme().update(bytes.subarray(0, 4)).update(bytes.subarray(4));
  expect(pieces.digest().toString('hex')).toBe('ae8b14860a799888');
  expect(new Crc64Nvme().digest().toString('hex')).toBe('0000000000000000');
});
