/** A JSON object. */
type Members = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The same client in other words: `elicitation: {}` means forms (S/2026-07-28/client/elicitation). */
function spelledOut(capabilities: Members): Members {
  const { elicitation } = capabilities;
  return isObject(elicitation) && Object.keys(elicitation).length === 0
    ? { ...capabilities, elicitation: { form: {} } }
    : capabilities;
}

/**
 * Tells whether a session that was begun with `declared` may carry what a client with `wanted` asks for: whatever that client
 * can do was declared.
 */
export function coversCapabilities(declared: Members, wanted: Members): boolean {
  return covers(spelledOut(declared), spelledOut(wanted));
}

function covers(declared: unknown, wanted: unknown): boolean {
  if (isObject(wanted)) {
    return isObject(declared) &&
      Object.entries(wanted).every(([name, value]) =>
        Object.hasOwn(declared, name) && covers(declared[name], value)
      );
  }
  return JSON.stringify(declared) === JSON.stringify(wanted);
}

/** What either can do; where they contradict each other, `b` has the word. */
export function joinCapabilities(a: Members, b: Members): Members {
  return join(spelledOut(a), spelledOut(b)) as Members;
}

function join(a: unknown, b: unknown): unknown {
  if (!isObject(a) || !isObject(b)) return b;
  const joined = new Map(Object.entries(a));
  for (const [name, value] of Object.entries(b)) {
    joined.set(name, joined.has(name) ? join(joined.get(name), value) : value);
  }
  return Object.fromEntries(joined);
}
