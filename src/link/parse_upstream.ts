import { editDistance } from "./edit_distance.ts";
import type { Endpoint } from "./endpoint.ts";
import { EndpointError } from "./endpoint_error.ts";
import { parseEndpoint } from "./parse_endpoint.ts";
import type { CommandPlatform } from "./split_command_line.ts";

/** One of several servers, or a name that several are found by. */
export interface ParsedUpstream {
  /** Where it is; of what is looked up, what all that are found have in common. */
  readonly endpoint: Endpoint;
  /** Above 0. */
  readonly weight: number;
  /** It takes nothing new. */
  readonly drain: boolean;
  /** How the servers are found; absent: the endpoint is the server. */
  readonly lookup?:
    /** Each address of the endpoint's name is a server. */
    | { readonly kind: "addresses" }
    /** So is what each SRV record of this name says (RFC 2782); the endpoint has that name as its host. */
    | { readonly kind: "srv"; readonly name: string };
}

/** The greatest weight. */
const MOST_WEIGHT = 1000;
const ATTRIBUTES = ["weight", "drain"] as const;
const KNOWN = "an upstream may end in ;weight=N or ;drain";

/**
 * Reads an endpoint that may end in attributes (`;weight=2`, `;drain`), and may be one to look up:
 *
 * | text | servers |
 * |---|---|
 * | `dns+https://host/path`, `dns+http://…`, `dns+tcp://host:port` | every address of the name |
 * | `srv+https://_mcp._tcp.example.com/path`, `srv+http://…`, `srv+tcp://name` | those that its SRV records name |
 *
 * Only what is known is split off the end; other semicolons belong to the endpoint.
 *
 * @throws {EndpointError} with a hint, and nothing else
 */
export function parseUpstream(text: string, platform: CommandPlatform): ParsedUpstream {
  const { rest, weight, drain } = splitAttributes(text.trim());
  const lookup = /^(dns|srv)\+(.*)$/is.exec(rest);
  if (lookup === null) return { endpoint: parseEndpoint(rest, platform), weight, drain };
  const inner = lookup[2]!;
  return lookup[1]!.toLowerCase() === "dns"
    ? { endpoint: namedEndpoint(inner, "dns+", platform), weight, drain, lookup: { kind: "addresses" } }
    : { ...srvEndpoint(inner, platform), weight, drain };
}

interface Attributes {
  readonly rest: string;
  readonly weight: number;
  readonly drain: boolean;
}

/** One attribute, or what looks like one: no quotes, no space, nothing of a URL's behind it. */
const SEGMENT = /^([A-Za-z][A-Za-z0-9_-]*)(?:=([^;"'\s/?#]*))?$/;

function splitAttributes(text: string): Attributes {
  const parts = text.split(";");
  let first = parts.length;
  while (first > 1 && SEGMENT.test(parts[first - 1]!.trim())) first--;
  const names = parts.slice(first).map((part) => SEGMENT.exec(part.trim())!);
  // From the first that is one, or is meant to be, all have to be.
  const begin = names.findIndex(([, name]) => isNear(name!));
  if (begin < 0) return { rest: text, weight: 1, drain: false };
  let weight: number | undefined;
  let drain: boolean | undefined;
  for (const [, given, value] of names.slice(begin)) {
    const name = ATTRIBUTES.find((it) => it === given!.toLowerCase());
    if (name === undefined) throw new EndpointError(`;${given!.slice(0, 40)} is no attribute`, KNOWN);
    if ((name === "weight" ? weight : drain) !== undefined) {
      throw new EndpointError(`;${name} is given twice`);
    }
    if (name === "weight") weight = parseWeight(value);
    else if (value === undefined) drain = true;
    else throw new EndpointError(";drain takes no value", KNOWN);
  }
  const rest = parts.slice(0, first + begin).join(";").trim();
  return { rest, weight: weight === 0 ? 1 : weight ?? 1, drain: drain === true || weight === 0 };
}

/** Whether a word is an attribute's name, or one with a slip of the fingers. */
function isNear(word: string): boolean {
  const lower = word.toLowerCase();
  return ATTRIBUTES.some((name) => editDistance(lower, name) <= (name.length > 5 ? 2 : 1));
}

function parseWeight(text: string | undefined): number {
  const value = /^(?:\d{1,6}(?:\.\d{0,6})?|\.\d{1,6})$/.test(text ?? "") ? Number(text) : NaN;
  if (!(value >= 0 && value <= MOST_WEIGHT)) {
    throw new EndpointError(
      `;weight takes a number above 0 and up to ${MOST_WEIGHT}, such as ;weight=2`,
      "0 is the same as ;drain",
    );
  }
  return value;
}

/** A URL whose host is a name. */
function namedEndpoint(text: string, prefix: string, platform: CommandPlatform): Endpoint & Named {
  if (!/^(?:https?|tcp):/i.test(text)) {
    throw new EndpointError(
      `${prefix} is followed by https://, http:// or tcp://`,
      `such as ${prefix}https://mcp.example.com/mcp`,
    );
  }
  const endpoint = parseEndpoint(text, platform) as Endpoint & Named;
  const host = endpoint.kind === "http" ? endpoint.url.hostname : endpoint.hostname;
  if (/^\[|:|^\d{1,3}(?:\.\d{1,3}){3}$/.test(host)) {
    throw new EndpointError(
      `${prefix} takes a name to look up, and ${host} is an address`,
      `leave ${prefix} out`,
    );
  }
  return endpoint;
}

type Named = { readonly kind: "http" | "tcp" };

function srvEndpoint(
  text: string,
  platform: CommandPlatform,
): Pick<ParsedUpstream, "endpoint"> & { readonly lookup: NonNullable<ParsedUpstream["lookup"]> } {
  if (/^(?:https?|tcp):\/\/[^/?#]*:\d*(?:[/?#]|$)/i.test(text) && !/^\w+:\/\/\[/.test(text)) {
    throw new EndpointError("srv+ takes a name without a port", "its records tell the port");
  }
  // A port for the parser's sake: there is none before the records are known.
  const tcp = /^tcp:\/\/([^/?#]*)\/?$/i.exec(text);
  const endpoint = namedEndpoint(
    tcp === null || tcp[1]!.startsWith("[") ? text : `tcp://${tcp[1]}:1`,
    "srv+",
    platform,
  );
  if (endpoint.kind === "http") {
    return { endpoint, lookup: { kind: "srv", name: endpoint.url.hostname } };
  }
  return { endpoint: { ...endpoint, port: 0 }, lookup: { kind: "srv", name: endpoint.hostname } };
}
