/**
 * Resolves to `true` after `ms` milliseconds. Unlike any other timer it runs no code of Deno's, which is compiled when it is run
 * first: that takes ten times as long. It can't be stopped, and does not keep the program from its end: whatever it is waited for
 * beside has to.
 */
export async function noLonger(ms: number): Promise<true> {
  const nobodyWakes = new Int32Array(new SharedArrayBuffer(4));
  await Atomics.waitAsync(nobodyWakes, 0, 0, ms).value;
  return true;
}
