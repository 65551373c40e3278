import { SignInError } from "./errors.ts";

/** The most bytes of such a file; more is a mistake. */
const LARGEST = 64 * 1024;
/** A signed JWT in its compact form (RFC 7515, section 3.1), or an encrypted one (RFC 7516, section 3.1). */
const COMPACT = /^[\w-]+(?:\.[\w-]*){2}(?:(?:\.[\w-]*){2})?$/;

/**
 * Reads a JWT that somebody else keeps fresh in a file. Such tokens live for minutes, so it is read whenever it is
 * used, and kept nowhere.
 *
 * @param option the option that names the file
 * @throws {SignInError} `PERMISSION`, `SETTINGS`, with nothing of what the file holds in it
 */
export async function readTokenFile(path: string, option: string): Promise<string> {
  const refuse = (why: string) => new SignInError("SETTINGS", `${option}: ${path} ${why}`);
  // Deno would ask the person at the terminal.
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") {
    throw new SignInError("PERMISSION", `${option} needs to read ${path}`, {
      hint: `run Deno with --allow-read=${path}`,
    });
  }
  let text: string;
  try {
    const { isFile, size } = await Deno.stat(path);
    if (!isFile) throw refuse("is no file");
    if (size > LARGEST) throw refuse("is too large");
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof SignInError) throw error;
    if (error instanceof Deno.errors.NotFound) throw refuse("does not exist");
    if (error instanceof Deno.errors.PermissionDenied) throw refuse("may not be read by this user");
    throw refuse("can't be read");
  }
  const token = text.replace(/^\ufeff/, "").trim();
  if (token === "") throw refuse("is empty");
  if (!COMPACT.test(token)) throw refuse("holds no JWT");
  return token;
}
