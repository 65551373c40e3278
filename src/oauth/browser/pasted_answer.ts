/** What a person pasted. */
export type Pasted =
  /** The browser's answer. */
  | { readonly kind: "answer"; readonly params: URLSearchParams }
  /** Nothing at all. */
  | { readonly kind: "empty" }
  /** The address to sign in at, not the one the browser ended up at. */
  | { readonly kind: "question" }
  | { readonly kind: "other" };

/** Longer than any answer. */
const LONGEST = 64 * 1024;

/**
 * Reads the address that the browser ended up at, or what comes after its `?`, as a person pastes it: with blanks or
 * quotes around it, or the marks of a terminal's bracketed paste.
 */
export function readPasted(text: string): Pasted {
  // deno-lint-ignore no-control-regex
  const bare = text.replace(/\x1b\[20[01]~/g, "").trim().replace(/^(["'<`])(.*)(["'>`])$/, "$2").trim();
  if (bare === "") return { kind: "empty" };
  if (bare.length > LONGEST) return { kind: "other" };
  const mark = bare.indexOf("?");
  const query = (mark < 0 ? bare : bare.slice(mark + 1)).replace(/#.*$/, "");
  const params = new URLSearchParams(query);
  if (params.has("code") || params.has("error")) return { kind: "answer", params };
  return { kind: params.has("client_id") || params.has("request_uri") ? "question" : "other" };
}
