import type { Endpoint } from "./endpoint.ts";
import { EndpointError } from "./endpoint_error.ts";
import { type CommandPlatform, splitCommandLine } from "./split_command_line.ts";

/** What a user can write, for the hints. */
const FORMS = "an endpoint is a URL (http://, https://, tcp://), host:port, unix:PATH or a command line";

/** A host's name or IPv4 address; underscores appear in container networks. */
const HOST = "[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\\.?";
const IPV6 = "\\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.-]+)?\\]";
const HOST_PORT = new RegExp(`^(${HOST}|${IPV6}):(\\d+)$`);
const HOST_PORT_PATH = new RegExp(`^(${HOST}|${IPV6}):(\\d+)[/?#]`);

/**
 * Tells what a text names:
 *
 * | text | endpoint |
 * |---|---|
 * | `http://…`, `https://…` | Streamable HTTP or HTTP+SSE |
 * | `tcp://host:port`, `host:port`, `[::1]:9000` | TCP |
 * | `unix:path`, `unix:///path` | Unix socket |
 * | `C:\srv\a.exe --x`, `node server.js` | a command, split by {@linkcode splitCommandLine} |
 *
 * Anything that begins with another scheme is an error and never a command. A command whose name looks like
 * one of the others has to be passed as words (`-- CMD ARGS…`).
 *
 * @param platform whose quoting rules a command line follows
 * @throws {EndpointError} with a hint, and nothing else
 */
export function parseEndpoint(text: string, platform: CommandPlatform): Endpoint {
  const trimmed = text.trim();
  if (trimmed === "") throw new EndpointError("the endpoint is empty", FORMS);
  if (trimmed.startsWith("-")) {
    throw new EndpointError('the endpoint begins with "-", as an option does', FORMS);
  }

  const hostPort = HOST_PORT.exec(trimmed);
  if (hostPort !== null) return tcpEndpoint(hostPort[1]!, hostPort[2]!);
  const withPath = HOST_PORT_PATH.exec(trimmed);
  if (withPath !== null) {
    throw new EndpointError(
      `${withPath[1]}:${withPath[2]} followed by a path is no TCP endpoint`,
      `for HTTP write http://${shown(trimmed)}`,
    );
  }
  if (/^\[/.test(trimmed) && !/\s/.test(trimmed)) {
    throw new EndpointError("an IPv6 endpoint is written [ADDRESS]:PORT", "such as [::1]:9000");
  }
  if (/^[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9_.-]+)?$/.test(trimmed)) {
    throw new EndpointError("an IPv6 address needs brackets and a port", "such as [::1]:9000");
  }
  if (/^(?:localhost|\d{1,3}(?:\.\d{1,3}){3})(?:$|\/)/i.test(trimmed)) {
    throw new EndpointError(
      `${shown(trimmed)} has neither a scheme nor a port`,
      `write http://${shown(trimmed)} for HTTP or host:port for TCP`,
    );
  }

  if (/^(?:[a-z0-9-]+\.)+[a-z]{2,}\/\S*$/i.test(trimmed)) {
    throw new EndpointError(
      `${shown(trimmed)} has no scheme`,
      `write https://${shown(trimmed)} for a URL, or ./${shown(trimmed)} for a command`,
    );
  }

  // A drive letter looks like a scheme of one letter (RFC 3986 section 3.1); a real one is never so short.
  if (/^[A-Za-z]:[\\/]/.test(trimmed)) {
    return commandEndpoint(trimmed, trimmed[2] === "\\" ? "windows" : platform);
  }
  const scheme = schemeOf(trimmed);
  switch (scheme) {
    case undefined:
      return commandEndpoint(trimmed, platform);
    case "http":
    case "https":
      return httpEndpoint(trimmed, scheme);
    case "tcp":
      return tcpUrl(trimmed);
    case "unix":
      return unixEndpoint(trimmed);
    default:
      throw unknownScheme(scheme);
  }
}

/** The scheme of RFC 3986 section 3.1 that `text` begins with, in lower case. */
function schemeOf(text: string): string | undefined {
  return /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(text)?.[1]?.toLowerCase();
}

