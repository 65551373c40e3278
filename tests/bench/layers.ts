/** What the layers for recovery and repetition cost a call when nothing fails: measured in this process, over no wire. */
import { createListings } from "../../src/upstream/listings.ts";
import { recovering } from "../../src/upstream/recovery.ts";
import { retrying } from "../../src/upstream/retry.ts";
import { NO_SESSION } from "../../src/upstream/session.ts";
import { request, resultAnswer } from "../../src/jsonrpc/answers.ts";
import { openExchange } from "../../src/link/exchange.ts";
import type { Peer } from "../../src/link/peer.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { median } from "./statistics.ts";

const CALLS = 100_000;
const ROUNDS = 7;

/** Gives, in words, what the layers add to a call, in microseconds. */
export async function measureLayers(): Promise<string> {
  const bare = answeringPeer();
  const layered = withLayers(answeringPeer());
  const added: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const [first, second] = round % 2 === 0 ? [bare, layered] : [layered, bare];
    const times = [await timeCalls(first), await timeCalls(second)];
    const [plain, full] = round % 2 === 0 ? times : times.toReversed();
    // The first round warms up.
    if (round > 0) added.push((full! - plain!) / CALLS * 1000);
  }
  return `${median(added).toFixed(2)} µs a call`;
}

function answeringPeer(): Peer {
  return {
    request(message) {
      const exchange = openExchange(() => {});
      queueMicrotask(() => exchange.settle({ kind: "answered", message: resultAnswer(message.id!, {}) }));
      return exchange;
    },
    notify: () => Promise.resolve(undefined),
    listen() {},
    close: () => Promise.resolve(),
  };
}

function withLayers(peer: Peer): Peer {
  const logger = createLogger({ level: "error", format: "text" });
  const shared = { endpoint: "none", logger, timeoutMs: 30_000, delayMs: 1000, attempts: 3 };
  const session = () => NO_SESSION;
  const recovered = recovering({ ...shared, session, keepAliveMs: undefined, replayed() {} })(peer);
  const listings = createListings();
  return retrying({ ...shared, listings, requestTimeoutMs: 300_000, onceOnly: false })(recovered);
}

async function timeCalls(peer: Peer): Promise<number> {
  const call = request("1", "tools/call", { name: "echo" });
  const start = performance.now();
  for (let i = 0; i < CALLS; i++) await new Promise((resolve) => peer.request(call).whenOver(resolve));
  return performance.now() - start;
}
