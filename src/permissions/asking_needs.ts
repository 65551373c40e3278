import { portOf } from "../link/http/deno_client.ts";
import type { Need } from "./need.ts";
import { comfort, hostPort, placeNeeds } from "./place_needs.ts";
import { proxyNeeds } from "./proxy_needs.ts";
import { browserNeeds, sendsUser } from "./sign_in_needs.ts";
import type { Use } from "./use.ts";

const WITHOUT = "what it leads to is not known, and the report says so";

/** What `permissions` itself needs to find out of a use: it asks servers and reads variables, and runs nothing. */
export function askingNeeds(use: Use): Need[] {
  const { facts, offline = false } = use;
  const around = [
    ...facts.loaderVariables,
    ...Object.keys(facts.proxyVariables),
    ...(sendsUser(use) ? ["PATH"] : []),
  ];
  const known = [
    ...around.map((name) => comfort("env", name, "what it makes needed", "it counts as not set")),
    ...(sendsUser(use) ? browserNeeds(use).filter(({ kind }) => kind === "env") : []),
  ];
  if (offline) return known;
  const places = facts.places.filter(({ endpoint }) => endpoint.kind === "http");
  const servers = placeNeeds({ ...use, facts: { ...facts, places } });
  const metadata = facts.signIns.flatMap(({ urls }) =>
    urls.map(({ url, what }) => comfort("net", hostPort(url.hostname, portOf(url)), what, WITHOUT))
  );
  return [
    ...servers.map((it): Need => ({ ...it, weight: "comfort", without: WITHOUT })),
    ...metadata,
    ...proxyNeeds(use),
    ...known,
  ];
}
