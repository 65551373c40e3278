import { expectsSignIn } from "./sign_in_needs.ts";
import type { Use } from "./use.ts";

/** What is not known of a use, so that its permissions may be too few: one sentence each. */
export function unknownsOf(use: Use): string[] {
  const { facts, settings } = use;
  return [
    ...(facts.variablesHidden
      ? [
        "Variables that Deno does not show here count as not set: run this with --allow-env to have them seen.",
      ]
      : []),
    ...facts.signIns.flatMap(({ server, answer, why }) => {
      const because = why === undefined ? "" : ` (${why})`;
      if (answer === "unknown" && !expectsSignIn(use)) {
        return [
          `Whether ${server} wants a sign-in is not known${because}. If it does, it takes its authorization server ` +
          "and 127.0.0.1 in --allow-net, and what opens a browser in --allow-run.",
        ];
      }
      return answer !== "unwanted" && why !== undefined
        ? [`Who gives tokens for ${server} is not known${because}: it belongs into --allow-net.`]
        : [];
    }),
    ...facts.notFound.map(({ name, why }) =>
      `What ${name} leads to is not known (${why}): each address belongs into --allow-net.`
    ),
    ...facts.lookups.filter((name) => facts.notFound.every((it) => it.name !== name)).map((name) =>
      `What ${name} leads to is as it is now: addresses that come later belong into --allow-net, too.`
    ),
    ...(settings?.balance?.sources.some(({ kind }) => kind === "file")
      ? [
        "Upstreams that --endpoints-file will name later are not known: what they need belongs into the flags.",
      ]
      : []),
  ];
}
