import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import type { UpstreamState } from "../../../src/balance/snapshot.ts";
import { formatMetrics } from "../../../src/balance/status/metrics.ts";
import { UPSTREAM_STATES } from "../../../src/balance/status/upstream_states.ts";
import { madePool, madeUpstream, NASTY, STARTED_AT } from "./made_snapshot.ts";
import { type Metric, parseMetrics } from "./parse_metrics.ts";

const STATES = Object.keys(UPSTREAM_STATES) as UpstreamState[];

/** The values of a metric that has one an upstream. */
function values(metrics: Map<string, Metric>, name: string): Record<string, number> {
  return Object.fromEntries(
    metrics.get(name)!.samples.map(({ labels, value }) => [labels.upstream, value]),
  );
}

Deno.test("each number of a snapshot is a metric, under the name the manual gives it", async () => {
  const metrics = parseMetrics(formatMetrics(
    madePool([
      madeUpstream("http://a/mcp", {
        state: "slow_start",
        weight: 2.5,
        inFlight: 3,
        requests: 1e21,
        answered: 90,
        failed: 7,
        moved: 6,
        opened: 2,
        ejected: 1,
        checks: 50,
        checksFailed: 4,
        histogram: [[2.5, 10], [100, 60], [1000, 80], [Infinity, 90]],
        latencySumMs: 12_345,
      }),
    ]),
    '1.2.3-"x"',
  ));
  const single = Object.fromEntries(
    [...metrics].filter(([, { samples }]) => samples.length === 1).map(([name, { type, samples }]) => [
      name,
      [type, samples[0]!.labels.upstream ?? samples[0]!.labels.version ?? "", samples[0]!.value],
    ]),
  );
  const a = "http://a/mcp";
  deepStrictEqual(single, {
    mcp_connect_build_info: ["gauge", '1.2.3-"x"', 1],
    process_start_time_seconds: ["gauge", "", STARTED_AT / 1000],
    mcp_connect_ready: ["gauge", "", 1],
    mcp_connect_upstream_up: ["gauge", a, 1],
    mcp_connect_upstream_weight: ["gauge", a, 2.5],
    mcp_connect_upstream_in_flight: ["gauge", a, 3],
    mcp_connect_upstream_requests_total: ["counter", a, 1e21],
    mcp_connect_upstream_answered_total: ["counter", a, 90],
    mcp_connect_upstream_failed_total: ["counter", a, 7],
    mcp_connect_upstream_moved_total: ["counter", a, 6],
    mcp_connect_upstream_opened_total: ["counter", a, 2],
    mcp_connect_upstream_ejected_total: ["counter", a, 1],
    mcp_connect_upstream_checks_total: ["counter", a, 50],
    mcp_connect_upstream_checks_failed_total: ["counter", a, 4],
  });
  deepStrictEqual(
    metrics.get("mcp_connect_upstream_request_duration_seconds")!.samples.map(({ name, labels, value }) => [
      name.replace("mcp_connect_upstream_request_duration_seconds", ""),
      labels.le,
      value,
    ]),
    [
      ["_bucket", "0.0025", 10],
      ["_bucket", "0.1", 60],
      ["_bucket", "1", 80],
      ["_bucket", "+Inf", 90],
      ["_sum", undefined, 12.345],
      ["_count", undefined, 90],
    ],
  );
  const manual = await Deno.readTextFile(new URL("../../../docs/status.md", import.meta.url));
  for (const [name, { type }] of metrics) {
    match(manual, new RegExp(`^\\| \`${name}(?:\\{[^}]*\\})?\` +\\| ${type} +\\|`, "m"));
  }
});

