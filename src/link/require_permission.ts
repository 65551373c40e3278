import { LinkError } from "./link_error.ts";

/**
 * Makes sure of a Deno permission without ever prompting for it.
 *
 * @param flag the option of `deno run` that grants it, for the message
 * @param hint what else the reason may be; by default that the flag is to be given
 * @throws {LinkError} `PERMISSION` when it is not granted already
 */
export function requirePermission(
  descriptor: Deno.PermissionDescriptor,
  flag: string,
  hint = `Run with ${flag}.`,
): void {
  if (Deno.permissions.querySync(descriptor).state === "granted") return;
  throw new LinkError("PERMISSION", `Deno's permission ${flag} is missing`, { hint });
}
