/**
 * Scatters a 32-bit integer: each bit of the result depends on each bit of what is given, and no two inputs share a result.
 * The constants are those of Chris Wellons's "lowbias32".
 */
export function mix32(value: number): number {
  let mixed = value | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
