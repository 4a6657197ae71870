import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Operands } from '../../src/lsm/operands.js';

const bytes = fc.uint8Array({ maxLength: 100 });

describe('the operands of a key', () => {
  it('are given back oldest first, whatever they hold', () => {
    fc.assert(
      fc.property(fc.array(bytes), fc.array(bytes), (first, second) => {
        const operands = new Operands();
        for (const operand of first) operands.add(operand, 0, operand.length);
        expect(operands.count).toBe(first.length);
        const taken = operands.take();
        expect(operands.count).toBe(0);
        // what comes later is not written over what was given out
        for (const operand of second) operands.add(operand, 0, operand.length);
        expect(taken).toEqual([...first].reverse());
        expect(operands.take()).toEqual([...second].reverse());
      }),
    );
  });

  it('are copied from their place in a buffer, and forgotten', () => {
    const operands = new Operands();
    const source = Uint8Array.of(1, 2, 3, 4);
    operands.add(source, 1, 3);
    source.fill(0);
    operands.clear();
    operands.add(Uint8Array.of(5, 6), 1, 2);
    expect(operands.take()).toEqual([Uint8Array.of(6)]);
  });
});
