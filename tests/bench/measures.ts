/** The measures. Each runs once a round, for all subjects, whose order changes from round to round. */
import { balancer, several } from "./balance_measures.ts";
import { bundleUse, rivalUse, sourceUse } from "./disk.ts";
import { canReadMemory, pause, peakMiB, resetPeak, restingMiB } from "./memory.ts";
import {
  ECHO_TEXT,
  echoText,
  INITIALIZED_TEXT,
  initializeText,
  modernEchoText,
  PAYLOAD_BYTES,
  payloadText,
} from "./messages.ts";
import type { MetricKey } from "./metrics.ts";
import { RIVALS } from "./rivals.ts";
import { record, type Samples } from "./samples.ts";
import type { ServerProcess } from "./server_process.ts";
import type { Session } from "./session.ts";
import { type Amounts, IN_FLIGHT, SOAK_CALLS } from "./settings.ts";
import { median, quantile } from "./statistics.ts";
import type { Subject } from "./subjects.ts";

/** What a measure works with in one round. */
export interface Round {
  /** The round's number, from 0. */
  readonly index: number;
  readonly subjects: readonly Subject[];
  readonly server: ServerProcess;
  readonly amounts: Amounts;
  readonly samples: Samples;
}

/** One measure. */
export interface Measure {
  /** What `--measure` takes. */
  readonly name: string;
  readonly metrics: readonly MetricKey[];
  /** Takes so long that it is left out of quick runs unless it is named. @default false */
  readonly long?: boolean;
  run(round: Round): Promise<void>;
}

const STEP_DEADLINE_MS = 60_000;
const SOAK_DEADLINE_MS = 600_000;

/** All measures, in the order in which a round takes them. */
export const MEASURES: readonly Measure[] = [
  {
    name: "start",
    metrics: ["start", "startOver"],
    async run(round) {
      await starts(round, "start", round.server.urls.plain);
      await startsOver(round);
    },
  },
  {
    name: "slow",
    metrics: ["startSlow"],
    run: (round) => starts(round, "startSlow", round.server.urls.slow),
  },
  { name: "requests", metrics: ["requests", "streams"], run: requests },
  {
    name: "latency",
    metrics: ["p50", "p99", "addedP50", "addedP99"],
    run: (round) => latency(round, round.server.urls.plain, ["p50", "p99"], ["addedP50", "addedP99"]),
  },
  { name: "rate", metrics: ["rate"], run: (round) => rate(round, round.server.urls.plain, "rate") },
  { name: "restart", metrics: ["restart"], run: restart },
  { name: "results", metrics: ["mib1", "mib16"], run: results },
  { name: "size", metrics: ["disk", "files"], run: size },
  { name: "memory", metrics: ["rest", "peak"], run: memory },
  {
    name: "json",
    metrics: ["jsonP50", "jsonAddedP50", "jsonRate"],
    run: async (round) => {
      await latency(round, round.server.urls.json, ["jsonP50"], ["jsonAddedP50"]);
      await rate(round, round.server.urls.json, "jsonRate");
    },
  },
  { name: "eras", metrics: ["toLegacy", "toModern"], run: eras },
  { name: "balancer", metrics: ["balanced", "choice3", "choice1000"], run: balancer },
  { name: "several", metrics: ["threeOfOne", "failover"], run: several },
  { name: "soak", metrics: ["rss10k", "rss100k"], long: true, run: soak },
];

/** Opens a session, shakes hands, hands it to `use` and closes it, whatever happens. */
export async function withSession<T>(
  subject: Subject,
  url: string,
  deadlineMs: number,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const session = subject.open(url, deadlineMs);
  try {
    await session.ask(initializeText(1));
    await session.tell(INITIALIZED_TEXT);
    return await use(session);
  } finally {
    await session.close();
  }
}

/** Runs a step of one subject; a failure is noted beside the figures and stops nothing. */
export async function attempt(
  round: Round,
  subject: Subject,
  metrics: readonly MetricKey[],
  step: () => Promise<void>,
): Promise<void> {
  try {
    await step();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    for (const key of metrics) (round.samples.failures[key] ??= {})[subject.key] = reason;
  }
}

