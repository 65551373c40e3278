import { neutralise } from "./neutralise.ts";
import { redactText } from "./redact_text.ts";
import { isPlainCode, judgeKey, type KeyVerdict, looksRandom } from "./secret_key.ts";
import { cutAndReplaceSecrets, mask, REDACTED, replaceSecrets, type Secrets } from "./secrets.ts";

/** The most characters of one text that a record keeps. */
export const TEXT_LIMIT = 8192;
const ENTRY_LIMIT = 100;
const VALUE_LIMIT = 2000;
const DEPTH_LIMIT = 8;

/** Cuts, redacts and neutralises the text of a record, in that order (a cut leaves no part of a secret). */
export function cleanText(text: string, secrets?: Secrets): string {
  const redacted = redactText(cutAndReplaceSecrets(text, TEXT_LIMIT, secrets), secrets);
  const neutral = neutralise(redacted);
  return neutral === redacted ? redacted : replaceSecrets(neutral, secrets);
}

/**
 * Turns the fields of a record into plain JSON data of bounded size in which no secret is left and no control
 * character: by key (see {@linkcode judgeKey}) and by value (see {@linkcode redactText}), names included.
 * Takes whatever it is given: errors with causes, bytes, headers, maps, cycles, getters that throw.
 */
export function cleanFields(fields: Record<string, unknown>, secrets?: Secrets): Record<string, unknown> {
  const state: State = { secrets, seen: new Set([fields]), left: VALUE_LIMIT };
  return cleanEntries(entriesOf(fields), state, 0, "public");
}

interface State {
  readonly secrets: Secrets | undefined;
  /** The objects on the way from the root to here. */
  readonly seen: Set<object>;
  /** How many more values the record takes. */
  left: number;
}

function cleanEntries(
  entries: readonly (readonly [unknown, unknown])[],
  state: State,
  depth: number,
  inherited: KeyVerdict,
): Record<string, unknown> {
  const out: [string, unknown][] = [];
  // `{name: "Authorization", value: "…"}`, as header lists are written.
  let named: string | undefined;
  for (const [key, value] of entries) {
    if ((key === "name" || key === "key" || key === "header") && typeof value === "string") named = value;
  }
  for (const [key, value] of entries.slice(0, ENTRY_LIMIT)) {
    const name = typeof key === "string" ? key : String(key);
    let verdict = inherited === "secret" ? inherited : judgeKey(name);
    if (named !== undefined && name === "value" && verdict !== "secret") verdict = judgeKey(named);
    out.push([cleanText(name, state.secrets), clean(value, state, depth + 1, verdict)]);
  }
  if (entries.length > ENTRY_LIMIT) out.push(["…", `${entries.length - ENTRY_LIMIT} more`]);
  return Object.fromEntries(out);
}

function clean(value: unknown, state: State, depth: number, verdict: KeyVerdict): unknown {
  if (--state.left < 0) return "…";
  try {
    switch (typeof value) {
      case "string":
        return cleanString(value, state, verdict);
      case "number":
        if (verdict === "secret") return REDACTED;
        return cleanPrimitive(Number.isFinite(value) ? value : String(value), state);
      case "bigint":
        return verdict === "secret" ? REDACTED : cleanText(String(value), state.secrets);
      case "boolean":
        return value;
      case "undefined":
        return undefined;
      case "object":
        return value === null ? null : cleanObject(value, state, depth, verdict);
      default:
        return verdict === "secret" ? REDACTED : cleanText(`[${typeof value}]`, state.secrets);
    }
  } catch {
    return "[unreadable]";
  }
}

function cleanPrimitive(value: number | string, state: State): unknown {
  const text = cleanText(String(value), state.secrets);
  return text === String(value) ? value : text;
}

function cleanString(value: string, state: State, verdict: KeyVerdict): string {
  if (value === "") return value;
  if (
    verdict === "secret" || (verdict === "code" && !isPlainCode(value)) ||
    (verdict === "suspect" && looksRandom(value))
  ) {
    return mask(value);
  }
  return cleanText(value, state.secrets);
}

function cleanObject(value: object, state: State, depth: number, verdict: KeyVerdict): unknown {
  if (value instanceof Uint8Array || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
  if (value instanceof URL || value instanceof URLSearchParams || value instanceof RegExp) {
    return cleanString(value instanceof URLSearchParams ? `?${value}` : String(value), state, verdict);
  }
  if (value instanceof Error) return cleanString(describeError(value), state, verdict);
  if (state.seen.has(value)) return "[circular]";
  if (depth >= DEPTH_LIMIT) return "[…]";
  state.seen.add(value);
  try {
    if (Array.isArray(value)) return cleanArray(value, state, depth, verdict);
    if (value instanceof Set) return cleanArray([...value], state, depth, verdict);
    if (value instanceof Headers || value instanceof Map) {
      return cleanEntries([...value.entries()], state, depth, verdict);
    }
    const toJSON = (value as { toJSON?: unknown }).toJSON;
    if (typeof toJSON === "function") return clean(toJSON.call(value), state, depth + 1, verdict);
    return cleanEntries(entriesOf(value), state, depth, verdict);
  } finally {
    state.seen.delete(value);
  }
}

function cleanArray(array: readonly unknown[], state: State, depth: number, verdict: KeyVerdict): unknown[] {
  // `["Authorization", "…"]` is an entry of a header list, `["--token", "…"]` part of a command line.
  let before: KeyVerdict = "public";
  const out: unknown[] = [];
  for (const value of array.slice(0, ENTRY_LIMIT)) {
    const own = verdict === "secret" || before !== "secret" ? verdict : before;
    out.push(clean(value, state, depth + 1, own));
    const name = typeof value === "string" && /^(?:--?)?[A-Za-z][\w-]*$/.test(value) ? value : undefined;
    before = name !== undefined && (name.startsWith("-") || array.length === 2) ? judgeKey(name) : "public";
  }
  if (array.length > ENTRY_LIMIT) out.push(`… ${array.length - ENTRY_LIMIT} more`);
  return out;
}

function entriesOf(value: object): [string, unknown][] {
  return Object.keys(value).map((key): [string, unknown] => {
    try {
      return [key, (value as Record<string, unknown>)[key]];
    } catch {
      return [key, "[unreadable]"];
    }
  });
}

/** One line for an error and its causes: `TypeError: fetch failed: connection refused (ECONNREFUSED)`. */
export function describeError(error: Error): string {
  const parts: string[] = [];
  let current: unknown = error;
  for (let depth = 0; current !== undefined && current !== null && depth < 8; depth++) {
    if (!(current instanceof Error)) {
      parts.push(typeof current === "string" ? current : typeof current);
      break;
    }
    const code: unknown = (current as { code?: unknown }).code;
    const suffix = typeof code === "string" || typeof code === "number" ? ` (${code})` : "";
    const name = depth === 0 || current.message === "" ? `${current.name}: ` : "";
    parts.push(`${name}${current.message}${suffix}`);
    const several: unknown = (current as { errors?: unknown }).errors;
    current = current.cause ?? (Array.isArray(several) ? several[0] : undefined);
  }
  return parts.join(": ");
}
