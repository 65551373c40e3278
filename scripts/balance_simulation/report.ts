import { HEAVY_SECOND_MOMENT } from "./draws.ts";
import {
  type Greatest,
  LOADS,
  type QueueRow,
  SERVICE_MS,
  SHARES,
  type SimulationResults,
  TIMEOUT_MS,
} from "./run_all.ts";

/** Writes the page of a simulation. The same seed gives the same page. */
export function simulationPage(results: SimulationResults): string {
  const { size, placement, alike, mixed, failure } = results;
  const { upstreams, requests, seed } = size;
  const { diesAt, backAt, endsAt, slowStartMs } = size.failure;
  return `# Load balancing, simulated

Made by \`deno task simulate\` (seed ${seed}; the same seed gives the same page): the policies of
\`src/balance/policies\`, the circuit breaker and the slow start themselves, over upstreams and requests that exist
only as numbers. What a textbook says of a policy stands beside what came out.

![The figures as a chart](balancing-simulation.svg)

## How even

${whole(size.placed)} requests over ${
    whole(size.placedOver)
  } upstreams that never answer, and one request for each
upstream (the mean of ${size.placements} runs): how many are at the upstream with the most.

${
    table([
      ["policy", `most of ${whole(size.placedOver)}`, "bound", `most of ${whole(size.placed)}`, "bound"],
      ...placement.map(({ policy, few, many }) => [
        policy,
        show(few.measured),
        boundOf(few),
        show(many.measured),
        boundOf(many),
      ]),
    ])
  }

The bounds, with n upstreams and m requests: by lot (\`random\`, and \`hash\` over ever new keys) m/n + √(2 (m/n) ln n) for
many requests, ln n ÷ ln ln n and a second term for m = n (Raab & Steger 1998); these hold for very large n, so what is
exact at this n is added. Two choices: m/n + ln ln n ÷ ln 2 + O(1) (Azar et al. 1994, Berenbrink et al. 2000).
One after the other, and the emptiest: m/n rounded up. \`sticky\` is there to keep all in one place.

## How long, where upstreams are alike

${whole(upstreams)} upstreams, each serving one request after the other, ${percent(LOADS.alike)} busy; ${
    whole(requests)
  } requests (after ${whole(requests / 2)} that don't count) that come by chance and take
exponentially distributed times. Times from arrival to answer are in mean service times: 1.0 is a request that never waits.

${queueTable(alike)}

Theory: by lot each upstream is an M/M/1 queue; one after the other makes E_n/M/1 of it; two choices by load are the
supermarket model (Mitzenmacher 1996); the shortest queue of many has nobody wait. \`p2c\` weighs loads with the
averages of latencies, which among upstreams that are alike is noise: the difference to \`p2c by load\`
is its price, and the next table is what it buys. \`sticky\` has as much to do as one upstream can: all others are idle.

## How long, where they differ

The same with upstreams a third of which each is 1, 1.5 and 2 times as fast and has that weight, ${
    percent(LOADS.mixed)
  } busy
in all, and with heavy tails: service times are bounded Pareto (exponent 1.5, the longest a thousand times the shortest; mean
square ${HEAVY_SECOND_MOMENT.toFixed(1)}, where exponential ones have 2).

${queueTable(mixed)}

Theory: M/G/1 (Pollaczek & Khinchine) for what is drawn by lot. \`round-robin\` does not look at weights: its slow third is
${percent(LOADS.mixed * 1.5)} busy, its fast third ${
    percent(LOADS.mixed * 0.75)
  }. With heavy tails most of the waiting
is behind the few long requests; only who sees them (\`least-pending\`, \`p2c\`) goes around them.

## A third dies at once

${whole(upstreams)} upstreams, ${percent(LOADS.failure)} busy, requests of ${SERVICE_MS} ms. After ${
    seconds(diesAt)
  } a third dies: half of these refuse connections, half accept requests and never answer (${
    seconds(TIMEOUT_MS)
  } timeout). The others then are ${percent(LOADS.failure * 1.5)} busy. After ${
    seconds(backAt)
  } all are back, with a slow start of ${seconds(slowStartMs)}; the end is at ${
    seconds(endsAt)
  }. Each second request is safe to repeat, the others only where nobody has listened; three tries
at most. There are no active checks: users' requests find out.

${
    table([
      [
        "policy",
        "requests",
        "unanswered",
        "failed tries a request",
        "settled",
        "returned",
        "most waiting there",
        "p99 before",
        "p99 during",
        "p99 after",
      ],
      ...failure.map((row) => [
        row.label,
        whole(row.requests),
        percent(row.unanswered, 2),
        row.wasted.toFixed(4),
        seconds(row.settledMs),
        row.returnedMs === Infinity ? "stays away" : seconds(row.returnedMs),
        whole(row.crowd),
        `${whole(row.p99.before)} ms`,
        `${whole(row.p99.during)} ms`,
        `${whole(row.p99.after)} ms`,
      ]),
    ])
  }

- *unanswered* and *failed tries*: of the requests that came while a third was dead. Those that hang cost a
  timeout each, and half of them may not be repeated; a breaker opens at the fifth, or when half of ten have failed.
- *settled*: when less than 5 % of the tries failed, from the moment of death. *returned*: when the returned third had 90 % of
  its part again, from the moment of return: the wait
  for the trial, which is as long as the failure was at most, then the slow start.
- *most waiting there*: the longest queue at a returned upstream during its slow start: none is flooded.
- \`sticky\` again has one upstream's load only.

## How to repeat it

\`deno task simulate\` writes this page and its chart; \`--seed N\` for another chance, \`--requests N\` and
\`--upstreams N\` for another size (all but the full size only print). It takes about two minutes on one core. A small
version runs as a test, \`tests/balance/simulation_test.ts\`, and holds the policies to these bounds.
`;
}

function queueTable(rows: readonly QueueRow[]): string {
  return table([
    ["policy", "most ÷ mean load", "mean", "by theory", ...SHARES.map((share) => `p${100 * share}`)],
    ...rows.map((row) => [
      row.label,
      row.spread.toFixed(3),
      row.mean.toFixed(2),
      row.meanByTheory?.toFixed(2) ?? "",
      ...row.quantiles.map((time, i) => {
        const theory = row.theory?.quantile?.(SHARES[i]!);
        return theory === undefined ? time.toFixed(2) : `${time.toFixed(2)} (${theory.toFixed(2)})`;
      }),
    ]),
  ]);
}

function boundOf({ bound, exact }: Greatest): string {
  return exact === undefined ? show(bound) : `${show(bound)} (exact: ${show(exact)})`;
}

function show(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 1 });
}

function whole(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 0 });
}

function percent(share: number, digits = 0): string {
  return `${(100 * share).toFixed(digits)} %`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toLocaleString("en-US", { maximumFractionDigits: 1 })} s`;
}

function table(rows: readonly (readonly string[])[]): string {
  const line = (row: readonly string[]) => `| ${row.join(" | ")} |`;
  const [head, ...body] = rows;
  return [line(head!), line(head!.map(() => "---")), ...body.map(line)].join("\n");
}
