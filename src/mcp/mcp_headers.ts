import { textAt } from "../jsonrpc/edit.ts";
import type { Message } from "../jsonrpc/message.ts";
import { META, MODERN_REVISION } from "./modern.ts";
import { asObject } from "./revision.ts";

/** A tool's argument that is mirrored into a header. */
export interface HeaderParam {
  /** Names of properties, outermost first. */
  readonly path: readonly string[];
  /** The header behind `Mcp-Param-`. */
  readonly header: string;
}

/** Visible ASCII with inner spaces goes as it is. */
const PLAIN = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;
const SENTINEL = /^=\?base64\?.*\?=$/is;

/**
 * A value as it stands in an `Mcp-*` header: as it is, or in base64 between markers where it could not stand so
 * (S/2026-07-28/basic/transports/streamable-http, Value Encoding).
 */
export function encodeHeaderValue(value: string): string {
  if (PLAIN.test(value) && !SENTINEL.test(value)) return value;
  const bytes = new TextEncoder().encode(value);
  return `=?base64?${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))}?=`;
}

/** Where the name stands that goes into `Mcp-Name`. */
const NAMES: Readonly<Record<string, string>> = {
  "tools/call": "name",
  "prompts/get": "name",
  "resources/read": "uri",
};

/**
 * The headers that say what a modern request's body says.
 *
 * @param params the arguments of the tool that is called which are mirrored
 */
export function modernHeaders(message: Message, params: readonly HeaderParam[] = []): Record<string, string> {
  const revision = textAt(message, ["params", "_meta", META.protocolVersion]);
  return {
    "mcp-protocol-version": revision?.startsWith('"') ? JSON.parse(revision) : MODERN_REVISION,
    "mcp-method": encodeHeaderValue(message.method!),
    ...mirroredHeaders(message, params),
  };
}

/**
 * Those of them that say what a request's `params` say: `Mcp-Name`, and `Mcp-Param-…` for arguments that are mirrored.
 * Hosted servers demand them in the legacy era, too.
 */
export function mirroredHeaders(message: Message, params: readonly HeaderParam[]): Record<string, string> {
  const method = message.method!;
  const headers: Record<string, string> = {};
  const member = Object.hasOwn(NAMES, method) ? NAMES[method] : undefined;
  const text = member === undefined ? undefined : textAt(message, ["params", member]);
  const name: unknown = text === undefined ? undefined : JSON.parse(text);
  if (typeof name === "string") headers["mcp-name"] = encodeHeaderValue(name);
  for (const { path, header } of params) {
    const value = textAt(message, ["params", "arguments", ...path]);
    const shown = value === undefined ? undefined : shownValue(value);
    if (shown === undefined) continue;
    headers[`mcp-param-${header.toLowerCase()}`] = encodeHeaderValue(shown);
  }
  return headers;
}

/** What stands for a JSON text in a header; `undefined` for what has no place there. */
function shownValue(text: string): string | undefined {
  if (text.startsWith('"')) return JSON.parse(text) as string;
  if (text === "true" || text === "false") return text;
  if (!/^[-\d]/.test(text)) return undefined;
  if (/^(?:0|-?[1-9]\d*)$/.test(text)) return text;
  // Another spelling of an integer; what is none goes as it is written.
  const value = Number(text);
  return Number.isInteger(value) ? BigInt(value).toString() : text;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const TYPES: readonly unknown[] = ["string", "integer", "boolean"];

/** Schemas are looked into no deeper than this. */
const MOST_DEPTH = 200;

/**
 * Reads which arguments a tool wants mirrored (`x-mcp-header`), or why its annotations are not valid: then the tool must be
 * left out of what the client sees (S/2026-07-28/basic/transports/streamable-http, Custom Headers from Tool Parameters).
 */
export function readHeaderParams(
  inputSchema: unknown,
): readonly HeaderParam[] | { readonly invalid: string } {
  const found: HeaderParam[] = [];
  const invalid = collect(inputSchema, [], { reachable: true, depth: 0, found });
  if (invalid !== undefined) return { invalid };
  const names = found.map(({ header }) => header.toLowerCase());
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  return twice === undefined ? found : { invalid: `the header ${twice} is named twice` };
}

interface Where {
  /** A chain of `properties` leads here. */
  readonly reachable: boolean;
  readonly depth: number;
  readonly found: HeaderParam[];
}

/** Collects the annotations below a schema; returns what is wrong with the first that is not valid. */
function collect(schema: unknown, path: readonly string[], where: Where): string | undefined {
  if (typeof schema !== "object" || schema === null) return undefined;
  if (where.depth > MOST_DEPTH) return "its schema is too deep to be searched for headers";
  const members = asObject(schema);
  const problem = annotationOf(members, path, where);
  if (problem !== undefined) return problem;
  for (const [name, value] of Object.entries(members)) {
    const deeper = { ...where, depth: where.depth + 1 };
    let inner: [path: readonly string[], schema: unknown][] = [];
    if (name === "properties") {
      inner = Object.entries(asObject(value)).map(([property, it]) => [[...path, property], it]);
    } else if (UNREACHABLE.has(name)) {
      deeper.reachable = false;
      const schemas = MAPS.has(name)
        ? Object.values(asObject(value))
        : Array.isArray(value)
        ? value
        : [value];
      inner = schemas.map((it) => [path, it]);
    }
    for (const [at, it] of inner) {
      const problem = collect(it, at, deeper);
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}

function annotationOf(
  members: Readonly<Record<string, unknown>>,
  path: readonly string[],
  { reachable, found }: Where,
): string | undefined {
  if (!Object.hasOwn(members, "x-mcp-header")) return undefined;
  const header = members["x-mcp-header"];
  if (typeof header !== "string" || !TOKEN.test(header)) return "a header's name is no token";
  if (!reachable || path.length === 0) return `the header ${header} stands where no property leads`;
  if (!TYPES.includes(members.type)) return `the header ${header} belongs to no string, integer or boolean`;
  found.push({ path, header });
  return undefined;
}

/** Members of a schema that hold schemas by name. */
const MAPS: ReadonlySet<string> = new Set([
  "patternProperties",
  "$defs",
  "definitions",
  "dependentSchemas",
  "dependencies",
]);

/** Members of a schema that hold schemas no chain of `properties` leads to. */
const UNREACHABLE: ReadonlySet<string> = new Set([
  ...MAPS,
  "items",
  "prefixItems",
  "additionalItems",
  "unevaluatedItems",
  "contains",
  "additionalProperties",
  "unevaluatedProperties",
  "propertyNames",
  "contentSchema",
  "oneOf",
  "anyOf",
  "allOf",
  "not",
  "if",
  "then",
  "else",
]);
