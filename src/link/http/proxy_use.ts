/** What is known of an environment variable: its value, `undefined` when it is not set, `null` when it may not be read. */
export type Variable = (name: string) => string | undefined | null;

/** The variables that name a proxy for everything, or say what needs none. */
const EXEMPTIONS = ["NO_PROXY", "no_proxy"];

/** The variables that name the proxy for a URL, as Deno reads them: the first that is set does. */
export function proxyVariables({ protocol }: URL): readonly string[] {
  const own = protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  return [own, own.toLowerCase(), "ALL_PROXY", "all_proxy"];
}

/**
 * Tells whether the environment sends what goes to `url` through a proxy.
 *
 * - `direct`: it does not.
 * - `proxy`: it does, or may: an address range in `NO_PROXY` counts as not naming the host.
 * - `unknown`: a variable that decides may not be read.
 */
export function proxyUse(url: URL, variable: Variable): "direct" | "proxy" | "unknown" {
  const values = proxyVariables(url).map(variable);
  const named = values.some((value) => value !== undefined && value !== null && value !== "");
  if (!named) return values.includes(null) ? "unknown" : "direct";
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const exempt = EXEMPTIONS.some((name) =>
    (variable(name) ?? "").split(",").map((entry) => entry.trim().toLowerCase()).some((entry) => {
      const bare = entry.replace(/^\*?\./, "");
      return entry === "*" || (bare !== "" && (host === bare || host.endsWith(`.${bare}`)));
    })
  );
  return exempt ? "direct" : "proxy";
}
