import { LinkError } from "../link_error.ts";

/**
 * What it means that `Deno.connect` threw `error`.
 *
 * @param name the endpoint, for the message
 * @returns the signal's own reason where it was aborted for another reason than a timeout
 */
export function connectError(error: unknown, name: string, signal: AbortSignal): unknown {
  const because = (code: LinkError["code"], message: string, hint?: string) =>
    new LinkError(code, message, { hint, cause: error });
  if (signal.aborted) {
    const { reason } = signal;
    if (!(reason instanceof DOMException && reason.name === "TimeoutError")) return reason;
    return because(
      "TIMEOUT",
      `${name} did not answer in time`,
      "Is a firewall in between? Try a longer --timeout.",
    );
  }
  const text = error instanceof Error ? error.message : String(error);
  const isSocketFile = name.startsWith("unix:");
  if (error instanceof Deno.errors.ConnectionRefused) {
    return because("REFUSED", `${name} refused the connection`, "Is the server running?");
  }
  if (error instanceof Deno.errors.NotCapable) {
    return because("PERMISSION", `Deno does not permit a connection to ${name}: ${text}`);
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return because("PERMISSION", `the system does not permit a connection to ${name}`);
  }
  if (isSocketFile && error instanceof Deno.errors.NotFound) {
    return because(
      "NOT_FOUND",
      `there is no socket file for ${name}`,
      "Is the server running, and the path right?",
    );
  }
  if (/failed to lookup address|no such host|name or service|nodename|not known/i.test(text)) {
    return because("NOT_FOUND", `no such host: ${name}`, "Check the name and the network's DNS.");
  }
  if (error instanceof URIError || error instanceof TypeError || error instanceof RangeError) {
    return because("INVALID", `${name} is no address: ${text}`);
  }
  if (error instanceof Deno.errors.TimedOut) return because("TIMEOUT", `${name} did not answer in time`);
  return because("UNREACHABLE", `${name} can't be reached: ${text}`);
}
