import { textAt } from "../jsonrpc/edit.ts";
import type { Message } from "../jsonrpc/message.ts";
import { MODERN_REVISION } from "./modern.ts";
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
  const method = message.method!;
  const headers: Record<string, string> = {
    "mcp-protocol-version": MODERN_REVISION,
    "mcp-method": encodeHeaderValue(method),
  };
  const member = Object.hasOwn(NAMES, method) ? NAMES[method] : undefined;
  const text = member === undefined ? undefined : textAt(message, ["params", member]);
  const name: unknown = text === undefined ? undefined : JSON.parse(text);
  if (typeof name === "string") headers["mcp-name"] = encodeHeaderValue(name);
  for (const { path, header } of params) {
    const value = textAt(message, ["params", "arguments", ...path]);
    if (value === undefined || value === "null") continue;
    // A number or boolean goes as it is written.
    const shown = value.startsWith('"') ? JSON.parse(value) as string : value;
    headers[`mcp-param-${header.toLowerCase()}`] = encodeHeaderValue(shown);
  }
  return headers;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const TYPES: readonly unknown[] = ["string", "integer", "boolean"];

/**
 * Reads which arguments a tool wants mirrored (`x-mcp-header`), or why its annotations are not valid: then the tool must be
 * left out of what the client sees (S/2026-07-28/basic/transports/streamable-http, Custom Headers from Tool Parameters).
 */
export function readHeaderParams(
  inputSchema: unknown,
): readonly HeaderParam[] | { readonly invalid: string } {
  const found: HeaderParam[] = [];
  const problem = collect(inputSchema, [], true, found);
  if (problem !== undefined) return { invalid: problem };
  const names = found.map(({ header }) => header.toLowerCase());
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  return twice === undefined ? found : { invalid: `the header ${twice} is named twice` };
}

function collect(
  schema: unknown,
  path: readonly string[],
  reachable: boolean,
  found: HeaderParam[],
): string | undefined {
  if (typeof schema !== "object" || schema === null) return undefined;
  if (Array.isArray(schema)) {
    for (const item of schema) {
      const problem = collect(item, path, false, found);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }
  const members = asObject(schema);
  if (Object.hasOwn(members, "x-mcp-header")) {
    const header = members["x-mcp-header"];
    if (typeof header !== "string" || !TOKEN.test(header)) return "a header's name is no token";
    if (!reachable || path.length === 0) return `the header ${header} stands where no property leads`;
    if (!TYPES.includes(members.type)) return `the header ${header} belongs to no string, integer or boolean`;
    found.push({ path, header });
  }
  for (const [name, value] of Object.entries(members)) {
    if (name === "properties" && reachable) {
      for (const [property, inner] of Object.entries(asObject(value))) {
        const problem = collect(inner, [...path, property], true, found);
        if (problem !== undefined) return problem;
      }
    } else if (SUBSCHEMAS.has(name)) {
      const problem = collect(
        name === "properties" || name === "$defs" ? Object.values(asObject(value)) : value,
        path,
        false,
        found,
      );
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}

/** Members of a schema that hold schemas no chain of `properties` leads to. */
const SUBSCHEMAS: ReadonlySet<string> = new Set([
  "properties",
  "items",
  "prefixItems",
  "contains",
  "additionalProperties",
  "patternProperties",
  "oneOf",
  "anyOf",
  "allOf",
  "not",
  "if",
  "then",
  "else",
  "$defs",
  "definitions",
  "dependentSchemas",
]);
