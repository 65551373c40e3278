/**
 * A request id as the JSON text it was written in (`7`, `"a-1"`, `9007199254740993`): ids are compared and
 * put back as text, since a number may be larger than a JavaScript number holds.
 */
export type Id = string;

/** Tells whether a JSON text is an id a request may carry: a string or a number, not `null` (MCP, basic/index). */
export function isRequestId(text: string): boolean {
  const first = text.charCodeAt(0);
  return first === 0x22 || first === 0x2d || (first >= 0x30 && first <= 0x39);
}

/**
 * The key under which an id is looked up: equal for two spellings of the same id (`1` and `1.0`,
 * `"a"` and `"\u0061"`), different for a number and a string.
 *
 * Integers beyond 2^53 keep their own digits.
 */
export function idKey(id: Id): string {
  if (id.charCodeAt(0) === 0x22) return id.includes("\\") ? JSON.stringify(JSON.parse(id)) : id;
  if (/^(?:0|-?[1-9]\d*)$/.test(id)) return id;
  const value = Number(id);
  return Number.isInteger(value)
    ? (Number.isSafeInteger(value) ? String(value) : id)
    : Number.isFinite(value)
    ? String(value)
    : id;
}

/**
 * Tells whether an answer's id is a request's id as a peer would write it that reads numbers as doubles
 * (`9007199254740993` comes back as `9007199254740992`).
 */
export function idsMeet(sent: Id, answered: Id): boolean {
  if (sent === answered) return true;
  if (sent.charCodeAt(0) === 0x22 || answered.charCodeAt(0) === 0x22) return idKey(sent) === idKey(answered);
  return Number(sent) === Number(answered);
}