/** What crossing eras adds to a call: against the call that crosses none, at the same server, in turns. */
async function eras(round: Round): Promise<void> {
  const { plain, modern } = round.server.urls;
  const { warmCalls, blocks, callsPerBlock } = round.amounts;
  for (const subject of round.subjects.filter(({ role }) => role === "ours")) {
    await attempt(round, subject, ["toLegacy", "toModern"], async () => {
      const cells = [
        { url: plain, legacy: true },
        { url: plain, legacy: false },
        { url: modern, legacy: true },
        { url: modern, legacy: false },
      ].map((it) => ({ ...it, session: subject.open(it.url, SOAK_DEADLINE_MS), times: [] as number[] }));
      let id = 2;
      try {
        for (const { session, legacy } of cells) {
          if (legacy) {
            await session.ask(initializeText(1));
            await session.tell(INITIALIZED_TEXT);
          }
          const textOf = legacy ? echoText : modernEchoText;
          const answer = await session.ask(textOf(id++));
          if (!answer.includes(ECHO_TEXT)) throw new Error(`no echo: ${answer.slice(0, 300)}`);
          for (let i = 0; i < warmCalls; i++) await session.time(textOf(id++));
        }
        for (let block = 0; block < blocks; block++) {
          for (const { session, legacy, times } of cells) {
            const textOf = legacy ? echoText : modernEchoText;
            for (let i = 0; i < callsPerBlock; i++) times.push(await session.time(textOf(id++)));
          }
        }
      } finally {
        for (const { session } of cells) await session.close();
      }
      const [legacyLegacy, modernLegacy, legacyModern, modernModern] = cells.map(({ times }) =>
        median(times)
      );
      record(round.samples, "toLegacy", subject.key, modernLegacy! - legacyLegacy!);
      record(round.samples, "toModern", subject.key, legacyModern! - modernModern!);
    });
  }
}

async function starts(round: Round, metric: MetricKey, url: string): Promise<void> {
  const times = await timeStarts(round, round.subjects, metric, url);
  for (const [subject, samples] of times) record(round.samples, metric, subject.key, median(samples));
}

/** Starts subjects in turns, and gives what each start has taken. */
async function timeStarts(
  round: Round,
  subjects: readonly Subject[],
  metric: MetricKey,
  url: string,
): Promise<ReadonlyMap<Subject, number[]>> {
  const times = new Map<Subject, number[]>();
  for (let i = 0; i < round.amounts.starts; i++) {
    for (const subject of subjects) {
      if (!subject.spawns || (metric === "startSlow" && !subject.usesServer)) continue;
      await attempt(round, subject, [metric], async () => {
        const start = performance.now();
        const session = subject.open(url, STEP_DEADLINE_MS);
        try {
          // What answers nothing is timed until it ends.
          await session.ask(initializeText(1)).catch((error) => {
            if (subject.silent !== true) throw error;
          });
          times.set(subject, [...times.get(subject) ?? [], performance.now() - start]);
        } finally {
          await session.close();
        }
      });
    }
  }
  return times;
}

/**
 * What a start takes beyond what Deno and one round trip take by themselves: the two in turns, without the rivals, which leave
 * no cache as it was.
 */
async function startsOver(round: Round): Promise<void> {
  const least = round.subjects.find(({ key }) => key === "least");
  if (least === undefined) return;
  for (const subject of round.subjects.filter(({ role }) => role === "ours")) {
    const times = await timeStarts(round, [subject, least], "startOver", round.server.urls.plain);
    const [ours, floor] = [times.get(subject), times.get(least)];
    if (ours === undefined || floor === undefined) continue;
    record(round.samples, "startOver", subject.key, median(ours) - median(floor));
  }
}

async function size({ samples, subjects }: Round): Promise<void> {
  for (const { key } of subjects) {
    const rival = RIVALS.find(({ name }) => name === key);
    const use = key === "ours"
      ? bundleUse()
      : key === "source"
      ? await sourceUse()
      : rival && await rivalUse(rival);
    if (use === undefined) continue;
    record(samples, "disk", key, use.bytes / 2 ** 20);
    record(samples, "files", key, use.files);
  }
}

/** Counts a moment after the first call's answer, so that what a bridge sends beside the call is counted too. */
async function requests(round: Round): Promise<void> {
  const { urls, reset, stats } = round.server;
  for (const subject of round.subjects.filter((subject) => subject.usesServer)) {
    await attempt(round, subject, ["requests", "streams"], async () => {
      await reset();
      const seen = await withSession(subject, urls.plain, STEP_DEADLINE_MS, async (session) => {
        await session.ask(echoText(2));
        await pause(100);
        return await stats();
      });
      record(round.samples, "requests", subject.key, seen.requests);
      record(round.samples, "streams", subject.key, seen.streams);
    });
  }
}

/** All sessions are open at once and take turns block by block, so that the machine's noise meets all alike. */
async function latency(
  round: Round,
  url: string,
  totals: readonly [p50: MetricKey, p99?: MetricKey],
  added: readonly [p50: MetricKey, p99?: MetricKey],
): Promise<void> {
  const times = new Map<Subject, number[]>();
  const open: [Subject, Session][] = [];
  const { warmCalls, blocks, callsPerBlock } = round.amounts;
  const metrics = [...totals, ...added].filter((key) => key !== undefined);
  let id = 2;
  try {
    for (const subject of round.subjects) {
      await attempt(round, subject, metrics, async () => {
        const session = subject.open(url, SOAK_DEADLINE_MS);
        open.push([subject, session]);
        await session.ask(initializeText(1));
        await session.tell(INITIALIZED_TEXT);
        for (let i = 0; i < warmCalls; i++) await session.time(echoText(id++));
        times.set(subject, []);
      });
    }
    for (let block = 0; block < blocks; block++) {
      for (const [subject, session] of open) {
        const samples = times.get(subject);
        if (samples === undefined) continue;
        await attempt(round, subject, metrics, async () => {
          for (let i = 0; i < callsPerBlock; i++) samples.push(await session.time(echoText(id++)));
        });
      }
    }
  } finally {
    for (const [, session] of open) await session.close();
  }
  const direct = [...times].find(([subject]) => subject.key === "direct")?.[1];
  for (const [subject, samples] of times) {
    const shares = [0.5, 0.99];
    for (const [i, share] of shares.entries()) {
      const total = totals[i];
      const difference = added[i];
      const value = quantile(samples, share);
      if (total !== undefined) record(round.samples, total, subject.key, value);
      if (direct === undefined || difference === undefined || subject.role === "floor") continue;
      record(round.samples, difference, subject.key, value - quantile(direct, share));
    }
  }
}

