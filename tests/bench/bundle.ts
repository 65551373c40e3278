/** Makes the program one minified file, the form in which it is shipped. */
import { CACHE, filePath } from "./rivals.ts";

/**
 * Bundles `source` into the cache folder.
 *
 * @returns the bundle's path
 * @throws {Error} when it can't be bundled
 */
export async function bundleProgram(source: string): Promise<string> {
  await Deno.mkdir(CACHE, { recursive: true });
  const bundle = filePath(new URL("mcp-connect.js", CACHE));
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--minify", "--platform", "deno", "--output", bundle, source],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`the program can't be bundled: ${new TextDecoder().decode(stderr)}`);
  return bundle;
}
