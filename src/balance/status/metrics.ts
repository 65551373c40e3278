/**
 * The Prometheus text format is written here rather than by prom-client, the library for it: that costs 75 to 100 ms (36 in
 * a bundle) and 16 to 23 MB when it is loaded, the time as one gap in the messages that pass meanwhile, in a program that
 * needs 30 MB; and it counts by itself, but takes neither a counter nor a histogram as they are in a snapshot.
 */
import type { PoolSnapshot, UpstreamSnapshot } from "../snapshot.ts";
import { UPSTREAM_STATES } from "./upstream_states.ts";

/** The `Content-Type` of what {@linkcode formatMetrics} writes. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

type MetricType = "gauge" | "counter" | "histogram";
type Labels = Readonly<Record<string, string>>;
/** A value, with what comes after the metric's name and the labels it has. */
type Sample = readonly [value: number, labels?: Labels, suffix?: string];

/** An upstream, and the labels that tell it from all others. */
interface Labelled {
  readonly upstream: UpstreamSnapshot;
  readonly labels: Labels;
}

/** The metrics with one value an upstream. */
const OF_UPSTREAM: readonly (readonly [
  name: string,
  type: MetricType,
  help: string,
  value: (upstream: UpstreamSnapshot) => number,
])[] = [
  ["up", "gauge", "Whether the upstream takes requests.", (it) => +UPSTREAM_STATES[it.state].takesRequests],
  ["weight", "gauge", "The weight of the upstream.", (it) => it.weight],
  ["in_flight", "gauge", "Requests that have no answer yet.", (it) => it.inFlight],
  ["requests_total", "counter", "Requests that were sent there, checks not included.", (it) => it.requests],
  [
    "answered_total",
    "counter",
    "Requests that were answered, with a result or an error.",
    (it) => it.answered,
  ],
  ["failed_total", "counter", "Requests that failed: lost, not sent, refused.", (it) => it.failed],
  ["moved_total", "counter", "Failed requests that another upstream took over.", (it) => it.moved],
  ["opened_total", "counter", "How often the circuit of the upstream has opened.", (it) => it.opened],
  ["ejected_total", "counter", "How often the upstream was ejected.", (it) => it.ejected],
  ["checks_total", "counter", "Health checks of the upstream.", (it) => it.checks],
  ["checks_failed_total", "counter", "Health checks that failed.", (it) => it.checksFailed],
];

/** Writes a snapshot in the Prometheus text format, version 0.0.4. */
export function formatMetrics(snapshot: PoolSnapshot, version: string): string {
  const upstreams = label(snapshot.upstreams);
  const perUpstream = OF_UPSTREAM.map(([name, type, help, value]) =>
    family(
      `mcp_connect_upstream_${name}`,
      type,
      help,
      upstreams.map(({ upstream, labels }) => [value(upstream), labels]),
    )
  );
  return [
    family("mcp_connect_build_info", "gauge", "The version of the program.", [[1, { version }]]),
    family("process_start_time_seconds", "gauge", "When the program started, in seconds since 1970.", [
      [snapshot.startedAt / 1000],
    ]),
    family("mcp_connect_ready", "gauge", "Whether at least one upstream takes requests.", [
      [snapshot.ready ? 1 : 0],
    ]),
    family(
      "mcp_connect_upstream_state",
      "gauge",
      "What the upstream is doing: 1 for the state it is in, 0 for all others.",
      upstreams.flatMap(({ upstream, labels }) =>
        Object.keys(UPSTREAM_STATES).map((
          state,
        ): Sample => [+(upstream.state === state), { ...labels, state }])
      ),
    ),
    ...perUpstream,
    family(
      "mcp_connect_upstream_request_duration_seconds",
      "histogram",
      "How long answers took.",
      upstreams.flatMap(durations),
    ),
  ].join("");
}

/**
 * An endpoint may be there more than once: the second gets a label more, `index="2"`, and so on. Summing them would be wrong
 * for states, and giving all an index would begin new series for each when one is added in front.
 */
function label(upstreams: readonly UpstreamSnapshot[]): Labelled[] {
  const seen = new Map<string, number>();
  return upstreams.map((upstream) => {
    // As it is encoded, so that two names which differ in nothing else are not taken for two.
    const endpoint = upstream.endpoint.toWellFormed();
    const index = (seen.get(endpoint) ?? 0) + 1;
    seen.set(endpoint, index);
    return {
      upstream,
      labels: { upstream: endpoint, ...(index > 1 ? { index: String(index) } : {}) },
    };
  });
}

function durations({ upstream: { histogram, latencySumMs }, labels }: Labelled): Sample[] {
  const count = histogram.at(-1)?.[1] ?? 0;
  const bounds = histogram.filter(([upToMs]) => upToMs !== Infinity);
  return [
    ...[...bounds, [Infinity, count] as const].map(([upToMs, value]): Sample => [
      value,
      { ...labels, le: number(upToMs / 1000) },
      "_bucket",
    ]),
    [latencySumMs / 1000, labels, "_sum"],
    [count, labels, "_count"],
  ];
}

/** One metric: without samples there is nothing to say. */
function family(name: string, type: MetricType, help: string, samples: readonly Sample[]): string {
  if (samples.length === 0) return "";
  const lines = samples.map(([value, labels = {}, suffix = ""]) => {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escape(text)}"`).join(",");
    return `${name}${suffix}${pairs === "" ? "" : `{${pairs}}`} ${number(value)}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function number(value: number): string {
  return value === Infinity ? "+Inf" : value === -Infinity ? "-Inf" : String(value);
}

function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}
