import type { ClientForecast } from "./report.ts";

/**
 * What clients get, a sentence for each run of revisions that get the same. Nothing where nothing is known: why, the era has
 * said.
 */
export function clientLines(clients: readonly ClientForecast[]): string[] {
  const runs: { first: string; last: string; text: string }[] = [];
  if (clients.every(({ outcome }) => outcome === "not_known")) return [];
  for (const client of clients) {
    const text = forecastText(client);
    const run = runs.at(-1);
    if (run?.text === text) run.last = client.revision;
    else runs.push({ first: client.revision, last: client.revision, text });
  }
  return runs.map(({ first, last, text }) => `${first === last ? first : `${first} to ${last}`}: ${text}`);
}

function forecastText({ outcome, serverRevision, tried, why }: ClientForecast): string {
  const untried = tried ? "" : " (not tried)";
  switch (outcome) {
    case "passed_on":
      return serverRevision === null ? `passed on; ${why}${untried}` : `passed on as it is${untried}`;
    case "other_revision":
      return `passed on; the server answers with ${serverRevision}${untried}`;
    case "translated":
      return `translated to ${serverRevision}`;
    case "not_served":
      return `not served: ${why}`;
    case "not_known":
      return `not known: ${why}`;
  }
}