function unknownScheme(scheme: string): EndpointError {
  const name = scheme.length > 40 ? `${scheme.slice(0, 40)}…` : scheme;
  if (scheme === "ws" || scheme === "wss") {
    return new EndpointError(
      `unknown scheme ${name}: (MCP has no WebSocket transport)`,
      "use the server's http:// or https:// URL",
    );
  }
  if (/^(?:dns|srv)\+(?:https?|tcp)$/.test(scheme)) {
    return new EndpointError(
      `${name}: stands for all that a name leads to, and here goes one server only`,
      "spread requests over them with load-balance",
    );
  }
  return new EndpointError(
    `unknown scheme ${name}:`,
    `${FORMS} (a command with a colon in its name goes after --)`,
  );
}

function httpEndpoint(text: string, scheme: string): Endpoint {
  if (!/^https?:\/\//i.test(text)) {
    throw new EndpointError(`a URL begins with ${scheme}://`, `write ${scheme}://HOST…`);
  }
  // deno-lint-ignore no-control-regex
  if (/[\s\x00-\x1f\x7f]/.test(text)) {
    throw new EndpointError("the URL holds a space or control character", "write a space as %20");
  }
  const url = URL.parse(text);
  if (url === null) throw new EndpointError(`${shown(text)} is not a valid URL`);
  if (url.username !== "" || url.password !== "") {
    throw new EndpointError(
      "the URL holds a user name or password, which would end up in logs",
      'use --auth-token, --api-key or --header "Authorization: Basic ${CREDENTIALS}"',
    );
  }
  if (url.port === "0") throw new EndpointError("port 0 can't be connected to");
  url.hash = "";
  return { kind: "http", url };
}

function tcpUrl(text: string): Endpoint {
  const match = new RegExp(`^tcp://(${HOST}|${IPV6}):(\\d+)/?$`, "i").exec(text);
  if (match === null) {
    throw new EndpointError("a TCP endpoint is written tcp://HOST:PORT", "such as tcp://127.0.0.1:9000");
  }
  return tcpEndpoint(match[1]!, match[2]!);
}

function tcpEndpoint(host: string, port: string): Endpoint {
  const number = Number(port);
  if (!(number >= 1 && number <= 65535)) {
    throw new EndpointError(
      `port ${port.length > 12 ? `${port.slice(0, 12)}…` : port} is not between 1 and 65535`,
    );
  }
  if (!host.startsWith("[")) return { kind: "tcp", hostname: host, port: number };
  const address = host.slice(1, -1);
  // The URL parser knows the grammar of IPv6 addresses (RFC 4291 section 2.2), without zones.
  if (URL.parse(`http://[${address.replace(/%.*$/, "")}]/`) === null) {
    throw new EndpointError(`${host} is not an IPv6 address`);
  }
  return { kind: "tcp", hostname: address, port: number };
}

function unixEndpoint(text: string): Endpoint {
  let path = text.slice("unix:".length);
  if (path.startsWith("//")) {
    if (!path.startsWith("///")) {
      throw new EndpointError("unix:// is followed by an absolute path", "write unix:///PATH or unix:PATH");
    }
    path = path.slice(2);
  }
  if (path === "") throw new EndpointError("a Unix socket endpoint is written unix:PATH");
  if (path.includes("\0")) throw new EndpointError("the socket's path holds a NUL character");
  return { kind: "unix", path };
}

function commandEndpoint(text: string, platform: CommandPlatform): Endpoint {
  const [command, ...args] = splitCommandLine(text, platform);
  if (command === undefined || command.trim() === "") throw new EndpointError("the command's name is empty");
  // Quotes must not turn "ws://…" into a command.
  const scheme = schemeOf(command);
  if (scheme !== undefined && !/^[A-Za-z]:[\\/]/.test(command)) {
    if (["http", "https", "tcp", "unix"].includes(scheme)) {
      throw new EndpointError("the endpoint has quotes of its own around it", "leave them out");
    }
    throw unknownScheme(scheme);
  }
  if (HOST_PORT.test(command)) {
    throw new EndpointError("host:port is followed by more words", FORMS);
  }
  if (/^[A-Za-z_][A-Za-z0-9_]*=/.test(command)) {
    const name = command.slice(0, command.indexOf("="));
    throw new EndpointError("a command line can't set variables", `use --env ${name.slice(0, 60)}=VALUE`);
  }
  return { kind: "command", command, args };
}

/** `text` for an error: without a query or user name, which may be secret, without control characters, short. */
function shown(text: string): string {
  const safe = text.replace(/[?#].*$/s, "").replace(/\/\/[^/]*@/, "//").replace(/\p{C}/gu, "�");
  return safe.length > 80 ? `${safe.slice(0, 80)}…` : safe;
}
