import type { Need, NeedKind } from "./need.ts";

/** The order of kinds on a command line. */
const KINDS: readonly NeedKind[] = ["net", "read", "write", "env", "run", "ffi"];

/**
 * The flags of `deno run` that grant some needs, one for each kind. Those that are an `extra` are left out. Where all of
 * a kind is needed, its flag has no value. A path with a comma, which the flags can't hold, is replaced by the directory
 * above it that has none; what can be done without is not worth all of a kind, or of the disk, and is left out.
 */
export function flagsFor(needs: readonly Need[]): string[] {
  return KINDS.flatMap((kind) => {
    const wanted = needs.filter((it) => it.kind === kind && it.weight !== "extra" && !isLeftOut(it));
    if (wanted.length === 0) return [];
    const texts = wanted.map(({ value }) => value === undefined ? undefined : withoutComma(kind, value));
    if (texts.includes(undefined)) return [`--allow-${kind}`];
    return [`--allow-${kind}=${[...new Set(texts)].join(",")}`];
  });
}

/** The flag that grants one need alone. */
export function flagFor({ kind, value }: Need): string {
  const text = value === undefined ? undefined : withoutComma(kind, value);
  return text === undefined ? `--allow-${kind}` : `--allow-${kind}=${text}`;
}

/** What the flags permit beyond the needs, or do not permit, because of commas: one sentence each. */
export function commaNotes(needs: readonly Need[]): string[] {
  return needs.flatMap((it) => {
    if (it.value === undefined || it.weight === "extra" || !it.value.includes(",")) return [];
    const beginning = `No flag can hold the comma in ${it.value}:`;
    return isLeftOut(it)
      ? [`${beginning} it is not permitted, as it would take ${flagFor(it)}.`]
      : [`${beginning} ${flagFor(it)} stands for it, and permits more.`];
  });
}

function isLeftOut(need: Need): boolean {
  if (need.weight !== "comfort" || need.value === undefined || !need.value.includes(",")) return false;
  const text = withoutComma(need.kind, need.value);
  return text === undefined || /^(?:[A-Za-z]:)?[\\/]$/.test(text);
}

function withoutComma(kind: NeedKind, value: string): string | undefined {
  if (!value.includes(",")) return value;
  if (kind !== "read" && kind !== "write") return undefined;
  const above = value.slice(0, value.indexOf(",")).replace(/[^/\\]*$/, "");
  return above === "" ? "." : above;
}