Deno.test("exactly one state of an upstream is 1, and up says whether it takes requests", () => {
  const metrics = parseMetrics(
    formatMetrics(madePool(STATES.map((state) => madeUpstream(`http://${state}/`, { state }))), "1"),
  );
  const states = metrics.get("mcp_connect_upstream_state")!.samples;
  strictEqual(states.length, STATES.length ** 2);
  deepStrictEqual(
    states.filter(({ value }) => value === 1).map(({ labels }) => [labels.upstream, labels.state]),
    STATES.map((state) => [`http://${state}/`, state]),
  );
  deepStrictEqual(values(metrics, "mcp_connect_upstream_up"), {
    "http://unused/": 1,
    "http://up/": 1,
    "http://slow_start/": 1,
    "http://resting/": 0,
    "http://ejected/": 0,
    "http://down/": 0,
    "http://trial/": 0,
    "http://draining/": 0,
  });
});

Deno.test("nothing that a name holds breaks the format", () => {
  const metrics = parseMetrics(formatMetrics(madePool(NASTY.map((name) => madeUpstream(name))), "1"));
  deepStrictEqual(
    metrics.get("mcp_connect_upstream_weight")!.samples.map(({ labels }) => labels.upstream),
    NASTY.map((name) => name.toWellFormed()),
  );
  fc.assert(fc.property(fc.array(fc.string({ unit: "binary" })), (names) => {
    // As it travels.
    const text = new TextDecoder("utf-8", { fatal: true }).decode(
      new TextEncoder().encode(formatMetrics(madePool(names.map((it) => madeUpstream(it))), "1")),
    );
    const seen = parseMetrics(text).get("mcp_connect_upstream_weight")?.samples ?? [];
    deepStrictEqual(seen.map(({ labels }) => labels.upstream), names.map((it) => it.toWellFormed()));
  }));
});

Deno.test("an endpoint that is there more than once has an index from the second on", () => {
  const metrics = parseMetrics(formatMetrics(
    madePool(["a", "b", "a", "x\ud800", "x\ufffd", "a"].map((it) => madeUpstream(it))),
    "1",
  ));
  deepStrictEqual(
    metrics.get("mcp_connect_upstream_requests_total")!.samples.map(({ labels }) => [
      labels.upstream,
      labels.index,
    ]),
    [["a", undefined], ["b", undefined], ["a", "2"], ["x\ufffd", undefined], ["x\ufffd", "2"], ["a", "3"]],
  );
});

Deno.test("a pool without upstreams has metrics of its own alone", () => {
  const metrics = parseMetrics(formatMetrics(madePool([], { ready: false }), "1"));
  deepStrictEqual([...metrics.keys()], [
    "mcp_connect_build_info",
    "process_start_time_seconds",
    "mcp_connect_ready",
  ]);
  strictEqual(metrics.get("mcp_connect_ready")!.samples[0]!.value, 0);
});

Deno.test("a histogram without bounds still has a count", () => {
  const metrics = parseMetrics(formatMetrics(madePool([madeUpstream("a", { histogram: [] })]), "1"));
  const samples = metrics.get("mcp_connect_upstream_request_duration_seconds")!.samples;
  deepStrictEqual(samples.map(({ labels, value }) => [labels.le, value]), [["+Inf", 0], [undefined, 0], [
    undefined,
    0,
  ]]);
});

Deno.test("the tests' own reader of metrics refuses what is not well-formed", () => {
  const head = "# HELP a b\n# TYPE a gauge\n";
  ok(parseMetrics(`${head}a{l="\\\\\\"\\n"} 1\n`).get("a")!.samples[0]!.labels.l === '\\"\n');
  for (
    const bad of [
      `${head}a 1`,
      `${head}a{l="\\x"} 1\n`,
      `${head}a{l="""} 1\n`,
      `${head}a{l="1",l="2"} 1\n`,
      `${head}a{l="1"} Infinity\n`,
      `${head}a 1\na 1\n`,
      `${head}b 1\n`,
      `${head}a 1\n${head}a{x="1"} 1\n`,
      "a 1\n",
      '# HELP h b\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n',
    ]
  ) throws(() => parseMetrics(bad), Error, bad);
});