async function rate(round: Round, url: string, metric: MetricKey): Promise<void> {
  const { floodWarmMs, floodMs } = round.amounts;
  for (const subject of round.subjects) {
    await attempt(
      round,
      subject,
      [metric],
      () =>
        withSession(subject, url, STEP_DEADLINE_MS, async (session) => {
          await session.flood((id) => echoText(id + 2), IN_FLIGHT, { ms: floodWarmMs });
          const { calls, ms } = await session.flood((id) => echoText(id + 1_000_000), IN_FLIGHT, {
            ms: floodMs,
          });
          record(round.samples, metric, subject.key, calls / ms * 1000);
        }),
    );
  }
}

/** How long a bridge may take to answer again after the server's restart, and how long its client rests between tries. */
const RESTART_MS = 5000;
const RESTART_PAUSE_MS = 20;

/** The server cuts its connections and forgets its sessions; the client calls until it gets a result. */
async function restart(round: Round): Promise<void> {
  for (const subject of round.subjects.filter(({ spawns, usesServer }) => spawns && usesServer)) {
    await attempt(
      round,
      subject,
      ["restart"],
      () =>
        withSession(subject, round.server.urls.plain, STEP_DEADLINE_MS, async (session) => {
          for (let id = 2; id < 20; id++) await session.ask(echoText(id));
          await round.server.restart();
          const start = performance.now();
          for (let id = 20;; id++) {
            const answer = JSON.parse(await session.ask(echoText(id)));
            if (answer.result !== undefined) break;
            if (performance.now() - start > RESTART_MS) throw new Error(`still ${answer.error?.message}`);
            await pause(RESTART_PAUSE_MS);
          }
          record(round.samples, "restart", subject.key, performance.now() - start);
        }),
    );
  }
}

async function results(round: Round): Promise<void> {
  const { mib1Calls, mib16Calls } = round.amounts;
  for (const subject of round.subjects) {
    await attempt(
      round,
      subject,
      ["mib1", "mib16"],
      () =>
        withSession(subject, round.server.urls.plain, STEP_DEADLINE_MS, async (session) => {
          let id = 2;
          const timed = async (bytes: number, warm: number, calls: number): Promise<number> => {
            for (let i = 0; i < warm; i++) await session.time(payloadText(id++, bytes));
            const times: number[] = [];
            for (let i = 0; i < calls; i++) times.push(await session.time(payloadText(id++, bytes)));
            return median(times);
          };
          record(round.samples, "mib1", subject.key, await timed(PAYLOAD_BYTES.mib1, 4, mib1Calls));
          record(round.samples, "mib16", subject.key, await timed(PAYLOAD_BYTES.mib16, 1, mib16Calls));
        }),
    );
  }
}

async function memory(round: Round): Promise<void> {
  if (!canReadMemory) return;
  for (const subject of round.subjects) {
    await attempt(
      round,
      subject,
      ["rest", "peak"],
      () =>
        withSession(subject, round.server.urls.plain, STEP_DEADLINE_MS, async ({ pid, ask, time }) => {
          if (pid === undefined) return;
          record(round.samples, "rest", subject.key, await restingMiB(pid, round.amounts.settleMs));
          await ask(echoText(2));
          const before = await restingMiB(pid, round.amounts.settleMs);
          resetPeak(pid);
          await time(payloadText(3, PAYLOAD_BYTES.mib16));
          record(round.samples, "peak", subject.key, peakMiB(pid) - before);
        }),
    );
  }
}

async function soak(round: Round): Promise<void> {
  if (!canReadMemory) return;
  const [first, second] = SOAK_CALLS;
  for (const subject of round.subjects) {
    await attempt(
      round,
      subject,
      ["rss10k", "rss100k"],
      () =>
        withSession(subject, round.server.urls.plain, SOAK_DEADLINE_MS, async ({ pid, flood }) => {
          if (pid === undefined) return;
          await flood((id) => echoText(id + 2), IN_FLIGHT, { calls: first });
          record(round.samples, "rss10k", subject.key, await restingMiB(pid, round.amounts.settleMs));
          if (subject.role === "rival" && round.index >= round.amounts.rivalSoakRounds) return;
          await flood((id) => echoText(id + first + 2), IN_FLIGHT, { calls: second - first });
          record(round.samples, "rss100k", subject.key, await restingMiB(pid, round.amounts.settleMs));
        }),
    );
  }
}
