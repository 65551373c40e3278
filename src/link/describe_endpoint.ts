import type { Endpoint } from "./endpoint.ts";

/** Words in an argument's name that say its value is secret. */
const SECRET = /token|secret|passw|api-?_?key|credential|auth|bearer/i;

/**
 * An endpoint in words for logs and errors: what tells it apart, and nothing that may be secret. A URL's
 * query is left out, and so are the values of a command's arguments that are named like secrets.
 *
 * @example
 * ```ts
 * import { describeEndpoint } from "./describe_endpoint.ts";
 * describeEndpoint({ kind: "tcp", hostname: "::1", port: 9000 }); // "tcp://[::1]:9000"
 * ```
 */
export function describeEndpoint(endpoint: Endpoint): string {
  switch (endpoint.kind) {
    case "http": {
      const { url } = endpoint;
      return `${url.origin}${url.pathname}${url.search === "" ? "" : "?…"}`;
    }
    case "tcp": {
      const host = endpoint.hostname.includes(":") ? `[${endpoint.hostname}]` : endpoint.hostname;
      return `tcp://${host}:${endpoint.port}`;
    }
    case "unix":
      return `unix:${endpoint.path}`;
    case "command":
      return describeCommand(endpoint.command, endpoint.args);
  }
}

function describeCommand(command: string, args: readonly string[]): string {
  const words = [command];
  let secretNext = false;
  for (const arg of args) {
    const equals = arg.indexOf("=");
    if (secretNext && !arg.startsWith("-")) words.push("…");
    else if (equals > 0 && SECRET.test(arg.slice(0, equals))) words.push(`${arg.slice(0, equals)}=…`);
    else words.push(arg);
    secretNext = arg.startsWith("-") && equals < 0 && SECRET.test(arg);
  }
  const text = words.map((word) => /^[^\s"']+$/.test(word) ? word : JSON.stringify(word)).join(" ");
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}
