/** What a request must be to be looked at. */
export interface CallbackPlace {
  /** The only path. */
  readonly path: string;
  /** What its `Host` may be, in lower case. */
  readonly hosts: ReadonlySet<string>;
}

/** What to do with a request. */
export type CallbackRequest =
  | { readonly kind: "answer"; /** What comes after the `?`. */ readonly query: string }
  | {
    readonly kind: "refused";
    readonly status: number;
    readonly reason: string;
    /** One line, with nothing of the request in it. */
    readonly text: string;
    readonly allow?: "GET";
  };

/**
 * Judges the head of an HTTP/1.1 request to the place where the browser comes back.
 *
 * Any page in any browser of this machine can send a request here, and a page whose name was rebound to this
 * address can read the answer: only the right `Host` is listened to, and no request that says that a script sent it.
 *
 * @param head the request line and the header lines, without the empty line at their end
 */
export function judgeCallback(head: string, { path, hosts }: CallbackPlace): CallbackRequest {
  const [requestLine = "", ...lines] = head.split("\r\n");
  const [, method, target] = /^([A-Z]+) (\/[\x21-\x7e]*) HTTP\/1\.[01]$/.exec(requestLine) ?? [];
  const headers = readHeaders(lines);
  if (method === undefined || target === undefined || headers === undefined) {
    return refused(400, "Bad Request", "This is no request that a browser sends.");
  }
  const host = headers.get("host") ?? [];
  if (host.length !== 1 || !hosts.has(host[0]!.toLowerCase())) {
    return refused(403, "Forbidden", "This address answers to its own name only.");
  }
  // A navigation has no Origin; `null` is what some browsers call one that was redirected.
  const foreign = (headers.get("origin") ?? []).some((it) => it !== "null" && it !== `http://${host[0]}`);
  const scripted = (headers.get("sec-fetch-mode") ?? []).some((it) => it !== "navigate");
  const mark = target.indexOf("?");
  if (foreign || (scripted && pathOf(target, mark) === path)) {
    return refused(403, "Forbidden", "This address is for a browser's own navigation only.");
  }
  if (pathOf(target, mark) !== path) return refused(404, "Not Found", "There is nothing here.");
  if (method !== "GET") {
    return { ...refused(405, "Method Not Allowed", "Only GET is answered here."), allow: "GET" };
  }
  return { kind: "answer", query: mark < 0 ? "" : target.slice(mark + 1) };
}

function refused(status: number, reason: string, text: string) {
  return { kind: "refused", status, reason, text } as const;
}

function pathOf(target: string, mark: number): string {
  return mark < 0 ? target : target.slice(0, mark);
}

/** @returns nothing when a line is no header */
function readHeaders(lines: readonly string[]): Map<string, string[]> | undefined {
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    // RFC 9112, section 5: no blank before the colon, and no line that goes on in the next.
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) return undefined;
    const key = name.toLowerCase();
    headers.set(key, [...headers.get(key) ?? [], value]);
  }
  return headers;
}
