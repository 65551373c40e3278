import type { BalanceSettings } from "../../config/balance_settings.ts";
import type { SrvRecord } from "./look_up.ts";

/** Asks for names. What is not found, and what fails, rejects with an error whose message says why. */
export interface Resolver {
  /** All addresses of a name. */
  addresses(name: string, signal: AbortSignal): Promise<readonly string[]>;
  /** The SRV records of a name. */
  records(name: string, signal: AbortSignal): Promise<readonly SrvRecord[]>;
}

/**
 * Makes a resolver: the system's, which knows its own files and search domains too, or one that asks a server. SRV
 * records are asked for in DNS in both cases.
 */
export function createResolver(server: BalanceSettings["dnsServer"]): Resolver {
  const options = (signal: AbortSignal): Deno.ResolveDnsOptions & { signal: AbortSignal } =>
    server === undefined ? { signal } : { nameServer: { ...server }, signal };
  const permitted = (name: string) => {
    const bracketed = server?.ipAddr.includes(":") ? `[${server.ipAddr}]` : server?.ipAddr;
    const host = server === undefined ? name : `${bracketed}:${server.port}`;
    // Nothing may prompt.
    if (Deno.permissions.querySync({ name: "net", host }).state === "granted") return;
    throw new Error(`no permission to look it up: run Deno with --allow-net=${host}`);
  };

  async function systemAddresses(name: string): Promise<string[]> {
    const { lookup } = await import("node:dns/promises");
    const found = await lookup(name, { all: true });
    return found.map(({ address }) => address);
  }

  async function serverAddresses(name: string, signal: AbortSignal): Promise<string[]> {
    const ask = (type: "A" | "AAAA") => Deno.resolveDns(name, type, options(signal));
    const [v4, v6] = await Promise.allSettled([ask("A"), ask("AAAA")]);
    const found = [v4, v6].flatMap((it) => it.status === "fulfilled" ? it.value : []);
    // Half an answer would look as if the other half had gone; that there are none of a family is an answer.
    for (const it of [v4, v6]) {
      if (it.status === "rejected" && !(found.length > 0 && isNotFound(it.reason))) throw it.reason;
    }
    return found;
  }

  return {
    async addresses(name, signal) {
      permitted(name);
      return server === undefined ? await systemAddresses(name) : await serverAddresses(name, signal);
    },
    async records(name, signal) {
      permitted(name);
      return await Deno.resolveDns(name, "SRV", options(signal));
    },
  };
}

function isNotFound(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound;
}
