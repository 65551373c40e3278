import { evidenceOf } from "../link/era/evidence.ts";
import type { Outcome } from "../link/peer.ts";
import { judgeGreeting } from "../mcp/era.ts";
import { MODERN_REVISION } from "../mcp/modern.ts";
import {
  isLegacyRevision,
  LATEST_LEGACY_REVISION,
  LEGACY_REVISIONS,
  readInitializeResult,
} from "../mcp/revision.ts";
import { type EraVerdict, sayRefusal } from "./judge_era.ts";
import type { ClientForecast } from "./report.ts";

/** What {@linkcode foreseeClients} goes by. */
export interface ClientFacts {
  readonly era: EraVerdict;
  /** The option that leaves no other way to begin; `undefined` where all were open. */
  readonly limit: string | undefined;
  /** What the server answered to `initialize` with the newest legacy revision; `undefined` when there was no such answer. */
  readonly answered: string | undefined;
  /** What came of `initialize` with other revisions. */
  readonly tried: ReadonlyMap<string, Outcome>;
}

/** Tells what a client of each revision gets through this program. */
export function foreseeClients(facts: ClientFacts): ClientForecast[] {
  return [...LEGACY_REVISIONS.map((revision) => legacyClient(revision, facts)), modernClient(facts)];
}

function modernClient(facts: ClientFacts): ClientForecast {
  const { era, answered } = facts;
  const forecast = forecaster(MODERN_REVISION);
  switch (era.name) {
    case "modern":
    case "dual":
      return forecast("passed_on", MODERN_REVISION, true, "the server has answered server/discover");
    case "legacy":
      if (era.open) return forecast("not_known", null, false, "it could not be found out");
      return forecast("translated", answered ?? null, false, "the server speaks legacy revisions only");
    case null:
      return neither(forecast, facts);
  }
}

function legacyClient(revision: string, facts: ClientFacts): ClientForecast {
  const { era, answered, tried } = facts;
  const forecast = forecaster(revision);
  if (era.name === null) return neither(forecast, facts);
  const translated = (tried: boolean, why: string) => forecast("translated", MODERN_REVISION, tried, why);
  if (era.name === "modern") {
    return translated(revision === LATEST_LEGACY_REVISION, `the server speaks ${MODERN_REVISION} only`);
  }
  const isOurs = revision === LATEST_LEGACY_REVISION;
  const outcome = tried.get(revision);
  if (outcome !== undefined && !isOurs) {
    const said = outcome.kind === "answered"
      ? readInitializeResult(outcome.message)?.protocolVersion
      : undefined;
    if (isLegacyRevision(said)) return answeredWith(said, true);
    if (judgeGreeting(evidenceOf(outcome)) === "ask") {
      if (era.name === "dual") return translated(false, `the server does not take ${revision}`);
      if (said !== undefined) return answeredWith(said.slice(0, 40), true);
      const words = sayRefusal("initialize", outcome, 0);
      return forecast("not_served", null, true, `the server ${words}`);
    }
  }
  if (answered === undefined) return forecast("not_known", null, false, "it was not asked");
  if (isOurs) return answeredWith(answered, true);
  if (revision === answered) return answeredWith(answered, false);
  // Revisions are dates.
  return revision > answered
    ? forecast(
      "other_revision",
      answered,
      false,
      `the server has answered ${LATEST_LEGACY_REVISION} with ${answered}, which should be its newest`,
    )
    : forecast(
      "passed_on",
      null,
      false,
      "a server must answer with the same revision if it speaks it, else with another",
    );

  function answeredWith(said: string, tried: boolean): ClientForecast {
    return said === revision
      ? forecast("passed_on", said, tried, tried ? "the server has answered with it" : "the server speaks it")
      : forecast("other_revision", said, tried, `the server has answered with ${said}`);
  }
}

type Forecaster = (...rest: [ClientForecast["outcome"], string | null, boolean, string]) => ClientForecast;

function forecaster(revision: string): Forecaster {
  return (outcome, serverRevision, tried, why) => ({ revision, outcome, serverRevision, tried, why });
}

/** Nothing is served where the server speaks neither era, as far as it was asked. */
function neither(forecast: Forecaster, { era, limit }: ClientFacts): ClientForecast {
  if (era.open) return forecast("not_known", null, false, "the server's era is not known");
  const why = `the handshake fails${limit === undefined ? "" : `, and ${limit} allows no other`}`;
  return forecast("not_served", null, false, why);
}
