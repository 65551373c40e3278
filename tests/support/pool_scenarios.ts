/** What may befall the replicas of a pool while calls run, each as what is done and what has to become of it. */
import { ok } from "node:assert/strict";
import type { PoolStorm } from "./pool_storm.ts";
import type { Replica } from "./replicas.ts";
import { randomNumbers } from "./storm.ts";
import type { ReplicaMood } from "./replica_server.ts";

/** Has something happen during a storm, and waits until all is well again. */
export type PoolScenario = (storm: PoolStorm) => Promise<void>;

/** The part of the calls answered in a second before that there must be again. */
const RECOVERED = 0.35;
/** How long that may take, in milliseconds: seconds, and more on a machine that is busy. */
const RECOVERY_MS = 20_000;
/** What is done to see how things go before anything happens. */
const WARM_UP = 300;

function others({ replicas }: PoolStorm, than: Replica): readonly Replica[] {
  return replicas.filter((it) => it !== than);
}

/** What the calls are like when nothing is wrong. */
async function usualRate(storm: PoolStorm): Promise<number> {
  await storm.more(WARM_UP);
  await storm.spread();
  const start = performance.now();
  await storm.until("a second is over", () => performance.now() - start > 1000);
  return storm.rate();
}

/** As many calls are answered as before, or nearly, though not by this one. */
async function carriedByOthers(storm: PoolStorm, lost: Replica, usual: number): Promise<void> {
  await storm.until(
    "the others answer as much as before",
    () => storm.rate() >= usual * RECOVERED && storm.lately(lost) === 0,
    RECOVERY_MS,
  );
}

/** One that is silent is known to be so, and what does no harm twice has gone to others. */
async function leftBySafeCalls(storm: PoolStorm): Promise<void> {
  const known = () => /an upstream is down/.test(storm.program.stderr());
  // That takes seconds, which need not be filled with calls.
  storm.setAtOnce(32);
  await storm.until("it is known that one is down", known, RECOVERY_MS);
  const { made } = storm;
  await storm.until("safe calls leave it", () => !storm.safeCallsWait(made));
  storm.setAtOnce(64);
}

async function wellAgain(storm: PoolStorm, usual: number): Promise<void> {
  await storm.until("as much is answered as before", () => storm.rate() >= usual * RECOVERED, RECOVERY_MS);
  await storm.spread();
}

/** Nothing. */
export async function nothingHappens(storm: PoolStorm): Promise<void> {
  await storm.more(WARM_UP);
  await storm.spread();
}

/** One is killed, and comes back later. */
export async function oneIsKilled(storm: PoolStorm): Promise<void> {
  const [, victim] = storm.replicas;
  const usual = await usualRate(storm);
  await victim!.kill();
  await carriedByOthers(storm, victim!, usual);
  await victim!.start();
  await wellAgain(storm, usual);
}

/** One stands still, its connections open, and goes on later. */
export function isStopped(index: number): PoolScenario {
  return async (storm) => {
    const victim = storm.replicas[index]!;
    const usual = await usualRate(storm);
    victim.stop();
    try {
      await carriedByOthers(storm, victim, usual);
      await leftBySafeCalls(storm);
    } finally {
      victim.resume();
    }
    await wellAgain(storm, usual);
  };
}

/** One accepts requests and answers none, and goes on later. */
export async function oneHangs(storm: PoolStorm): Promise<void> {
  const [, victim] = storm.replicas;
  const usual = await usualRate(storm);
  await victim!.be({ hang: true });
  await carriedByOthers(storm, victim!, usual);
  await leftBySafeCalls(storm);
  await victim!.be({});
  await wellAgain(storm, usual);
}

/** One takes ten times as long. */
export function oneIsSlow(latencyMs: number): PoolScenario {
  return async (storm) => {
    const [, victim] = storm.replicas;
    const usual = await usualRate(storm);
    await victim!.be({ latencyMs: latencyMs * 10 });
    await carriedByOthers(storm, victim!, usual);
    await victim!.be({});
    // It is left out for a while yet.
    storm.setAtOnce(6);
    await storm.spread();
    storm.setAtOnce(64);
    await wellAgain(storm, usual);
  };
}

