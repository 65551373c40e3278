/**
 * Whether two texts are equal, in a time that tells nothing about where they differ. How long the expected one is may be
 * learnt.
 */
export function sameText(given: string, expected: string): boolean {
  let difference = given.length ^ expected.length;
  for (let i = 0; i < expected.length; i++) {
    // Past the end there is NaN, which counts as 0 here: the lengths differ then.
    difference |= given.charCodeAt(i) ^ expected.charCodeAt(i);
  }
  return difference === 0;
}
