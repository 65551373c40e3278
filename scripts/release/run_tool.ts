/**
 * Runs a program to its end.
 *
 * @param what what to call it when it fails: the arguments may hold secrets
 * @returns what it wrote to stdout
 * @throws {Error} when it fails, with what it wrote
 */
export async function runTool(
  what: string,
  [file, ...args]: readonly [string, ...string[]],
): Promise<string> {
  const { success, code, stdout, stderr } = await new Deno.Command(file, { args, stdin: "null" }).output();
  const decoder = new TextDecoder();
  const text = decoder.decode(stdout);
  if (!success) throw new Error(`${what} failed with ${code}: ${text}${decoder.decode(stderr)}`);
  return text;
}