/** One breaks some of its connections in the middle of the answer. */
export function oneBreaksStreams(oneIn: number, calls: number): PoolScenario {
  return async (storm) => {
    const [, victim] = storm.replicas;
    const usual = await usualRate(storm);
    await victim!.be({ breakOneIn: oneIn });
    await storm.more(calls);
    await victim!.be({});
    await wellAgain(storm, usual);
  };
}

/** One refuses calls. Errors for unsafe ones are right where the refusal leaves open whether they ran. */
export function oneRefuses(mood: ReplicaMood, errorsAllowed: boolean): PoolScenario {
  return async (storm) => {
    const [, victim] = storm.replicas;
    const usual = await usualRate(storm);
    const before = storm.errors;
    await victim!.be(mood);
    await carriedByOthers(storm, victim!, usual);
    await storm.more(WARM_UP);
    await victim!.be({});
    await wellAgain(storm, usual);
    ok(errorsAllowed || storm.errors === before, `${storm.errors - before} calls came to errors`);
  };
}

/** Each in its turn is killed and started again. */
export async function allAreRestarted(storm: PoolStorm): Promise<void> {
  const usual = await usualRate(storm);
  for (const victim of storm.replicas) {
    await victim.kill();
    await storm.spread(others(storm, victim));
    await victim.start();
    await wellAgain(storm, usual);
  }
}

/** Each in its turn is killed, and is there again: the program itself starts those that are its children. */
export async function eachIsKilled(storm: PoolStorm): Promise<void> {
  const usual = await usualRate(storm);
  for (const victim of storm.replicas) {
    await victim.kill();
    if (victim.command === undefined) await carriedByOthers(storm, victim, usual);
    await victim.start();
    await wellAgain(storm, usual);
  }
}

/** All are killed: errors come at once, until one is back. */
export async function allAreKilled(storm: PoolStorm): Promise<void> {
  const usual = await usualRate(storm);
  storm.allowFailures(true);
  storm.setAtOnce(2);
  await Promise.all(storm.replicas.map((it) => it.kill()));
  await storm.more(200, 5000);
  const [, survivor] = storm.replicas;
  await survivor!.start();
  await storm.until("one answers", () => storm.rate() > 0 && storm.last(20)[survivor!.name] === 20);
  storm.allowFailures(false);
  await Promise.all(others(storm, survivor!).map((it) => it.start()));
  storm.setAtOnce(64);
  await wellAgain(storm, usual);
}

/** What {@linkcode anythingHappens} does to replicas, and how it is undone. */
const MISHAPS: readonly {
  readonly name: string;
  readonly befall: (victim: Replica) => void | Promise<void>;
  readonly end: (victim: Replica) => void | Promise<void>;
}[] = [
  { name: "killed", befall: (it) => it.kill(), end: (it) => it.start() },
  { name: "stopped", befall: (it) => it.stop(), end: (it) => it.resume() },
  ...([
    { hang: true },
    { latencyMs: 200 },
    { breakOneIn: 3 },
    { breakOneIn: 1 },
    { status: 503 },
    { status: 503, retryAfter: 1 },
    { status: 429 },
    { status: 502 },
  ] satisfies ReplicaMood[]).map((mood) => ({
    name: JSON.stringify(mood),
    befall: (it: Replica) => it.be(mood),
    end: (it: Replica) => it.be({}),
  })),
];

/** One of three is always well; the other two are not, as chance has it, now one and now both. */
export function anythingHappens(
  seed: number,
  rounds: number,
  told: (what: string) => void = () => {},
): PoolScenario {
  return async (storm) => {
    const random = randomNumbers(seed);
    const upTo = (most: number) => Math.floor(random() * most);
    const usual = await usualRate(storm);
    for (let round = 0; round < rounds; round++) {
      const well = storm.replicas[round % storm.replicas.length]!;
      const ill = new Map<Replica, (typeof MISHAPS)[number]>();
      try {
        for (let step = 0; step < 4; step++) {
          const victims = others(storm, well);
          const victim = victims[upTo(victims.length)]!;
          await ill.get(victim)?.end(victim);
          const mishap = MISHAPS[upTo(MISHAPS.length)]!;
          told(`${victim.name} ${mishap.name}`);
          ill.set(victim, mishap);
          await mishap.befall(victim);
          await storm.more(20 + upTo(200));
        }
      } finally {
        for (const [victim, { end }] of ill) await end(victim);
      }
      told("all are well");
      await wellAgain(storm, usual);
    }
  };
}
