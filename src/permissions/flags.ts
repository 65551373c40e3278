import type { Need, NeedKind } from "./need.ts";

/** The order of kinds on a command line. */
const KINDS: readonly NeedKind[] = ["net", "read", "write", "env", "run", "ffi"];

/**
 * The flags of `deno run` that grant some needs, one for each kind. Those that are an `extra` are left out. Where all of
 * a kind is needed, its flag has no value. A path with a comma, which the flags can't hold, is replaced by the directory above it that has none.
 */
export function flagsFor(needs: readonly Need[]): string[] {
  return KINDS.flatMap((kind) => {
    const values = needs.filter((it) => it.kind === kind && it.weight !== "extra").map(({ value }) => value);
    if (values.length === 0) return [];
    const texts = values.map((value) => value === undefined ? undefined : withoutComma(kind, value));
    if (texts.includes(undefined)) return [`--allow-${kind}`];
    return [`--allow-${kind}=${[...new Set(texts)].join(",")}`];
  });
}

/** The flag that grants one need alone. */
export function flagFor({ kind, value }: Need): string {
  const text = value === undefined ? undefined : withoutComma(kind, value);
  return text === undefined ? `--allow-${kind}` : `--allow-${kind}=${text}`;
}

function withoutComma(kind: NeedKind, value: string): string | undefined {
  if (!value.includes(",")) return value;
  if (kind !== "read" && kind !== "write") return undefined;
  const above = value.slice(0, value.indexOf(",")).replace(/[^/\\]*$/, "");
  return above === "" ? "." : above;
}
