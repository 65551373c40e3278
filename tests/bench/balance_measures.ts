/** What is measured of load balancing: what several upstreams give together, what the balancer adds, and how it fails over. */
import { startCapacityServers } from "./capacity_servers.ts";
import { choiceCostUs } from "./choice_cost.ts";
import { echoText, INITIALIZED_TEXT, initializeText } from "./messages.ts";
import { attempt, type Round } from "./measures.ts";
import { record } from "./samples.ts";
import type { Session } from "./session.ts";
import { IN_FLIGHT } from "./settings.ts";
import { median } from "./statistics.ts";
import { POLICY_NAMES } from "../../src/config/balance_settings.ts";

const STEP_DEADLINE_MS = 60_000;

/** Shakes hands, and sees that calls are answered: what is timed later is not looked at. */
async function greet(session: Session): Promise<void> {
  await answered(session, initializeText(1));
  await session.tell(INITIALIZED_TEXT);
  for (let i = 0; i < 3; i++) await answered(session, echoText(900_000 + i));
}

async function answered(session: Session, text: string): Promise<void> {
  const answer = JSON.parse(await session.ask(text));
  if (answer.result === undefined) throw new Error(`a call failed: ${answer.error?.message}`);
}

/** Calls a second through a pool of these. */
async function poolRate(round: Round, open: (urls: readonly string[]) => Session, urls: readonly string[]) {
  const session = open(urls);
  try {
    await greet(session);
    const { floodWarmMs, floodMs } = round.amounts;
    await session.flood((id) => echoText(id + 2), IN_FLIGHT, { ms: floodWarmMs });
    const { calls, ms } = await session.flood((id) => echoText(id + 1_000_000), IN_FLIGHT, { ms: floodMs });
    return calls / ms * 1000;
  } finally {
    await session.close();
  }
}

/** Three upstreams of fixed capacity against one; then one of the three is killed between two calls. */
export async function several(round: Round): Promise<void> {
  for (const subject of round.subjects) {
    const { openPool } = subject;
    if (openPool === undefined) continue;
    await attempt(round, subject, ["threeOfOne", "failover"], async () => {
      const servers = await startCapacityServers(3);
      const urls = servers.map(({ url }) => url);
      const open = (those: readonly string[]) => openPool(those, STEP_DEADLINE_MS);
      try {
        const one = await poolRate(round, open, urls.slice(0, 1));
        const three = await poolRate(round, open, urls);
        record(round.samples, "threeOfOne", subject.key, three / one);
        const session = open(urls);
        try {
          await greet(session);
          let id = 2;
          const usual: number[] = [];
          for (let i = 0; i < 30; i++) usual.push(await session.time(echoText(id++)));
          await servers[0]!.kill();
          const after: number[] = [];
          for (let i = 0; i < 6; i++) {
            const start = performance.now();
            await answered(session, echoText(id++));
            after.push(performance.now() - start);
          }
          record(round.samples, "failover", subject.key, Math.max(...after) / median(usual));
        } finally {
          await session.close();
        }
      } finally {
        await Promise.all(servers.map((server) => server.kill().catch(() => {})));
      }
    });
  }
}

/** What the balancer adds to a call over the plain proxy, at the same server, in turns; and what a choice costs. */
export async function balancer(round: Round): Promise<void> {
  const { plain } = round.server.urls;
  const { warmCalls, blocks, callsPerBlock } = round.amounts;
  for (const subject of round.subjects) {
    const { openPool } = subject;
    if (openPool === undefined) continue;
    await attempt(round, subject, ["balanced", "choice3", "choice1000"], async () => {
      const urls = [1, 2, 3].map((n) => `${plain}?replica=${n}`);
      const sessions = [subject.open(plain, STEP_DEADLINE_MS * 10), openPool(urls, STEP_DEADLINE_MS * 10)];
      const times: number[][] = [[], []];
      let id = 2;
      try {
        for (const session of sessions) {
          await greet(session);
          for (let i = 0; i < warmCalls; i++) await session.time(echoText(id++));
        }
        for (let block = 0; block < blocks; block++) {
          for (const [index, session] of sessions.entries()) {
            for (let i = 0; i < callsPerBlock; i++) times[index]!.push(await session.time(echoText(id++)));
          }
        }
      } finally {
        for (const session of sessions) await session.close();
      }
      record(round.samples, "balanced", subject.key, median(times[1]!) - median(times[0]!));
      const dearest = (size: number) => Math.max(...POLICY_NAMES.map((policy) => choiceCostUs(policy, size)));
      record(round.samples, "choice3", subject.key, dearest(3));
      record(round.samples, "choice1000", subject.key, dearest(1000));
    });
  }
}
