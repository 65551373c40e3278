/** What a scenario's checks, and what went through the program meanwhile, come to. */
import type { Carried } from "./carrier/session.ts";
import type { Check, Found } from "./suite.ts";

export interface Verdict {
  readonly scenario: string;
  readonly passed: boolean;
  readonly succeeded: number;
  readonly failed: number;
  readonly warned: number;
  /** The checks that did not hold, by their ids. */
  readonly failures: readonly string[];
  /** Why a pass shows nothing; absent when it shows something. */
  readonly empty?: string;
  /** What did not hold, a line each. */
  readonly complaints: readonly string[];
}

/** What is known of what a scenario made the program do. */
export interface Evidence {
  /** The requests that went through it, in a server scenario. */
  readonly requests?: readonly Carried[];
  /** How many requests of the client were answered, in a client scenario. */
  readonly answered?: number;
  /** What went wrong beside the checks. */
  readonly problems?: readonly string[];
}

/** The suite adds it to every scenario, whatever went over the wire. */
const EVERYWHERE = "wire-schema-valid";

/** Judges a scenario. */
export function judge({ scenario, passed, checks, output }: Found, evidence: Evidence = {}): Verdict {
  const count = (status: Check["status"]) => checks.filter((check) => check.status === status).length;
  const problems = evidence.problems ?? [];
  const complaints = checks
    .filter(({ status }) => status === "FAILURE" || status === "WARNING")
    .map(({ id, status, description, errorMessage }) => `${status} ${id}: ${errorMessage ?? description}`);
  if (!passed && complaints.length === 0) complaints.push(lastLines(output));
  const empty = passed ? emptiness(scenario, checks, evidence) : undefined;
  return {
    scenario,
    passed: passed && problems.length === 0,
    succeeded: count("SUCCESS"),
    failed: count("FAILURE"),
    warned: count("WARNING"),
    failures: checks.filter(({ status }) => status === "FAILURE").map(({ id }) => id),
    complaints: [...complaints, ...problems],
    ...(empty === undefined ? {} : { empty }),
  };
}

function emptiness(scenario: string, checks: readonly Check[], evidence: Evidence): string | undefined {
  if (!checks.some(({ id, status }) => status === "SUCCESS" && id !== EVERYWHERE)) {
    return "no check succeeded";
  }
  if (evidence.answered === 0) return "no request of the client was answered";
  const method = methodOf(scenario);
  if (evidence.requests === undefined || method === undefined) return undefined;
  const sent = evidence.requests.filter((request) => request.method === method);
  if (sent.length === 0) return `the program saw no ${method}`;
  const wanted = WANTED_ERRORS[scenario];
  const shows = ({ answer }: Carried) => answer === "result" || answer === wanted && wanted !== undefined;
  return sent.some(shows) ? undefined : `no ${method} had a result`;
}

/** The codes of the errors that these look at. */
const WANTED_ERRORS: Readonly<Record<string, number>> = {
  "sep-2164-resource-not-found": -32602,
  "input-required-result-validate-input": -32602,
};

const METHODS: readonly (readonly [RegExp, string | undefined])[] = [
  // The carrier answers it.
  [/^dns-rebinding-protection$/, undefined],
  [/^server-initialize$/, "initialize"],
  [/^server-stateless$/, "server/discover"],
  [/^logging-set-level$/, "logging/setLevel"],
  [/^ping$/, "ping"],
  [/^completion-complete$/, "completion/complete"],
  [/^(tools-list|caching|server-sse-multiple-streams|json-schema-2020-12)$/, "tools/list"],
  [/^input-required-result-unsupported-methods$/, "tools/list"],
  [/^input-required-result-non-tool-request$/, "prompts/get"],
  [/^(tools-call|elicitation|input-required-result)-/, "tools/call"],
  [/^resources-list$/, "resources/list"],
  [/^(resources-.*-?read.*|sep-2164-.*)$/, "resources/read"],
  [/^resources-subscribe$/, "resources/subscribe"],
  [/^resources-unsubscribe$/, "resources/unsubscribe"],
  [/^prompts-list$/, "prompts/list"],
  [/^prompts-get-/, "prompts/get"],
];

/** The method that a server scenario is about. */
export function methodOf(scenario: string): string | undefined {
  return METHODS.find(([pattern]) => pattern.test(scenario))?.[1];
}

function lastLines(output: string): string {
  return output.trimEnd().split("\n").slice(-5).join("\n");
}
