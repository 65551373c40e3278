import { edit, textAt } from "../jsonrpc/edit.ts";
import type { Message } from "../jsonrpc/message.ts";
import { asObject } from "./revision.ts";

/**
 * Modern tools may have an output of any JSON type; those of the legacy era are objects (S/2025-11-25/server/tools, Output
 * Schema). What is none is put into one, as its member `result`.
 */

/** Pointers into the schema they stand in, but for those in strings, whose quotes are escaped. */
const POINTER = /("\$(?:dynamicRef|ref)"\s*:\s*")#(?=[/"])/g;

/**
 * The schema of an output that a legacy client takes: as it is, or as that of an object with the output in it.
 *
 * @param schema a JSON text
 */
export function legacyOutputSchema(schema: string): string {
  const { type, $id, $schema } = asObject(JSON.parse(schema));
  if (type === "object") return schema;
  // With an address of its own, its pointers lead into itself wherever it stands.
  const own = typeof $id === "string" && !$id.startsWith("#");
  const inner = own ? schema : schema.replace(POINTER, "$1#/properties/result");
  const dialect = typeof $schema === "string" ? `"$schema":${JSON.stringify($schema)},` : "";
  return `{${dialect}"type":"object","properties":{"result":${inner}},"required":["result"]}`;
}

/**
 * The result of a tool that a legacy client takes: structured content that is no object, or that the tool's schema as the
 * client has it puts into one, is put into one; and where nothing says it in words, its text is added.
 *
 * @param wrapped the client was shown the schema of an object with the output in it
 */
export function legacyToolResult(answer: Message, wrapped: boolean): Message {
  const content = textAt(answer, ["result", "structuredContent"]);
  if (content === undefined) return answer;
  const isObject = content.startsWith("{");
  if (isObject && !wrapped) return answer;
  const put = { path: ["result", "structuredContent"], value: `{"result":${content}}` };
  const blocks = asObject(answer.parsed("result")).content;
  const said = Array.isArray(blocks) && blocks.some((it) => asObject(it).type === "text");
  if (isObject || said) return edit(answer, [put]);
  const text = `{"type":"text","text":${JSON.stringify(content)}}`;
  const given = textAt(answer, ["result", "content"]);
  const value = Array.isArray(blocks) && blocks.length > 0
    ? `${given!.slice(0, given!.lastIndexOf("]"))},${text}]`
    : `[${text}]`;
  return edit(answer, [put, { path: ["result", "content"], value }]);
}
